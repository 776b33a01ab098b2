"""Taking up an earlier pipeline run: what was committed is loaded, only the rest runs.

Graph and inputs come from the ledger, never from main.py. A pipeline run that was interrupted goes on under its own
id; one that ended FAILED or CANCELED is left as it ended, and a new pipeline run takes over its committed results.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from sematic.engine.changes import Change, OwnerTaken, PipelineRunAdded, RunsAdded
from sematic.engine.records import Failure, PipelineRun, Run
from sematic.engine.states import TERMINAL, State
from sematic.errors import ResumeError
from sematic.function import find
from sematic.graph import Graph, arguments_from_json, arguments_json, dependencies
from sematic.ids import child_id
from sematic.ledger.base import Ledger
from sematic.ledger.owner import settle

RESUME = "SEMATIC_RESUME"
"""``<id>`` or ``last``: go on with that pipeline run, or, when it ended, with a new one that takes over."""

RERUN = "SEMATIC_RERUN"
"""``<id>`` or ``<id>/<id of a run in it>``: a new pipeline run that takes over what did not come after that run."""


class Wish(NamedTuple):
    """What the environment asks for."""

    id: str
    again_from: str | None
    always_new: bool


class Plan(NamedTuple):
    """How to go on: the pipeline run, the changes that make it ours, and its runs as they will then be recorded."""

    pipeline_run: PipelineRun
    changes: list[Change]
    runs: Sequence[Run]
    announcement: str


def wish() -> Wish | None:
    """What the environment asks for. It stays there until `granted`."""
    if value := os.environ.get(RERUN):
        id, _, again_from = value.partition("/")
        return Wish(id, again_from or None, True)
    if value := os.environ.get(RESUME):
        return Wish(value, None, False)
    return None


def granted() -> None:
    """The wish was taken: another `resolve` of this program, or a program it starts, must not take it again."""
    os.environ.pop(RESUME, None)
    os.environ.pop(RERUN, None)


def find_wanted(ledger: Ledger, asked: Wish, function: str) -> PipelineRun | None:
    """The pipeline run that is asked for; None when it is one of another root function.

    Raises ResumeError when there is none, or when it cannot be taken up.
    """
    found = _last(ledger, function) if asked.id == "last" else _by_id(ledger, asked.id)
    if found.function != function:
        return None
    found = settle(ledger, found)
    if found.owner is not None:
        raise ResumeError(f"pipeline run {found.id[:12]} is still running in another process; cancel it first")
    if found.state is State.RESOLVED and not asked.again_from:
        raise ResumeError(
            f"pipeline run {found.id[:12]} succeeded: there is nothing left to run. To run a part of it again: "
            f"sematic rerun {found.id[:12]} --from RUN"
        )
    return found


def _last(ledger: Ledger, function: str) -> PipelineRun:
    before = None
    while page := ledger.pipeline_runs(50, before, function=function):
        for pipeline_run in page:
            if pipeline_run.state is not State.RESOLVED and settle(ledger, pipeline_run).owner is None:
                return pipeline_run
        before = (page[-1].created_at, page[-1].id)
    raise ResumeError(f"no pipeline run of {function} is left to resume: each one succeeded, or is running")


def _by_id(ledger: Ledger, id: str) -> PipelineRun:
    found = ledger.find(id)
    if not found:
        raise ResumeError(f"there is no pipeline run {id}; `sematic ls` lists them")
    if len(found) > 1:
        raise ResumeError(f"{id} could be any of {', '.join(i[:12] for i in found)}; give more of it")
    return ledger.pipeline_run(ledger.run(found[0]).pipeline_run_id)


def plan(ledger: Ledger, earlier: PipelineRun, asked: Wish, new: PipelineRun, graph: Graph) -> Plan:
    """How to take up `earlier`. `new` is the record of this program's pipeline run, with a new id and our owner."""
    runs = ledger.runs(earlier.id)
    _check_inputs(runs, graph, earlier)
    changed = _changed(ledger, runs)
    if earlier.state not in TERMINAL and not asked.always_new:
        assert new.owner is not None
        taken = OwnerTaken(earlier.owner, new.owner, new.created_at)
        return Plan(earlier._replace(owner=new.owner), [taken], runs, f"goes on: {_progress(runs)}{changed}")
    again = _to_run_again(ledger, runs, asked.again_from)
    taken_runs = list(_taken_over(runs, new.id, again, new.created_at))
    pipeline_run = new._replace(resumed_from=earlier.id)
    announcement = f"takes over from {earlier.id[:12]}: {_progress(taken_runs)}{changed}"
    return Plan(pipeline_run, [PipelineRunAdded(pipeline_run), RunsAdded(taken_runs)], taken_runs, announcement)


def _progress(runs: Sequence[Run]) -> str:
    done = sum(run.state is State.RESOLVED for run in runs)
    return f"{done} of {len(runs)} known runs are done"


