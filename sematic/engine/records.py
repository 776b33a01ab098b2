"""What the ledger keeps of pipeline runs, runs and attempts. Facts only; times are seconds since the epoch (UTC)."""

from __future__ import annotations

import json
from typing import Any, NamedTuple

from sematic.engine.states import State


class PipelineRun(NamedTuple):
    """One `resolve()`. Its id is the id of its root run.

    `state` follows the root run's. `owner` is JSON that identifies the process that resolves it (see
    ledger/owner.py), None when no process does; `interrupted_at` is set when that process was found dead.
    `command`, `git`, `settings` are JSON texts (see resolvers/program.py).
    """

    id: str
    function: str
    state: State
    created_at: float
    owner: str | None
    resolver: str
    name: str | None = None
    tags: str | None = None
    command: str | None = None
    git: str | None = None
    settings: str | None = None
    resumed_from: str | None = None
    ended_at: float | None = None
    interrupted_at: float | None = None
    seq: int = 0


class Run(NamedTuple):
    """One node of a recorded graph.

    `position` is its index in the graph of attempt `parent_attempt` of `parent_id` (both empty for a root).
    `arguments` is a JSON text ``{parameter: reference}``, `graph` (after RAN) the reference of the body's output,
    `options` the resolved options, None when all are defaults. `inputs` is ``{parameter: artifact id}`` for those
    arguments that are not just the artifact their reference names. `output` is an artifact's id.
    """

    id: str
    pipeline_run_id: str
    function: str
    arguments: str
    parent_id: str | None = None
    parent_attempt: int = 0
    position: int = 0
    name: str | None = None
    options: str | None = None
    state: State = State.CREATED
    attempt: int = 0
    created_at: float = 0.0
    started_at: float | None = None
    ended_at: float | None = None
    inputs: str | None = None
    output: str | None = None
    graph: str | None = None
    failure: str | None = None
    taken_from: str | None = None


class Attempt(NamedTuple):
    """One try at a run, claimed by one process under a `nonce`. `log` is JSON that says where its output is kept."""

    run_id: str
    pipeline_run_id: str
    number: int
    state: State
    nonce: str
    started_at: float | None = None
    owner: str | None = None
    source: str | None = None
    ended_at: float | None = None
    failure: str | None = None
    cpu_seconds: float | None = None
    peak_memory: int | None = None
    log: str | None = None


INTERRUPTED = "Interrupted"
"""The class name of the failure that stands for the end of the process that resolved a pipeline run."""


class Failure(NamedTuple):
    """Why an attempt failed. `kind`: user, infrastructure, memory, timeout or canceled.

    `retryable` was decided where the exception was raised, where its class exists.
    """

    kind: str
    class_name: str
    message: str
    traceback: str = ""
    retryable: bool = False

    def to_json(self) -> str:
        return json.dumps(self._asdict())

    @classmethod
    def from_json(cls, text: str) -> Failure:
        fields: dict[str, Any] = json.loads(text)
        return cls(**fields)
