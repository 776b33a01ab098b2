"""``sematic ls``."""

from __future__ import annotations

import json
from itertools import islice

import click

from sematic.cli.finding import EMPTY
from sematic.cli.screen import local_time, on_terminal, say, table, took, utc_time
from sematic.engine.records import PipelineRun
from sematic.engine.states import State
from sematic.recorded import INTERRUPTED, SHORT, Record, elapsed, ledger_exists, pipeline_run_state, run_name

_PAGE = 100


@click.command()
@click.option("--limit", type=click.IntRange(min=1), default=20, show_default=True, help="How many, newest first.")
@click.option(
    "--state",
    "states",
    multiple=True,
    type=click.Choice([State.RUNNING, State.RESOLVED, State.FAILED, State.CANCELED, INTERRUPTED], case_sensitive=False),
    help="Only those in this state; may be repeated.",
)
@click.option("--function", help="Only those of this root function: `name` or `module:name`.")
@click.option("--json", "json_lines", is_flag=True, help="One JSON object a line.")
def ls(limit: int, states: tuple[str, ...], function: str | None, json_lines: bool) -> None:
    """List pipeline runs.

    On a pipe the columns are: id, state, function, name, start, duration in seconds, tags. The keys of --json are id,
    state, function, name, tags, resolver, created_at, ended_at, interrupted_at, seconds, resumed_from.
    """
    if not ledger_exists():
        _say_empty(json_lines, EMPTY)
        return
    found = Record().pipeline_runs(states, lambda each: _is_of(each, function), min(limit, _PAGE))
    chosen = list(islice(found, limit))
    if json_lines:
        for each in chosen:
            say(json.dumps(as_json(each)))
    elif chosen:
        _table(chosen)
    else:
        _say_empty(json_lines, "no pipeline runs match" if states or function else EMPTY)


def _is_of(pipeline_run: PipelineRun, function: str | None) -> bool:
    path = pipeline_run.function
    return function is None or function in (path, path.partition(":")[2])


def _say_empty(json_lines: bool, sentence: str) -> None:
    """To stderr: a program that counts lines counts none."""
    if not json_lines:
        click.echo(sentence, err=True)


def _table(pipeline_runs: list[PipelineRun]) -> None:
    if on_terminal():
        headings = ["ID", "STATE", "NAME", "STARTED", "DURATION", "TAGS"]
        table(headings, map(_row, pipeline_runs))
    else:
        table([], map(_plain_row, pipeline_runs))


def _row(each: PipelineRun) -> list[str]:
    named = f"{run_name(each)} ({each.function.partition(':')[2]})" if each.name else run_name(each)
    start, seconds = local_time(each.created_at), took(_seconds(each))
    return [each.id[:SHORT], pipeline_run_state(each), named, start, seconds, (each.tags or "").replace(",", ", ")]


def _plain_row(each: PipelineRun) -> list[str]:
    seconds = f"{_seconds(each) or 0:.3f}"
    start = local_time(each.created_at)
    return [each.id, pipeline_run_state(each), each.function, each.name or "", start, seconds, each.tags or ""]


def as_json(each: PipelineRun) -> dict[str, object]:
    """A pipeline run for programs."""
    return {
        "id": each.id,
        "state": pipeline_run_state(each),
        "function": each.function,
        "name": each.name,
        "tags": tags(each),
        "resolver": each.resolver,
        "created_at": utc_time(each.created_at),
        "ended_at": utc_time(each.ended_at),
        "interrupted_at": utc_time(each.interrupted_at),
        "seconds": _seconds(each),
        "resumed_from": each.resumed_from,
    }


def tags(pipeline_run: PipelineRun) -> list[str]:
    """The tags of a pipeline run."""
    return pipeline_run.tags.split(",") if pipeline_run.tags else []


def _seconds(each: PipelineRun) -> float | None:
    return elapsed(each.created_at, each.ended_at or each.interrupted_at)
