"""One attempt from claim to commit. What is committed is the same as when the driver runs the body itself."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import NamedTuple, TypeAlias

from sematic.attempts.body import Expansion, Limit, Outcome, Raised, Value, failure_of, run_body
from sematic.context import Context
from sematic.engine import recording
from sematic.engine.changes import AttemptClaimed, Change, RunMoved
from sematic.engine.events import NO_USAGE, Usage
from sematic.engine.records import Run
from sematic.engine.states import State
from sematic.errors import BodyExited
from sematic.function import find
from sematic.graph import Materials, Node, arguments_from_json, dependencies
from sematic.ledger.base import Ledger
from sematic.ledger.owner import current_owner
from sematic.options import Options
from sematic.types.artifact import Artifact, Store


class Claim(NamedTuple):
    """Which attempt, and the nonce under which this process claims it."""

    run_id: str
    attempt: int
    nonce: str


class Report(NamedTuple):
    """What became of an attempt, for whoever asked for it: ``value`` (the artifact's id), ``graph`` or ``failed``
    (a Failure as JSON). It is committed already."""

    run_id: str
    attempt: int
    kind: str
    detail: str
    at: float
    seconds: float = 0.0


Measure: TypeAlias = Callable[[Callable[[], Outcome]], tuple[Outcome, Usage]]
"""Runs a body and measures it."""


def run_attempt(
    ledger: Ledger,
    store: Store,
    claim: Claim,
    measure: Measure,
    time_limit: Limit | None = None,
    problem: BaseException | None = None,
) -> Report:
    """Claim, run and commit one attempt. Raises Fenced when another process has it or it is not wanted any more,
    LedgerError and ArtifactError when record or store cannot be used: nothing is committed then.

    `problem` is why the program could not be imported here: then that is the failure.
    """
    run = ledger.run(claim.run_id)
    at = time.time()
    claimed = AttemptClaimed(run.id, claim.attempt, claim.nonce, current_owner(), at)
    ledger.commit(run.pipeline_run_id, [claimed, RunMoved(run.id, State.RUNNING, at)])
    outcome, usage = _outcome(ledger, store, run, claim, measure, time_limit, problem)
    changes, report = _committed(run, claim, outcome, usage, time.time())
    ledger.commit(run.pipeline_run_id, changes)
    return report._replace(seconds=report.at - at)


def _outcome(
    ledger: Ledger,
    store: Store,
    run: Run,
    claim: Claim,
    measure: Measure,
    time_limit: Limit | None,
    problem: BaseException | None,
) -> tuple[Outcome, Usage]:
    try:
        if problem is not None:
            raise problem
        function = find(run.function)
    except BaseException as error:
        if isinstance(error, SystemExit):
            error = BodyExited(
                f"the program exits when a worker imports it (sys.exit({error.code!r})); put what it does under "
                "`if __name__ == '__main__':`, so that it can be imported"
            )
        error.add_note("while a worker imported the program")
        return Raised(failure_of(error, None), error, {}), NO_USAGE
    node = node_of(run)
    materials = Materials(_outputs(ledger, run, node), ledger.artifact, store)
    context = Context(run.id, run.pipeline_run_id, claim.attempt)
    return measure(lambda: run_body(node, function, materials, context, time_limit))


def node_of(run: Run) -> Node:
    """The call that a run was recorded for."""
    arguments = arguments_from_json(run.arguments)
    return Node(run.function, arguments, Options.from_json(run.options), dependencies(arguments.values()))


def _outputs(ledger: Ledger, run: Run, node: Node) -> Mapping[int, Artifact]:
    if not node.dependencies:
        return {}
    siblings = ledger.children(run.parent_id or run.id)
    graph = run.parent_attempt
    outputs = {each.position: each.output for each in siblings if each.parent_attempt == graph}
    return {position: ledger.artifact(outputs[position] or "") for position in node.dependencies}


def _committed(run: Run, claim: Claim, outcome: Outcome, usage: Usage, at: float) -> tuple[list[Change], Report]:
    this = (run.id, claim.attempt)
    if isinstance(outcome, Value):
        changes = recording.returned_value(*this, claim.nonce, outcome.artifact, at, usage)
        return changes, Report(*this, "value", outcome.artifact.id, at)
    if isinstance(outcome, Expansion):
        changes = recording.returned_graph(
            run.id, run.pipeline_run_id, claim.attempt, claim.nonce, outcome.graph, at, usage
        )
        return changes, Report(*this, "graph", "", at)
    changes = recording.attempt_failed(*this, claim.nonce, outcome.failure, at, usage)
    return changes, Report(*this, "failed", outcome.failure.to_json(), at)
