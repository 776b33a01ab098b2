"""``sematic show``."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence

import click

from sematic.cli.describe import (
    Facts,
    attempt_fact,
    attempt_json,
    details_json,
    failure_text,
    headline,
    program_facts,
    run_json,
    time_facts,
    value_facts,
)
from sematic.cli.finding import find_run
from sematic.cli.screen import on_terminal, paint, painted_state, safe, say, say_json, took
from sematic.cli.summaries import brief_id, brief_input
from sematic.cli.tree import DEPTH, Folded, Row, rows
from sematic.engine.records import PipelineRun, Run
from sematic.engine.states import State
from sematic.recorded import SHORT, Record, interrupted, pipeline_run_state, run_name, run_seconds

_INPUTS = 4


@click.command()
@click.argument("run")
@click.option("--all", "unfold", is_flag=True, help="Show every run: fold nothing, to any depth.")
@click.option("--depth", type=click.IntRange(min=0), help=f"How deep the tree goes.  [default: {DEPTH}]")
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
def show(run: str, unfold: bool, depth: int | None, as_json: bool) -> None:
    """Show a pipeline run, or any run in it.

    What became of it, why it failed, and the tree of runs below it.
    A line of the tree is: id, state, duration, then the call, indented by depth. More than 50 calls of one function
    become one line; --all shows them all.

    The keys of --json are pipeline_run (those of `ls`, command, git), run (the id asked for), attempts (of that run)
    and runs (it and all below it), each with id, parent_id, position, function, name, state, attempt, times, inputs
    and output (ids of artifacts), failure, options, taken_from.
    """
    record = Record()
    found = find_run(record, run)
    if as_json:
        _say_all(record, found)
        return
    _say_facts(_facts(record, found))
    _say_failure(record, found)
    children = _children(record, found)
    most = depth if depth is not None or unfold else DEPTH
    if found.parent_id is None or children(found):
        _say_tree(record, rows(found, children, record.state, most, unfold))


def _children(record: Record, found: Run) -> Callable[[Run], Sequence[Run]]:
    """All runs of a pipeline run are read at once; below another run, graph by graph."""
    if found.parent_id is not None:
        return lambda run: record.ledger.children(run.id) if run.graph is not None else ()
    below: dict[str, list[Run]] = {}
    for run in record.runs(found.id):
        if run.parent_id is not None:
            below.setdefault(run.parent_id, []).append(run)
    return lambda run: below.get(run.id, ())


def below(record: Record, found: Run) -> Iterator[Run]:
    """A run and all below it, in the order of the calls."""
    everything = rows(found, _children(record, found), record.state, None, True)
    return (row.run for row in everything if isinstance(row, Row))


def _say_all(record: Record, found: Run) -> None:
    say_json(
        {
            "pipeline_run": details_json(record, record.pipeline_run(found.pipeline_run_id)),
            "run": found.id,
            "attempts": [attempt_json(attempt) for attempt in record.attempts(found)],
            "runs": [run_json(record, run) for run in below(record, found)],
        }
    )


def _facts(record: Record, run: Run) -> Facts:
    pipeline_run = record.pipeline_run(run.pipeline_run_id)
    if run.parent_id is None:
        yield "Pipeline run", run.id
        yield from _named(run)
        yield "State", _explained_state(pipeline_run)
        yield from _times(run, pipeline_run)
        yield from program_facts(pipeline_run)
        if pipeline_run.resumed_from:
            yield "Resumed from", pipeline_run.resumed_from
    else:
        yield "Run", run.id
        yield from _named(run)
        yield "State", painted_state(record.state(run))
        yield "Pipeline run", pipeline_run.id
        yield from _times(run, pipeline_run)
        if run.options:
            yield "Options", run.options
    if run.taken_from:
        yield "Taken over", f"from run {run.taken_from}, which is not run again"
    yield from _attempts(record, run)
    yield from value_facts(record, run)


def _named(run: Run) -> Facts:
    yield "Function", run.function
    if run.name:
        yield "Name", run.name


def _explained_state(pipeline_run: PipelineRun) -> str:
    state = painted_state(pipeline_run_state(pipeline_run))
    if interrupted(pipeline_run):
        return f"{state}: its process is gone; to go on: sematic resume {pipeline_run.id[:SHORT]}"
    return state


def _times(run: Run, pipeline_run: PipelineRun) -> Facts:
    seconds = run_seconds(run, pipeline_run)
    yield from time_facts(run.started_at, run.ended_at, seconds)
    if run.parent_id is None and pipeline_run.tags:
        yield "Tags", pipeline_run.tags.replace(",", ", ")


def _attempts(record: Record, run: Run) -> Facts:
    attempts = record.attempts(run)
    if len(attempts) > 1 or run.parent_id is not None:
        for attempt in attempts:
            yield f"Attempt {attempt.number}", attempt_fact(attempt)


def _say_facts(facts: Iterable[tuple[str, str]]) -> None:
    known = list(facts)
    width = max(len(name) for name, _ in known)
    for name, value in known:
        text = value if name == "State" else safe(value)
        say(f"{paint(safe(name).ljust(width), dim=True)}  {text}")


def _say_failure(record: Record, run: Run) -> None:
    failure = record.failure(run)
    if failure is not None and run.state in (State.FAILED, State.NESTED_FAILED):
        say(f"\n{paint('Failed in', fg='red')} {failure_text(record, failure)}")


def _say_tree(record: Record, tree: Iterator[Row | Folded]) -> None:
    say()
    width = shutil.get_terminal_size().columns if on_terminal() else None
    for row in tree:
        say(_folded_line(row, width) if isinstance(row, Folded) else _line(record, row, width))


def _line(record: Record, row: Row, width: int | None) -> str:
    run = row.run
    state = record.state(run)
    seconds = took(run_seconds(run, record.pipeline_run(run.pipeline_run_id)))
    front = f"{run.id[:SHORT]}  {painted_state(state.ljust(13))}  {seconds:>11}  "
    return front + _cut(_indent(row.depth) + safe(_call(record, run)), width)


_FRONT = SHORT + 2 + 13 + 2 + 11 + 2


def _cut(text: str, width: int | None) -> str:
    return text if width is None or _FRONT + len(text) <= width else text[: max(width - _FRONT - 1, 0)] + "…"


def _indent(depth: int) -> str:
    return "  " * depth if depth <= DEPTH else "  " * DEPTH + f"({depth} deep) "


def _call(record: Record, run: Run) -> str:
    given = list(record.inputs(run).items())
    shown = [f"{name}={brief_input(record, each)}" for name, each in given[:_INPUTS]]
    text = f"{run_name(run)}({', '.join(shown + ['…'] * (len(given) > _INPUTS))})"
    if run.attempt > 1:
        text += f" [attempt {run.attempt}]"
    if run.output is not None:
        return f"{text} → {brief_id(record, run.output)}{' (taken over)' if run.taken_from else ''}"
    failure = record.failure(run) if run.state in (State.FAILED, State.RETRYING) else None
    return f"{text} ✗ {headline(failure.class_name, failure.message)}" if failure else text


def _folded_line(row: Folded, width: int | None) -> str:
    counts = ", ".join(f"{count:,} {state}" for state, count in row.states.most_common())
    name = f"{row.name} x {row.states.total():,}" if row.name else f"… {row.states.total():,} deeper (--depth)"
    front = f"{'…':<{SHORT}}  {'':13}  {took(row.seconds):>11}  "
    return front + _cut(safe(f"{_indent(row.depth)}{name}: {counts}"), width)
