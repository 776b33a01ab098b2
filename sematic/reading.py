"""Reading back what was recorded: runs with their inputs, output, children and what they printed, and any artifact.

run = sematic.get_run("3f2a")
run.state, run.inputs["rows"], run.output, [child.name for child in run.children]
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sematic.engine.records import Attempt, Failure, Run
from sematic.errors import NoValue, RunFailed, RunTimedOut
from sematic.options import Options
from sematic.recorded import (
    FAILED,
    SHORT,
    FailureView,
    Record,
    failure_view,
    moment,
    run_name,
    run_seconds,
    waits_for,
)


class Log(NamedTuple):
    """What one attempt printed."""

    attempt: int
    stdout: str
    stderr: str


def get_run(id: str) -> RunView:
    """The run (or pipeline run) whose id starts with `id`, as it is recorded now.

    Raises UnknownId (a KeyError) when there is none or several, and LedgerError when nothing can be read.
    """
    record = Record()
    return RunView(record, record.run(record.find_run(id)))


def load(artifact_id: str) -> Any:
    """A copy of the value of the artifact whose id starts with `artifact_id`.

    Raises UnknownId (a KeyError), and ArtifactError when its bytes are missing or corrupt.
    """
    record = Record()
    return record.load(record.find_artifact(artifact_id))


class RunView:
    """One run as it was when it was read; what it refers to is read when asked for. `record` has the bare facts."""

    def __init__(self, reader: Record, record: Run) -> None:
        self._reader = reader
        self.record = record
        self.id = record.id
        self.function = record.function
        self.pipeline_run_id = record.pipeline_run_id
        self.name = run_name(record)

    def __repr__(self) -> str:
        return f"<Run {self.id[:SHORT]} {self.name} {self.state}>"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, RunView) and self.record == other.record

    def __hash__(self) -> int:
        return hash(self.id)

    @property
    def state(self) -> str:
        """A State, or INTERRUPTED when the process that ran it is gone and it was not resumed."""
        return self._reader.state(self.record)

    @property
    def inputs(self) -> Inputs:
        """The arguments by parameter; each is loaded when it is taken out."""
        return Inputs(self._reader, self.record)

    @property
    def output(self) -> Any:
        """A copy of what it returned. Raises RunFailed when it failed, NoValue when it has not returned (yet)."""
        if self.record.output is not None:
            return self._reader.load(self.record.output)
        failure = self.exception
        if failure is None or self.state not in FAILED:
            raise NoValue(f"{self.name} ({self.id[:SHORT]}) has no output: it is {self.state}")
        kind = RunTimedOut if failure.kind == "timeout" else RunFailed
        raise kind(failure.class_name, failure.message, failure.traceback, self.name, failure.run_id)

    @property
    def output_id(self) -> str | None:
        """The id of the artifact it returned."""
        return self.record.output

    @property
    def children(self) -> list[RunView]:
        """The runs of the graph it returned, in the order of the calls; of a root, first those that made its
        arguments."""
        return [RunView(self._reader, run) for run in self._reader.ledger.children(self.id)]

    @property
    def parent(self) -> RunView | None:
        """The run whose graph it is in; None for a root."""
        parent = self.record.parent_id
        return RunView(self._reader, self._reader.run(parent)) if parent else None

    @property
    def attempts(self) -> list[AttemptView]:
        """All tries, oldest first; none of a result that was taken over from an earlier pipeline run."""
        return [AttemptView(self._reader, attempt) for attempt in self._reader.attempts(self.record)]

    @property
    def exception(self) -> FailureView | None:
        """Why it failed, or is being tried again: class name, message and traceback; None when it did not."""
        return self._reader.failure(self.record)

    @property
    def source(self) -> str | None:
        """The source text of its function; None when it has not started."""
        return self._reader.source(self.record)

    @property
    def logs(self) -> list[Log]:
        """What it printed, by attempt."""
        return [Log(attempt.number, attempt.stdout, attempt.stderr) for attempt in self.attempts]

    @property
    def started_at(self) -> datetime | None:
        """When its first attempt started to run."""
        return moment(self.record.started_at)

    @property
    def ended_at(self) -> datetime | None:
        """When it reached its last state."""
        return moment(self.record.ended_at)

    @property
    def duration(self) -> timedelta | None:
        """From its start to its end, or until now; None when it has not started."""
        seconds = run_seconds(self.record, self._reader.pipeline_run(self.pipeline_run_id))
        return None if seconds is None else timedelta(seconds=seconds)

    @property
    def options(self) -> Options:
        """The options of its function and call, resolved."""
        return Options.from_json(self.record.options)

    @property
    def tags(self) -> tuple[str, ...]:
        """The tags of its call."""
        return self.options.tags


class Inputs(Mapping[str, Any]):
    """The arguments of a run: parameter → a copy of the value. One that is not there yet raises NoValue."""

    def __init__(self, reader: Record, run: Run) -> None:
        self._reader = reader
        self._run = run
        self._inputs = reader.inputs(run)

    def __getitem__(self, name: str) -> Any:
        id = self._inputs[name].artifact_id
        if id is None:
            raise NoValue(f"the input {name} of {run_name(self._run)} {self.pending(name)}")
        return self._reader.load(id)

    def __iter__(self) -> Iterator[str]:
        return iter(self._inputs)

    def __len__(self) -> int:
        return len(self._inputs)

    def __repr__(self) -> str:
        texts = [f"{name}: {each.artifact_id or 'pending'}" for name, each in self._inputs.items()]
        return f"<Inputs {', '.join(texts)}>"

    def artifact_id(self, name: str) -> str | None:
        """The id of the artifact that is this argument; None while it is not there."""
        return self._inputs[name].artifact_id

    def pending(self, name: str) -> str | None:
        """What it is waiting for, in words; None when it is there."""
        return waits_for(self._reader, self._inputs[name])


class AttemptView:
    """One try at a run."""

    def __init__(self, reader: Record, record: Attempt) -> None:
        self._reader = reader
        self.record = record
        self.number = record.number
        self.state = record.state
        self.started_at = moment(record.started_at)
        self.ended_at = moment(record.ended_at)
        self.cpu_seconds = record.cpu_seconds
        self.peak_memory = record.peak_memory

    def __repr__(self) -> str:
        return f"<Attempt {self.number} of {self.record.run_id[:SHORT]} {self.state}>"

    @property
    def exception(self) -> FailureView | None:
        """Why it failed."""
        failure = self.record.failure
        return failure_view(Failure.from_json(failure), self.record.run_id) if failure else None

    @property
    def stdout(self) -> str:
        """What it printed, with that of the processes it started."""
        return self._reader.output(self.record)[0].decode("utf-8", "replace")

    @property
    def stderr(self) -> str:
        """What it wrote to stderr, with that of the processes it started."""
        return self._reader.output(self.record)[1].decode("utf-8", "replace")
