"""What each step of a pipeline run changes in the ledger. Shared by the engine and by workers that commit their own
results, so that a result is recorded in one way wherever it was made."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from sematic.engine.changes import (
    ArtifactsAdded,
    AttemptAdded,
    AttemptEnded,
    Change,
    PipelineRunMoved,
    RestCanceled,
    RunMoved,
    RunsAdded,
)
from sematic.engine.events import Usage
from sematic.engine.records import Attempt, Failure, Run
from sematic.engine.states import State
from sematic.graph import Graph, Node, arguments_json, graph_constants, to_json
from sematic.ids import child_id
from sematic.types.artifact import Artifact
from sematic.types.jsontext import dumps


def graph_runs(pipeline_run_id: str, parent_id: str, attempt: int, nodes: Iterable[Node], at: float) -> Iterator[Run]:
    """The runs of a graph's nodes, CREATED."""
    for position, node in enumerate(nodes):
        id = child_id(parent_id, attempt, position, node.path)
        yield new_run(id, pipeline_run_id, node, at, parent_id, attempt, position)


def new_run(
    id: str, pipeline_run_id: str, node: Node, at: float, parent_id: str | None, attempt: int, position: int
) -> Run:
    """A CREATED run for one node."""
    return Run(
        id,
        pipeline_run_id,
        node.path,
        arguments_json(node.arguments),
        parent_id,
        attempt,
        position,
        name=node.options.name,
        options=node.options.json,
        created_at=at,
    )


def started(
    run_id: str, pipeline_run_id: str, attempt: int, nonce: str, at: float, *, inline: bool, source: str | None
) -> list[Change]:
    """An attempt begins: at once when inline, else it waits for a worker to claim it."""
    state = State.RUNNING if inline else State.SCHEDULED
    begun = at if inline else None
    return [
        RunMoved(run_id, state, at, attempt),
        AttemptAdded(Attempt(run_id, pipeline_run_id, attempt, state, nonce, begun, source=source)),
    ]


def returned_value(run_id: str, attempt: int, nonce: str, output: Artifact, at: float, usage: Usage) -> list[Change]:
    """A body's value is committed."""
    return [
        _ended(run_id, attempt, nonce, State.RESOLVED, at, usage),
        ArtifactsAdded((output, *usage.inputs.values())),
        RunMoved(run_id, State.RESOLVED, at, inputs=inputs_json(usage), output=output.id),
    ]


def returned_graph(
    run_id: str, pipeline_run_id: str, attempt: int, nonce: str, graph: Graph, at: float, usage: Usage
) -> list[Change]:
    """A body's graph is committed, with a new run for each of its nodes."""
    return [
        _ended(run_id, attempt, nonce, State.RAN, at, usage),
        ArtifactsAdded((*usage.inputs.values(), *graph_constants(graph))),
        RunMoved(run_id, State.RAN, at, inputs=inputs_json(usage), graph=dumps(to_json(graph.output))),
        RunsAdded(graph_runs(pipeline_run_id, run_id, attempt, graph.nodes, at)),
    ]


def assembled(run_id: str, output: Artifact, at: float) -> list[Change]:
    """The output of a graph became that of the run that returned it."""
    return [ArtifactsAdded((output,)), RunMoved(run_id, State.RESOLVED, at, output=output.id)]


def attempt_failed(run_id: str, attempt: int, nonce: str, failure: Failure, at: float, usage: Usage) -> list[Change]:
    """An attempt ended without a result; what becomes of the run is another change."""
    inputs: list[Change] = [ArtifactsAdded(tuple(usage.inputs.values()))] if usage.inputs else []
    return [_ended(run_id, attempt, nonce, State.FAILED, at, usage, failure.to_json()), *inputs]


def ended(root_id: str, state: State, at: float) -> list[Change]:
    """The pipeline run is over; what did not succeed is cancelled."""
    rest: list[Change] = [] if state is State.RESOLVED else [RestCanceled(at)]
    return [*rest, PipelineRunMoved(state, at)]


def inputs_json(usage: Usage) -> str | None:
    """``{parameter: artifact id}`` of those inputs that are not just what their reference names."""
    inputs: Mapping[str, Any] = usage.inputs
    return dumps({name: artifact.id for name, artifact in inputs.items()}) if inputs else None


def _ended(
    run_id: str, attempt: int, nonce: str, state: State, at: float, usage: Usage, failure: str | None = None
) -> AttemptEnded:
    return AttemptEnded(run_id, attempt, nonce, state, at, failure, usage.cpu_seconds, usage.peak_memory, usage.log)
