"""The record as its readers see it: found by the start of an id, settled, and with references followed.

Whoever looks finds out which pipeline runs have lost their process (ledger/owner.py), so what is read is the truth
also after a kill -9, and also where nothing can be written.
"""

from __future__ import annotations

import json
import os
import weakref
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

from sematic import settings
from sematic.attempts.output import read_output
from sematic.engine.records import Attempt, Failure, PipelineRun, Run
from sematic.engine.states import TERMINAL, State
from sematic.errors import LedgerError, UnknownId
from sematic.graph import dependencies, from_json
from sematic.home import LEDGER_FILE, Home, on_server, open_home
from sematic.ledger.owner import settle
from sematic.types.artifact import Artifact
from sematic.types.artifact import load as load_artifact

INTERRUPTED = "INTERRUPTED"
"""Shown instead of the state of a pipeline run whose process ended without finishing, and of what ran in it."""

SHORT = 12
"""Digits of an id that people are shown."""

FAILED = (State.FAILED, State.NESTED_FAILED)
_LIVE = (State.SCHEDULED, State.RUNNING)
_GONE = Failure("infrastructure", "Interrupted", "the process that ran it ended without finishing", retryable=True)


class Input(NamedTuple):
    """Where an argument comes from: an artifact, or None while the runs in `waits_for` have no output. (None and no
    runs: a part or a container of outputs that is put together when the run starts.)"""

    artifact_id: str | None
    waits_for: tuple[Run, ...] = ()


class FailureView(NamedTuple):
    """Why a run failed. `run_id` is the run that raised it: the run asked about, or one below it."""

    class_name: str
    message: str
    traceback: str
    kind: str
    run_id: str


def ledger_exists() -> bool:
    """Whether anything was ever recorded in this home, or a team's server keeps the record."""
    return on_server() or (settings.home() / LEDGER_FILE).exists()


def interrupted(pipeline_run: PipelineRun) -> bool:
    """Whether it has lost its process and waits to be resumed."""
    return pipeline_run.interrupted_at is not None and pipeline_run.state not in TERMINAL


def pipeline_run_state(pipeline_run: PipelineRun) -> str:
    """The state as people see it."""
    return INTERRUPTED if interrupted(pipeline_run) else pipeline_run.state


class Record:
    """The home, as its readers see it. Closed when nobody uses it any more.

    Raises LedgerError when there is none, or it cannot be opened.
    """

    def __init__(self) -> None:
        self.read_only = not on_server() and not all(os.access(path, os.W_OK) for path in _written())
        self.home = _open(self.read_only)
        self.ledger = self.home.ledger
        self._pipeline_runs: dict[str, PipelineRun] = {}
        self._families: dict[tuple[str, int], dict[int, Run]] = {}
        self.close = weakref.finalize(self, self.ledger.close)

    def for_writing(self) -> Record:
        """Itself. Raises LedgerError where nothing can be changed."""
        if self.read_only:
            raise LedgerError(f"{self.home.folder} is read-only here: nothing can be changed in it")
        return self

    def find_run(self, prefix: str) -> str:
        """The one id that starts with `prefix`. Raises UnknownId."""
        return _only(prefix, self.ledger.find(prefix), "run", "`sematic ls` lists pipeline runs", self._run_line)

    def find_artifact(self, prefix: str) -> str:
        """The one id that starts with `prefix`. Raises UnknownId."""
        found = self.ledger.find_artifacts(prefix)
        return _only(prefix, found, "artifact", "`sematic show RUN` names inputs and outputs", str)

    def _run_line(self, id: str) -> str:
        run = self.ledger.run(id)
        return f"{id} ({run_name(run)}, {run.state})"

    def run(self, id: str) -> Run:
        """One run; its pipeline run is settled before, which may change it. Raises KeyError."""
        self.pipeline_run(self.ledger.run(id).pipeline_run_id)
        return self.ledger.run(id)

    def pipeline_run(self, id: str) -> PipelineRun:
        """A pipeline run, settled. Looked up once."""
        if id not in self._pipeline_runs:
            self._pipeline_runs[id] = settle(self.ledger, self.ledger.pipeline_run(id))
        return self._pipeline_runs[id]

    def pipeline_runs(
        self, states: Iterable[str] = (), wanted: Callable[[PipelineRun], bool] = lambda _: True, page: int = 100
    ) -> Iterator[PipelineRun]:
        """All that are in one of `states` (any, when empty; INTERRUPTED is one), newest first, settled."""
        shown = frozenset(states)
        recorded = () if INTERRUPTED in shown else [State(state) for state in shown]
        before: tuple[float, str] | None = None
        while found := self.ledger.pipeline_runs(page, before, recorded):
            for each in found:
                settled = settle(self.ledger, each) if wanted(each) else each
                if wanted(each) and (not shown or pipeline_run_state(settled) in shown):
                    yield settled
            before = (found[-1].created_at, found[-1].id)

    def runs(self, pipeline_run_id: str) -> list[Run]:
        """All runs of a pipeline run, parents before children; their families are known from then on."""
        runs = self.ledger.runs(pipeline_run_id)
        self._families.update(families(runs))
        return runs

    def state(self, run: Run) -> str:
        """A run's state as people see it."""
        pipeline_run = self.pipeline_run(run.pipeline_run_id)
        stopped = run.parent_id is None or run.state in _LIVE or run.state is State.RETRYING
        return INTERRUPTED if stopped and interrupted(pipeline_run) else run.state

    def inputs(self, run: Run) -> dict[str, Input]:
        """Where a run's arguments come from, by parameter."""
        made: dict[str, str] = json.loads(run.inputs) if run.inputs else {}
        arguments: dict[str, Any] = json.loads(run.arguments)
        return {name: Input(made[name]) if name in made else self._input(run, data) for name, data in arguments.items()}

    def _input(self, run: Run, data: Any) -> Input:
        kind, *rest = data
        if kind == "c":
            return Input(rest[0])
        siblings = self._family(run)
        if kind == "o" and siblings[rest[0]].output is not None:
            return Input(siblings[rest[0]].output)
        needed = (siblings[position] for position in dependencies((from_json(data),)))
        return Input(None, tuple(sibling for sibling in needed if sibling.output is None))

    def _family(self, run: Run) -> dict[int, Run]:
        """The runs of the same graph by position; what feeds a root's arguments hangs below the root."""
        parent = (run.parent_id or run.id, run.parent_attempt)
        if parent not in self._families:
            self._families.update(families(self.ledger.children(parent[0])))
        return self._families[parent]

    def failure(self, run: Run) -> FailureView | None:
        """Why a run failed: in its own body, or further down."""
        while run.state is State.NESTED_FAILED and run.failure is None:
            failed = [child for child in self.ledger.children(run.id) if child.state in FAILED]
            if not failed:
                return None
            run = failed[0]
        if run.state in FAILED or run.state is State.RETRYING:
            return failure_view(Failure.from_json(run.failure) if run.failure else self._last_failure(run), run.id)
        return failure_view(_GONE, run.id) if self.state(run) == INTERRUPTED else None

    def _last_failure(self, run: Run) -> Failure:
        texts = [attempt.failure for attempt in self.attempts(run) if attempt.failure]
        return Failure.from_json(texts[-1]) if texts else _GONE

    def attempts(self, run: Run) -> list[Attempt]:
        """All attempts at a run, oldest first; those of a dead process have ended, also where that cannot be
        written."""
        attempts = self.ledger.attempts(run.id)
        pipeline_run = self.pipeline_run(run.pipeline_run_id)
        if not interrupted(pipeline_run):
            return attempts
        at, failure = pipeline_run.interrupted_at, _GONE.to_json()
        return [
            each._replace(state=State.FAILED, ended_at=at, failure=failure) if each.state in _LIVE else each
            for each in attempts
        ]

    def output(self, attempt: Attempt) -> tuple[bytes, bytes]:
        """The stdout and stderr of an attempt."""
        return read_output(self.home.logs, attempt.log)

    def source(self, run: Run) -> str | None:
        """The source of a run's function as its newest attempt ran it; of a result that was taken over, as it was
        made."""
        digests = [attempt.source for attempt in self.ledger.attempts(run.id) if attempt.source]
        if digests:
            return self.ledger.source(digests[-1])
        try:
            return self.source(self.ledger.run(run.taken_from)) if run.taken_from else None
        except KeyError:  # the pipeline run it was taken from was removed
            return None

    def artifact(self, id: str) -> Artifact:
        """Raises KeyError when unknown, ArtifactError when its recorded bytes are corrupt."""
        return self.ledger.artifact(id)

    def load(self, artifact_id: str) -> Any:
        """A copy of an artifact's value. Raises ArtifactError."""
        return load_artifact(self.artifact(artifact_id), self.home.store)


