"""The ledger in a database: every read and write of the contract, the same for SQLite and PostgreSQL.

A `Database` runs the compiled statements; how it keeps its connections, and what it does when they break, is its own.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Protocol

from sematic.engine.changes import ArtifactsAdded, Change, RunsAdded
from sematic.engine.records import Attempt, PipelineRun, Run
from sematic.engine.states import State
from sematic.ledger import refusals
from sematic.ledger.base import Step
from sematic.ledger.references import Blobs
from sematic.ledger.sql.transaction import Transaction, attempt_of, pipeline_run_of, run_of
from sematic.types.artifact import Artifact, restore

_HEX = re.compile(r"[0-9a-f]*")


class Database(Protocol):
    """Where the tables are."""

    repeats: bool
    """Whether a write may be tried more than once."""

    def read(self, name: str, *values: Any) -> list[Any]:
        """The rows of a statement. Raises LedgerError."""

    def write(self, pipeline_run_id: str, work: Callable[[Transaction], int], nonce: str | None) -> int:
        """What `work` returns, in one transaction: all of it or nothing. Raises LedgerError."""

    def subscribe(self, callback: Callable[[str], None]) -> None:
        """Call it with the pipeline run of every commit that is heard of."""

    def close(self) -> None: ...


class SqlLedger:
    """A ledger in a database; `blobs` is the store its artifacts are in."""

    def __init__(self, database: Database, blobs: Blobs | None) -> None:
        self._database = database
        self._blobs = blobs

    def commit(self, pipeline_run_id: str, changes: Sequence[Change], nonce: str | None = None) -> int:
        """Apply `changes` atomically and return the commit's sequence number. Raises Fenced or LedgerError."""
        changes = [*map(_repeatable, changes)] if self._database.repeats else changes
        return self._write(pipeline_run_id, lambda transaction: transaction.apply(changes), nonce)

    def changes_after(self, pipeline_run_id: str, seq: int, limit: int = 1000) -> list[Step]:
        """The commits after `seq`, oldest first."""
        rows = self._read("steps", pipeline_run_id, seq, limit)
        if not rows:
            self.pipeline_run(pipeline_run_id)
        return [Step(number, tuple(ids.split(",")) if ids else ()) for number, ids in rows]

    def pipeline_run(self, id: str) -> PipelineRun:
        """Raises KeyError when unknown."""
        return pipeline_run_of(self._one("pipeline_run", id))

    def pipeline_runs(
        self,
        limit: int = 50,
        before: tuple[float, str] | None = None,
        states: Iterable[State] = (),
        function: str | None = None,
    ) -> list[PipelineRun]:
        """Newest first by (created_at, id); `before` is the cursor: the last row of the page before."""
        wanted = ",".join(states)
        time, id = before or (float("inf"), "")
        rows = self._read("pipeline_runs", limit, time, id, f",{wanted}," if wanted else None, function)
        return [pipeline_run_of(row) for row in rows]

    def run(self, id: str) -> Run:
        """Raises KeyError when unknown."""
        return run_of(self._one("run", id))

    def runs(self, pipeline_run_id: str) -> list[Run]:
        """All runs of a pipeline run: parents before children, siblings by position."""
        rows = self._read("runs", pipeline_run_id)
        if not rows:
            self.pipeline_run(pipeline_run_id)
        return refusals.in_order(map(run_of, rows))

    def children(self, run_id: str) -> list[Run]:
        """The runs of the graph that a run returned, by position."""
        rows = self._read("children", run_id)
        if not rows:
            self.run(run_id)
        return [run_of(row) for row in rows]

    def attempts(self, run_id: str) -> list[Attempt]:
        """All attempts at a run, oldest first."""
        rows = self._read("attempts", run_id)
        if not rows:
            self.run(run_id)
        return [attempt_of(row) for row in rows]

    def live_attempts(self, pipeline_run_id: str) -> list[Attempt]:
        """The attempts that have not ended."""
        rows = self._read("live_attempts", pipeline_run_id)
        if not rows:
            self.pipeline_run(pipeline_run_id)
        return [attempt_of(row) for row in rows]

    def artifact(self, id: str) -> Artifact:
        """Raises KeyError when unknown, ArtifactError when its recorded bytes are corrupt."""
        spec, codec, digest, size, payload, summary = self._one("artifact", id)
        shown = None if summary is None else json.loads(summary)
        return restore(json.loads(spec), codec, digest, size, payload, shown, id)

    def source(self, digest: str) -> str:
        """Raises KeyError when unknown."""
        text: str = self._one("source", digest)[0]
        return text

    def find(self, prefix: str) -> list[str]:
        """Up to ten ids of runs that start with `prefix` (pipeline runs are runs)."""
        return self._find("find_runs", prefix)

    def find_artifacts(self, prefix: str) -> list[str]:
        """Up to ten ids of artifacts that start with `prefix`."""
        return self._find("find_artifacts", prefix)

    def remove(self, pipeline_run_id: str) -> None:
        """Forget a pipeline run and its runs, leaving a tombstone; refused (LedgerError) while it is owned.

        It is gone at once; what is below it goes in chunks, so that other writers get their turn. What a crash
        leaves of it is removed by `collect`.
        """
        self._write(pipeline_run_id, Transaction.bury)
        self._remove_rest(pipeline_run_id)

    def collect(self, keep_seconds: float = 86400.0) -> tuple[int, int]:
        """Delete artifacts nothing refers to and unreferenced blobs, both untouched for `keep_seconds`; returns how
        many blobs and bytes. Writers wait while references are read."""
        for (id,) in self._read("half_removed"):
            self._remove_rest(id)
        self._write("", lambda transaction: transaction.remove_artifacts(keep_seconds))
        if self._blobs is None:
            return 0, 0
        return self._blobs.collect({row[0] for row in self._read("stored_digests")}, keep_seconds)

    def subscribe(self, callback: Callable[[str], None]) -> None:
        """Call it, from any thread, with the pipeline run of commits soon after they were made: a hint. Those of
        other processes are heard of on PostgreSQL only, and some never."""
        self._database.subscribe(callback)

    def close(self) -> None:
        """Close all connections."""
        self._database.close()

    def _remove_rest(self, pipeline_run_id: str) -> None:
        while self._write(pipeline_run_id, Transaction.remove_some):
            pass

    def _find(self, name: str, prefix: str) -> list[str]:
        prefix = prefix.lower()
        if not _HEX.fullmatch(prefix):
            return []
        return [row[0] for row in self._read(name, prefix, prefix + "g")]

    def _one(self, name: str, id: str) -> tuple[Any, ...]:
        rows = self._read(name, id)
        if not rows:
            raise KeyError(id)
        row: tuple[Any, ...] = rows[0]
        return row

    def _read(self, name: str, *values: Any) -> list[Any]:
        return self._database.read(name, *values)

    def _write(self, pipeline_run_id: str, work: Callable[[Transaction], int], nonce: str | None = None) -> int:
        return self._database.write(pipeline_run_id, work, nonce)


def _repeatable(change: Change) -> Change:
    """The same, with what can be read once only read already."""
    if isinstance(change, RunsAdded):
        return RunsAdded(tuple(change.runs))
    if isinstance(change, ArtifactsAdded):
        return ArtifactsAdded(tuple(change.artifacts))
    return change
