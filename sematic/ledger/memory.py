"""The twin in memory: what the simulator and SilentResolver use. The same contract, nothing written anywhere.

A commit applies its changes one after the other and notes what each replaced; when one is refused, all is put back.
Artifacts get their ids (a hash of their bytes) only when somebody asks for one.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Sequence

from sematic.engine import changes as c
from sematic.engine.records import Attempt, PipelineRun, Run
from sematic.engine.states import State
from sematic.ledger import refusals
from sematic.ledger.base import Step
from sematic.ledger.memory_commit import Tables, Transaction
from sematic.ledger.references import Blobs, reachable, references
from sematic.types.artifact import Artifact

_FOUND = 10


class MemoryLedger:
    """A ledger that ends with the process. `blobs` as in open_sqlite."""

    def __init__(self, blobs: Blobs | None = None) -> None:
        self._blobs = blobs
        self._lock = threading.RLock()
        self._tables = Tables()

    def commit(self, pipeline_run_id: str, changes: Sequence[c.Change], nonce: str | None = None) -> int:
        """Apply `changes` atomically and return the commit's sequence number. Raises Fenced or LedgerError."""
        with self._lock:
            known = None if nonce is None else self._tables.nonces.get((pipeline_run_id, nonce))
            if known is not None:
                return known
            seq = Transaction(self._tables, pipeline_run_id, self._blobs).run(changes)
            if nonce is not None:
                self._tables.nonces[pipeline_run_id, nonce] = seq
            return seq

    def changes_after(self, pipeline_run_id: str, seq: int, limit: int = 1000) -> list[Step]:
        """The commits after `seq`, oldest first."""
        with self._lock:
            steps = self._tables.steps[pipeline_run_id]
            start = max(seq, 0)
            return steps[start : start + limit]

    def pipeline_run(self, id: str) -> PipelineRun:
        """Raises KeyError when unknown."""
        with self._lock:
            return self._tables.pipeline_runs[id]._replace(seq=len(self._tables.steps[id]))

    def pipeline_runs(
        self,
        limit: int = 50,
        before: tuple[float, str] | None = None,
        states: Iterable[State] = (),
        function: str | None = None,
    ) -> list[PipelineRun]:
        """Newest first by (created_at, id); `before` is the cursor: the last row of the page before."""
        wanted = frozenset(states) or frozenset(State)
        with self._lock:
            found = [
                pipeline_run
                for pipeline_run in self._tables.pipeline_runs.values()
                if pipeline_run.state in wanted
                and function in (None, pipeline_run.function)
                and (before is None or _age(pipeline_run) < before)
            ]
            found.sort(key=_age, reverse=True)
            return [self.pipeline_run(pipeline_run.id) for pipeline_run in found[:limit]]

    def run(self, id: str) -> Run:
        """Raises KeyError when unknown."""
        with self._lock:
            return self._tables.runs[id]

    def runs(self, pipeline_run_id: str) -> list[Run]:
        """All runs of a pipeline run: parents before children, siblings by position."""
        with self._lock:
            self.pipeline_run(pipeline_run_id)
            return refusals.in_order(self._tables.runs[id] for id in self._tables.runs_of.get(pipeline_run_id, ()))

    def children(self, run_id: str) -> list[Run]:
        """The runs of the graph that a run returned, by position."""
        with self._lock:
            id = self.run(run_id).pipeline_run_id
            found = self._tables.children.get((id, run_id), ())
            return sorted(map(self._tables.runs.__getitem__, found), key=refusals.place)

    def attempts(self, run_id: str) -> list[Attempt]:
        """All attempts at a run, oldest first."""
        with self._lock:
            self.run(run_id)
            found = self._tables.attempts.get(run_id, {})
            return [found[number] for number in sorted(found)]

    def live_attempts(self, pipeline_run_id: str) -> list[Attempt]:
        """The attempts that have not ended."""
        with self._lock:
            self.pipeline_run(pipeline_run_id)
            found = [self._tables.attempts[run_id][number] for run_id, number in sorted(self._tables.live)]
            return [attempt for attempt in found if attempt.pipeline_run_id == pipeline_run_id]

    def artifact(self, id: str) -> Artifact:
        """Raises KeyError when unknown."""
        with self._lock:
            self._tables.name_artifacts()
            return self._tables.artifacts[id][0]

    def source(self, digest: str) -> str:
        """Raises KeyError when unknown."""
        with self._lock:
            return self._tables.sources[digest]

    def find(self, prefix: str) -> list[str]:
        """Up to ten ids of runs that start with `prefix` (pipeline runs are runs)."""
        with self._lock:
            return _find(self._tables.runs, prefix)

    def find_artifacts(self, prefix: str) -> list[str]:
        """Up to ten ids of artifacts that start with `prefix`."""
        with self._lock:
            self._tables.name_artifacts()
            return _find(self._tables.artifacts, prefix)

    def remove(self, pipeline_run_id: str) -> None:
        """Forget a pipeline run and its runs, leaving a tombstone; refused (LedgerError) while it is owned."""
        with self._lock:
            found = self.pipeline_run(pipeline_run_id)
            if found.owner is not None:
                raise refusals.still_owned(found)
            for id in self._tables.runs_of.pop(pipeline_run_id, ()):
                del self._tables.runs[id]
                self._tables.children.pop((pipeline_run_id, id), None)
                for number in self._tables.attempts.pop(id, {}):
                    self._tables.live.pop((id, number), None)
            del self._tables.pipeline_runs[pipeline_run_id], self._tables.steps[pipeline_run_id]
            self._tables.nonces = {key: seq for key, seq in self._tables.nonces.items() if key[0] != pipeline_run_id}
            self._tables.tombstones.add(pipeline_run_id)

    def collect(self, keep_seconds: float = 86400.0) -> tuple[int, int]:
        """Delete artifacts nothing refers to and unreferenced blobs, both untouched for `keep_seconds`; returns how
        many blobs and bytes."""
        with self._lock:
            self._tables.name_artifacts()
            oldest = time.time() - keep_seconds
            live = self._reachable()
            for id, (_, touched_at) in list(self._tables.artifacts.items()):
                if touched_at <= oldest and id not in live:
                    del self._tables.artifacts[id]
            stored = {
                artifact.blob.digest for artifact, _ in self._tables.artifacts.values() if artifact.blob.data is None
            }
            return (0, 0) if self._blobs is None else self._blobs.collect(stored, keep_seconds)

    def close(self) -> None:
        """Nothing to close."""

    def _reachable(self) -> set[str]:
        texts = (
            text for run in self._tables.runs.values() for text in (run.arguments, run.inputs, run.graph, run.output)
        )
        edges = ((id, child) for id, (artifact, _) in self._tables.artifacts.items() for child in artifact.children)
        return reachable(references(texts), edges)


def _age(pipeline_run: PipelineRun) -> tuple[float, str]:
    return pipeline_run.created_at, pipeline_run.id


def _find(ids: Iterable[str], prefix: str) -> list[str]:
    prefix = prefix.lower()
    return sorted(id for id in ids if id.startswith(prefix))[:_FOUND]