def run_name(run: Run | PipelineRun) -> str:
    """What a run is called: its own name, else its function's."""
    return run.name or run.function.partition(":")[2] or run.function


def moment(seconds: float | None) -> datetime | None:
    """A recorded time, aware, in UTC."""
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)


def run_seconds(run: Run, pipeline_run: PipelineRun) -> float | None:
    """How long a run took, or takes until now; None when it did not start."""
    end = run.ended_at or pipeline_run.interrupted_at or pipeline_run.ended_at
    return elapsed(run.started_at, end)


def elapsed(start: float | None, end: float | None) -> float | None:
    """Seconds from `start` to `end`, or until now. Never negative: clocks jump."""
    if start is None:
        return None
    return max(0.0, (datetime.now(UTC).timestamp() if end is None else end) - start)


def families(runs: Iterable[Run]) -> dict[tuple[str, int], dict[int, Run]]:
    """Runs by the graph they are in, (parent, attempt), and their position; a root is in one with what feeds it."""
    result: dict[tuple[str, int], dict[int, Run]] = {}
    for run in runs:
        result.setdefault((run.parent_id or run.id, run.parent_attempt), {})[run.position] = run
    return result


def waits_for(reader: Record, given: Input) -> str | None:
    """What an argument is waiting for, in words; None when it is there."""
    if given.artifact_id is not None:
        return None
    if not given.waits_for:
        return "is put together when the run starts"
    first, *rest = (f"{run_name(run)} ({run.id[:SHORT]}, {reader.state(run)})" for run in given.waits_for)
    return f"is not there yet: it comes from {first}{f' and {len(rest)} more' if rest else ''}"


def failure_view(failure: Failure, run_id: str) -> FailureView:
    return FailureView(failure.class_name, failure.message, failure.traceback, failure.kind, run_id)


def _written() -> tuple[Path, Path]:
    """What must be writable: SQLite puts files beside the ledger."""
    return settings.home(), settings.home() / LEDGER_FILE


def _open(read_only: bool) -> Home:
    """The home, for writing where that is allowed: whoever looks also records which owners are dead."""
    if not ledger_exists():
        raise LedgerError(f"there is no ledger in {settings.home()}: nothing has been recorded there")
    return open_home(read_only=read_only)


def _only(prefix: str, found: list[str], what: str, advice: str, line: Callable[[str], str]) -> str:
    if not found:
        raise UnknownId(f"there is no {what} {prefix!r}: {advice}")
    if len(found) > 1 and prefix not in found:
        candidates = "".join(f"\n  {line(id)}" for id in found)
        raise UnknownId(f"{prefix!r} could be any of these; give more of it:{candidates}")
    return found[0]
