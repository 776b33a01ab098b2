"""One commit to the ledger in memory: changes its tables in place, and puts back what it replaced when refused."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from sematic.engine import changes as c
from sematic.engine.records import Attempt, PipelineRun, Run
from sematic.engine.states import SOURCES, TERMINAL, State
from sematic.ledger import refusals
from sematic.ledger.base import EVERYTHING, Step
from sematic.ledger.references import Blobs
from sematic.types.artifact import Artifact, descendants

_ABSENT: Any = object()
_RETRIED = frozenset({State.SCHEDULED, State.RUNNING})


class Tables:
    """What the ledger in memory keeps. Artifacts wait in `unnamed` until somebody asks for one by its id."""

    def __init__(self) -> None:
        self.pipeline_runs: dict[str, PipelineRun] = {}
        self.runs: dict[str, Run] = {}
        self.runs_of: dict[str, dict[str, None]] = {}
        self.children: dict[tuple[str, str], dict[str, None]] = {}
        self.attempts: dict[str, dict[int, Attempt]] = {}
        self.live: dict[tuple[str, int], None] = {}
        self.steps: dict[str, list[Step]] = {}
        self.sources: dict[str, str] = {}
        self.artifacts: dict[str, tuple[Artifact, float]] = {}
        self.unnamed: list[tuple[Artifact, float]] = []
        self.nonces: dict[tuple[str, str], int] = {}
        self.tombstones: set[str] = set()

    def name_artifacts(self) -> None:
        """Give those that were added since an id."""
        for artifact, at in self.unnamed:
            for part in (*descendants(artifact), artifact):
                kept = self.artifacts.get(part.id, (part, at))[0]
                self.artifacts[part.id] = (kept, at)
        self.unnamed.clear()


class Transaction:
    """Applies the changes of one commit and notes what they replaced."""

    __slots__ = ("artifacts", "blobs", "pipeline_run_id", "replaced", "tables", "touched")

    def __init__(self, tables: Tables, pipeline_run_id: str, blobs: Blobs | None) -> None:
        self.tables = tables
        self.blobs = blobs
        self.pipeline_run_id = pipeline_run_id
        self.replaced: list[tuple[dict[Any, Any], Any, Any]] = []
        self.artifacts: list[tuple[Artifact, float]] = []
        self.touched: list[str] = []

    def run(self, changes: Iterable[c.Change]) -> int:
        """Apply all changes or none."""
        try:
            for change in changes:
                _APPLY[change.__class__](self, change)
            steps = self.tables.steps.get(self.pipeline_run_id)
            if steps is None:
                raise refusals.gone(self.pipeline_run_id)
        except BaseException:
            self._put_back()
            raise
        self.tables.unnamed += self.artifacts
        steps.append(Step(len(steps) + 1, refusals.named(self.touched)))
        return len(steps)

    def _put_back(self) -> None:
        for mapping, key, value in reversed(self.replaced):
            if value is _ABSENT:
                del mapping[key]
            else:
                mapping[key] = value

    def _set(self, mapping: dict[Any, Any], key: Any, value: Any) -> None:
        self.replaced.append((mapping, key, mapping.get(key, _ABSENT)))
        mapping[key] = value

    def _pop(self, mapping: dict[Any, Any], key: Any) -> None:
        self.replaced.append((mapping, key, mapping.pop(key)))

    def _inner(self, mapping: dict[Any, Any], key: Any) -> dict[Any, Any]:
        found: dict[Any, Any] | None = mapping.get(key)
        if found is None:
            found = {}
            self._set(mapping, key, found)
        return found

    def add_pipeline_run(self, change: c.PipelineRunAdded) -> None:
        tables, id = self.tables, change.pipeline_run.id
        refusals.check_member("pipeline run", id, id, self.pipeline_run_id)
        if id in tables.tombstones or id in tables.pipeline_runs:
            raise refusals.exists_already(id, removed=id in tables.tombstones)
        self._set(tables.pipeline_runs, id, change.pipeline_run)
        self._set(tables.steps, id, [])
        self.touched.append(id)

    def add_runs(self, change: c.RunsAdded) -> None:
        ids: list[str] = []
        tables = self.tables
        siblings = self._inner(tables.runs_of, self.pipeline_run_id)
        for run in refusals.checked(change.runs, self.pipeline_run_id, ids):
            if run.id in tables.runs:
                raise refusals.run_exists(run.id)
            self._set(tables.runs, run.id, run)
            self._set(siblings, run.id, None)
            if run.parent_id is not None:
                self._set(self._inner(tables.children, (self.pipeline_run_id, run.parent_id)), run.id, None)
        self.touched += ids

    def add_artifacts(self, change: c.ArtifactsAdded) -> None:
        now = time.time()
        for artifact in change.artifacts:
            if self.blobs is not None:
                self._check_blobs(artifact, self.blobs)
            self.artifacts.append((artifact, now))

    def _check_blobs(self, artifact: Artifact, blobs: Blobs) -> None:
        self.tables.name_artifacts()
        for part in (*descendants(artifact), artifact):
            blob = part.blob
            if blob.data is None and part.id not in self.tables.artifacts and not blobs.exists(blob.digest, blob.size):
                raise refusals.blob_missing(part.id, blob.digest, blob.size)

    def add_source(self, change: c.SourceAdded) -> None:
        if change.digest not in self.tables.sources:
            self._set(self.tables.sources, change.digest, change.text)

    def move_run(self, change: c.RunMoved) -> None:
        refusals.check_state(change.target)
        run = self.tables.runs.get(change.run_id)
        if run is None or run.pipeline_run_id != self.pipeline_run_id or run.state not in SOURCES[change.target]:
            raise refusals.run_refused(change, run, self.pipeline_run_id)
        self._set(self.tables.runs, run.id, _moved(run, change))
        self.touched.append(run.id)

    def add_attempt(self, change: c.AttemptAdded) -> None:
        attempt = change.attempt
        refusals.check_attempt(attempt, self.pipeline_run_id)
        if self._run_of(attempt.run_id) is None:
            raise refusals.no_run(attempt.run_id, self.pipeline_run_id)
        attempts = self._inner(self.tables.attempts, attempt.run_id)
        if attempt.number in attempts:
            raise refusals.attempt_exists(attempt)
        self._set(attempts, attempt.number, attempt)
        self._set(self.tables.live, (attempt.run_id, attempt.number), None)
        self.touched.append(attempt.run_id)

    def claim_attempt(self, change: c.AttemptClaimed) -> None:
        attempt = self._current(change)
        if attempt is None or (attempt.state is State.RUNNING and attempt.nonce != change.nonce):
            raise self._refused(change)
        if attempt.state is State.SCHEDULED:
            claimed = attempt._replace(
                state=State.RUNNING, nonce=change.nonce, owner=change.owner, started_at=change.at
            )
            self._set(self.tables.attempts[change.run_id], change.number, claimed)
        self.touched.append(change.run_id)

    def end_attempt(self, change: c.AttemptEnded) -> None:
        refusals.check_end(change)
        attempt = self._current(change)
        if attempt is None or attempt.nonce != change.nonce:
            raise self._refused(change)
        self._end(_ended(attempt, change))
        self.touched.append(change.run_id)

    def _end(self, attempt: Attempt) -> None:
        self._set(self.tables.attempts[attempt.run_id], attempt.number, attempt)
        self._pop(self.tables.live, (attempt.run_id, attempt.number))

    def _run_of(self, id: str) -> Run | None:
        run = self.tables.runs.get(id)
        return run if run is not None and run.pipeline_run_id == self.pipeline_run_id else None

    def _current(self, change: c.AttemptClaimed | c.AttemptEnded) -> Attempt | None:
        """The attempt a change is about, when it is live, the newest, and of this pipeline run."""
        attempts = self.tables.attempts.get(change.run_id, {})
        attempt = attempts.get(change.number)
        usable = (
            attempt is not None
            and attempt.state in refusals.LIVE
            and (len(attempts) == 1 or max(attempts) == change.number)
        )
        return attempt if usable and self._run_of(change.run_id) is not None else None

    def _refused(self, change: c.AttemptClaimed | c.AttemptEnded) -> Exception:
        found = sorted(self.tables.attempts.get(change.run_id, {}).values(), key=lambda attempt: attempt.number)
        return refusals.attempt_refused(change, found, self.pipeline_run_id)

    def _live(self) -> Iterator[Attempt]:
        for run_id, number in list(self.tables.live):
            if self._run_of(run_id) is not None:
                yield self.tables.attempts[run_id][number]

    def cancel_rest(self, change: c.RestCanceled) -> None:
        runs = self.tables.runs
        for id in self.tables.runs_of.get(self.pipeline_run_id, ()):
            if runs[id].state not in TERMINAL:
                self._set(runs, id, runs[id]._replace(state=State.CANCELED, ended_at=change.at))
        for attempt in self._live():
            self._end(attempt._replace(state=State.CANCELED, ended_at=change.at))
        self.touched.append(EVERYTHING)

    def move_pipeline_run(self, change: c.PipelineRunMoved) -> None:
        found = self._pipeline_run()
        if found is None or found.state in TERMINAL or change.owner not in (None, found.owner):
            raise refusals.pipeline_run_refused(self.pipeline_run_id, f"become {change.state}", found)
        ended = {"ended_at": change.at, "owner": None} if change.state in TERMINAL else {}
        self._set_pipeline_run(found, state=change.state, **ended)

    def take_owner(self, change: c.OwnerTaken) -> None:
        found = self._pipeline_run()
        if found is None or found.state in TERMINAL or change.previous != found.owner:
            raise refusals.pipeline_run_refused(self.pipeline_run_id, "be taken over", found)
        self._set_pipeline_run(found, owner=change.owner, interrupted_at=None)

    def interrupt(self, change: c.Interrupted) -> None:
        found = self._pipeline_run()
        if found is None or found.owner != change.owner:
            raise refusals.pipeline_run_refused(self.pipeline_run_id, "be marked interrupted", found)
        self._set_pipeline_run(found, owner=None, interrupted_at=change.at)
        runs = self.tables.runs
        for id in self.tables.runs_of.get(self.pipeline_run_id, ()):
            if runs[id].state in _RETRIED:
                self._set(runs, id, runs[id]._replace(state=State.RETRYING))
        for attempt in self._live():
            self._end(attempt._replace(state=State.FAILED, ended_at=change.at, failure=change.failure))
        self.touched.append(EVERYTHING)

    def _pipeline_run(self) -> PipelineRun | None:
        return self.tables.pipeline_runs.get(self.pipeline_run_id)

    def _set_pipeline_run(self, found: PipelineRun, **values: Any) -> None:
        self._set(self.tables.pipeline_runs, found.id, found._replace(**values))
        self.touched.append(found.id)


def _moved(run: Run, change: c.RunMoved) -> Run:
    """What `_replace` would make, in a third of its time: most commits are little else."""
    target = change.target
    return Run._make(
        (
            *run[:9],
            target,
            run.attempt if change.attempt is None else change.attempt,
            run.created_at,
            change.at if target is State.RUNNING and run.started_at is None else run.started_at,
            change.at if target in TERMINAL else run.ended_at,
            run.inputs if change.inputs is None else change.inputs,
            run.output if change.output is None else change.output,
            run.graph if change.graph is None else change.graph,
            run.failure if change.failure is None else change.failure,
            run.taken_from if change.taken_from is None else change.taken_from,
        )
    )


def _ended(attempt: Attempt, change: c.AttemptEnded) -> Attempt:
    return Attempt._make(
        (
            *attempt[:3],
            change.state,
            *attempt[4:8],
            change.at,
            attempt.failure if change.failure is None else change.failure,
            attempt.cpu_seconds if change.cpu_seconds is None else change.cpu_seconds,
            attempt.peak_memory if change.peak_memory is None else change.peak_memory,
            attempt.log if change.log is None else change.log,
        )
    )


_APPLY: Mapping[type, Callable[[Transaction, Any], None]] = {
    c.PipelineRunAdded: Transaction.add_pipeline_run,
    c.RunsAdded: Transaction.add_runs,
    c.ArtifactsAdded: Transaction.add_artifacts,
    c.SourceAdded: Transaction.add_source,
    c.RunMoved: Transaction.move_run,
    c.AttemptAdded: Transaction.add_attempt,
    c.AttemptClaimed: Transaction.claim_attempt,
    c.AttemptEnded: Transaction.end_attempt,
    c.RestCanceled: Transaction.cancel_rest,
    c.PipelineRunMoved: Transaction.move_pipeline_run,
    c.OwnerTaken: Transaction.take_owner,
    c.Interrupted: Transaction.interrupt,
}
