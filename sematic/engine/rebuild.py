"""An engine from what a ledger recorded: committed results and graphs are loaded, never made again."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from typing import Any

from sematic.engine.engine import Engine, Live
from sematic.engine.records import INTERRUPTED, Failure, Run
from sematic.engine.states import State
from sematic.graph import Node, arguments_from_json, dependencies, from_json
from sematic.options import Options


def _none(run_id: str) -> Iterable[Failure]:
    return ()


def rebuild(
    engine: Engine,
    records: Iterable[Run],
    find: Callable[[str], Any],
    failures: Callable[[str], Iterable[Failure]] = _none,
) -> None:
    """Fill a new `engine` with the runs of its pipeline run; `records` has parents before children and siblings by
    position. `find` gives the functions of those runs that may still run, `failures` why earlier attempts at a run
    failed, which count against its retries. The event `Resumed` then starts it.
    """
    for record in records:
        parent = engine.runs.get(record.parent_id) if record.parent_id else None
        if record.parent_id and (parent is None or parent.state is State.RESOLVED):
            continue  # below a result that is final
        run = _add(engine, record, parent, find)
        if run.state is State.RETRYING:
            _count(run, failures(run.id))
    for run in list(engine.runs.values()):
        if run.state is not State.RESOLVED:
            _connect(run)


def _add(engine: Engine, record: Run, parent: Live | None, find: Callable[[str], Any]) -> Live:
    arguments = arguments_from_json(record.arguments)
    done = record.state is State.RESOLVED
    function = None if done else find(record.function)
    needs = dependencies(arguments.values())
    node = Node(record.function, arguments, Options.from_json(record.options), needs, function)
    if parent is None:
        family: list[Live] = []
        run = engine.root = Live(record.id, node, None, family, record.position)
    else:
        family = parent.children if record.parent_attempt else parent.family
        run = Live(record.id, node, parent, family, record.position)
        family.append(run)
    engine.runs[record.id] = run
    run.attempt = record.attempt
    run.state = record.state
    run.output = record.output
    if record.state is State.RAN and record.graph is not None:
        run.graph_output = from_json(json.loads(record.graph))
        run.needs = dependencies((run.graph_output,))
    elif record.state in (State.SCHEDULED, State.RUNNING):
        run.state = State.RETRYING  # its process is gone: the next attempt is free to start
    return run


def _count(run: Live, failures: Iterable[Failure]) -> None:
    """What earlier attempts have used up of a run's budgets; the death of its driver is not the run's."""
    for failure in failures:
        if failure.kind == "infrastructure":
            run.infrastructure_failures += failure.class_name != INTERRUPTED
        else:
            run.user_failures += 1


def _connect(run: Live) -> None:
    if run.parent is None and (not run.family or run.family[-1] is not run):
        run.family.append(run)
    if run.state is State.RAN:
        needed = [run.children[position] for position in run.needs]
    else:
        needed = [run.family[position] for position in run.node.dependencies]
    for other in needed:
        other.uses += 1
        if other.state is not State.RESOLVED:
            other.consumers.append(run)
            run.waiting += 1