def _changed(ledger: Ledger, runs: Sequence[Run]) -> str:
    """Names the functions whose source is not what it was when they last ran. That is allowed, but it is said."""
    samples = {run.function: run for run in runs if run.attempt and run.taken_from is None}
    names = []
    for path, run in samples.items():
        recorded = next((a.source for a in reversed(ledger.attempts(run.id)) if a.source), None)
        if recorded is not None and recorded != find(path).source[0]:
            names.append(path.partition(":")[2])
    return f"; changed since: {', '.join(names)}" if names else ""


def _check_inputs(runs: Sequence[Run], graph: Graph, earlier: PipelineRun) -> None:
    """The graph is the ledger's; inputs that differ from the recorded ones would be silently ignored, so they are
    an error."""
    recorded = [run for run in runs if run.parent_id is None or run.parent_attempt == 0]
    recorded.sort(key=lambda run: run.position)
    for run, node in zip(recorded, graph.nodes, strict=False):
        old, new = json.loads(run.arguments), json.loads(arguments_json(node.arguments))
        for name in sorted({*old, *new}):
            if old.get(name) != new.get(name):
                raise ResumeError(
                    f"the argument {name} of {node.path.partition(':')[2]} is not what pipeline run {earlier.id[:12]} "
                    "was started with. Resume with the same inputs, or start a new run (without resuming)"
                )
    if len(recorded) != len(graph.nodes):
        raise ResumeError(f"pipeline run {earlier.id[:12]} was started with other calls in its arguments")


class _Again(NamedTuple):
    """Ids of runs that are to run again, and of those above them, whose graphs stay but whose results do not."""

    fresh: set[str]
    reopened: set[str]


def _to_run_again(ledger: Ledger, runs: Sequence[Run], again_from: str | None) -> _Again:
    if again_from is None:
        return _Again(set(), set())
    by_id = {run.id: run for run in runs}
    matches = [id for id in by_id if id.startswith(again_from)]
    if len(matches) != 1:
        problem = "is no run of it" if not matches else "could be several of its runs; give more of it"
        raise ResumeError(f"{again_from} {problem}; `sematic show` lists the runs with their ids")
    families = _families(runs)
    again = _Again(set(), set())
    current = by_id[matches[0]]
    again.fresh.add(current.id)
    while True:
        again.fresh.update(_consumers(current, families))
        if current.parent_id is None:
            return again
        feeds_root = not current.parent_attempt
        current = by_id[current.parent_id]
        if feeds_root:
            again.fresh.add(current.id)
        if current.id not in again.fresh:
            again.reopened.add(current.id)


def _families(runs: Iterable[Run]) -> dict[tuple[str | None, int], list[Run]]:
    families: dict[tuple[str | None, int], list[Run]] = {}
    for run in runs:
        families.setdefault((run.parent_id, run.parent_attempt), []).append(run)
    return families


def _consumers(run: Run, families: dict[tuple[str | None, int], list[Run]]) -> set[str]:
    """The siblings that need a run's output, at any distance. Positions ascend along every dependency."""
    reached = {run.position}
    found = set()
    for sibling in sorted(families[run.parent_id, run.parent_attempt], key=lambda sibling: sibling.position):
        needs = dependencies(arguments_from_json(sibling.arguments).values())
        if reached.intersection(needs):
            reached.add(sibling.position)
            found.add(sibling.id)
    return found


def _taken_over(runs: Sequence[Run], new_id: str, again: _Again, at: float) -> Iterable[Run]:
    """The runs of the new pipeline run, parents first: results and graphs taken over, all else CREATED."""
    expanded: dict[str, str] = {}
    root_id = runs[0].id
    for run in runs:
        if run.parent_id is None:
            id, parent = new_id, None
        else:
            # what feeds the root's arguments hangs below the root whatever becomes of it
            parent = new_id if run.parent_id == root_id and not run.parent_attempt else expanded.get(run.parent_id)
            if parent is None:
                continue
            id = child_id(parent, run.parent_attempt, run.position, run.function)
        fresh = _fresh(run, id, parent, new_id, at)
        if run.state is State.RESOLVED and run.id not in again.fresh and run.id not in again.reopened:
            yield fresh._replace(state=State.RESOLVED, output=run.output, inputs=run.inputs, taken_from=run.id)
        elif run.graph is not None and run.id not in again.fresh:
            expanded[run.id] = id
            graph = fresh._replace(state=State.RAN, graph=run.graph, inputs=run.inputs, taken_from=run.id)
            yield graph._replace(attempt=run.attempt)
        else:
            yield fresh


def _fresh(run: Run, id: str, parent: str | None, pipeline_run_id: str, at: float) -> Run:
    place = (parent, run.parent_attempt, run.position)
    return Run(id, pipeline_run_id, run.function, run.arguments, *place, run.name, run.options, created_at=at)


def failures(ledger: Ledger, run_id: str) -> list[Failure]:
    """Why the attempts at a run failed so far."""
    return [Failure.from_json(attempt.failure) for attempt in ledger.attempts(run_id) if attempt.failure]
