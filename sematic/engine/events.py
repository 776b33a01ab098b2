"""What happens to a pipeline run, and what is to be done about it. Times (`at`) are seconds since the epoch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, TypeAlias

from sematic.engine.changes import Change
from sematic.engine.records import Failure, PipelineRun
from sematic.engine.states import State
from sematic.graph import Graph, Node, Reference
from sematic.types.artifact import Artifact


class Usage(NamedTuple):
    """What an attempt took from its arguments and from the machine.

    `inputs` are the artifacts of those arguments that are not just what their reference names.
    """

    inputs: Mapping[str, Artifact] = {}
    cpu_seconds: float | None = None
    peak_memory: int | None = None
    log: str | None = None
    seconds: float | None = None
    """Running time, where somebody else ran it."""


NO_USAGE = Usage()


class Submitted(NamedTuple):
    """A new pipeline run. The last node of `graph` is the root; those before it feed the root's arguments."""

    graph: Graph
    pipeline_run: PipelineRun
    at: float


class Resumed(NamedTuple):
    """A pipeline run that was rebuilt from its ledger goes on."""

    at: float


class Started(NamedTuple):
    """A worker claimed the attempt (and recorded it)."""

    run_id: str
    attempt: int
    at: float


class ReturnedValue(NamedTuple):
    """A body returned a value. `recorded`: whoever ran it has committed it."""

    run_id: str
    attempt: int
    output: Any
    at: float
    usage: Usage = NO_USAGE
    recorded: bool = False


class ReturnedGraph(NamedTuple):
    """A body returned a graph. `recorded`: whoever ran it has committed it, with its new runs."""

    run_id: str
    attempt: int
    graph: Graph
    at: float
    usage: Usage = NO_USAGE
    recorded: bool = False


class Assembled(NamedTuple):
    """The output of a run whose graph is done was put together."""

    run_id: str
    output: Any
    at: float


class Failed(NamedTuple):
    """An attempt failed, or (attempt 0) an output could not be put together."""

    run_id: str
    attempt: int
    failure: Failure
    at: float
    usage: Usage = NO_USAGE
    recorded: bool = False


class Cancelled(NamedTuple):
    """The pipeline run is to end now."""

    at: float


class TimerFired(NamedTuple):
    """The time of a SetTimer has come."""

    run_id: str
    at: float


Event: TypeAlias = (
    Submitted | Resumed | Started | ReturnedValue | ReturnedGraph | Assembled | Failed | Cancelled | TimerFired
)


class Record(NamedTuple):
    """Commit these changes before carrying out any other instruction."""

    changes: Sequence[Change]


class RunInline(NamedTuple):
    """Run the body here. `outputs` has what its references need, by position."""

    run_id: str
    attempt: int
    node: Node
    outputs: Mapping[int, Any]


class Submit(NamedTuple):
    """Have the body run by a worker."""

    run_id: str
    attempt: int
    node: Node
    outputs: Mapping[int, Any]


class Withdraw(NamedTuple):
    """End a worker's attempt: its result is not wanted any more."""

    run_id: str
    attempt: int


class Assemble(NamedTuple):
    """Put the output of a run together from its graph's reference; answer with Assembled or Failed."""

    run_id: str
    node: Node
    output: Reference
    outputs: Mapping[int, Any]


class SetTimer(NamedTuple):
    """Send TimerFired after `delay` seconds."""

    run_id: str
    delay: float


class Finish(NamedTuple):
    """The pipeline run is over. `output` is the root's; `failed` the run that failed first, and why."""

    state: State
    output: Any = None
    failed: str | None = None
    failure: Failure | None = None


Instruction: TypeAlias = Record | RunInline | Submit | Withdraw | Assemble | SetTimer | Finish
