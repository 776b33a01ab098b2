"""The ledger on SQLite: what `LocalResolver`, the page and a small server use.

It runs the compiled text of `statements.py` and imports neither SQLAlchemy nor Alembic, unless the cache is cold or
the database has an older schema.
"""

from __future__ import annotations

import json
import os
import re
import sqlite3
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sematic.engine.changes import Change
from sematic.engine.records import Attempt, PipelineRun, Run
from sematic.engine.states import State
from sematic.errors import LedgerError
from sematic.ledger import refusals
from sematic.ledger.base import Step
from sematic.ledger.references import Blobs
from sematic.ledger.sql.compiled import load
from sematic.ledger.sql.database import Database, explained
from sematic.ledger.sql.transaction import Statements, Transaction, attempt_of, pipeline_run_of, run_of
from sematic.types.artifact import Artifact, restore

_HEX = re.compile(r"[0-9a-f]*")
_inherited: list[sqlite3.Connection] = []
"""Connections of the parent process: neither used nor closed in a forked child."""


class SqliteLedger:
    """A ledger in one SQLite file, in WAL mode: readers never wait, writers wait for each other.

    `synchronous`: NORMAL may lose the last commits when the power fails (never consistency), FULL loses none.
    `blobs` is the store its artifacts are in; without one, commits are not checked against it. A process that was
    forked off makes a ledger of its own; this one refuses to work there.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        synchronous: str = "NORMAL",
        *,
        blobs: Blobs | None = None,
        timeout: float = 30.0,
        read_only: bool = False,
        cache: str | os.PathLike[str] | None = None,
    ) -> None:
        self.path = Path(path)
        self._blobs = blobs
        compiled = load(Path(cache) if cache is not None else self.path.parent / "cache")
        self._sql = Statements(compiled)
        self._database = Database(self.path, compiled, synchronous, timeout, read_only)
        self._idle = [self._database.prepare()]
        self._pid = os.getpid()
        self._closed = False
        self._writing = threading.Lock()

    def commit(self, pipeline_run_id: str, changes: Sequence[Change]) -> int:
        """Apply `changes` atomically and return the commit's sequence number. Raises Fenced or LedgerError."""
        return self._write(pipeline_run_id, lambda transaction: transaction.apply(changes))

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

    def close(self) -> None:
        """Close all connections; the last one folds the log into the database."""
        self._closed = True
        while self._idle:
            connection = self._idle.pop()
            if os.getpid() == self._pid:
                connection.close()
            else:
                _inherited.append(connection)

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
        statement = self._sql[name]
        with self._connection() as connection:
            return connection.execute(statement.text, statement.pick(values)).fetchall()

    def _write(self, pipeline_run_id: str, work: Callable[[Transaction], int]) -> int:
        with self._writing, self._connection() as connection:
            cursor = connection.cursor()
            cursor.execute("BEGIN IMMEDIATE")
            try:
                result = work(Transaction(cursor, self._sql, pipeline_run_id, self._blobs))
                cursor.execute("COMMIT")
            except BaseException:
                if connection.in_transaction:
                    connection.rollback()
                raise
            return result

    @contextmanager
    def _connection(self) -> Iterator[sqlite3.Connection]:
        self._check_usable()
        try:
            connection = self._idle.pop() if self._idle else self._database.connect()
            try:
                yield connection
            finally:
                self._give_back(connection)
        except sqlite3.Error as error:
            raise explained(error, self.path, self._database.timeout) from error
        except UnicodeEncodeError as error:
            raise LedgerError(f"this text cannot be recorded: {error}") from error

    def _check_usable(self) -> None:
        if os.getpid() != self._pid:
            raise LedgerError(f"the ledger {self.path} was opened before this process was forked: open it again here")
        if self._closed:
            raise LedgerError(f"the ledger {self.path} is closed")

    def _give_back(self, connection: sqlite3.Connection) -> None:
        if self._closed:
            connection.close()
        else:
            self._idle.append(connection)
