"""The ledger on SQLite: what `LocalResolver`, the page and a small server use.

It runs the compiled text of `statements.py` and imports neither SQLAlchemy nor Alembic, unless the cache is cold or
the database has an older schema.
"""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sematic.errors import LedgerError
from sematic.ledger.references import Blobs
from sematic.ledger.sql.compiled import load
from sematic.ledger.sql.ledger import SqlLedger
from sematic.ledger.sql.sqlite_file import File, explained
from sematic.ledger.sql.transaction import Statements, Transaction

_inherited: list[sqlite3.Connection] = []
"""Connections of the parent process: neither used nor closed in a forked child."""


def open_sqlite(
    path: str | os.PathLike[str],
    synchronous: str = "NORMAL",
    *,
    blobs: Blobs | None = None,
    timeout: float = 30.0,
    read_only: bool = False,
    cache: str | os.PathLike[str] | None = None,
) -> SqlLedger:
    """A ledger in one SQLite file, in WAL mode: readers never wait, writers wait for each other.

    `synchronous`: NORMAL may lose the last commits when the power fails (never consistency), FULL loses none.
    `blobs` is the store its artifacts are in; without one, commits are not checked against it. A process that was
    forked off opens a ledger of its own; this one refuses to work there. Raises LedgerError.
    """
    path = Path(path)
    compiled = load(Path(cache) if cache is not None else path.parent / "cache")
    file = File(path, compiled, synchronous, timeout, read_only)
    return SqlLedger(SqliteDatabase(file, blobs), blobs)


class SqliteDatabase:
    """The connections to one file."""

    repeats = False

    def __init__(self, file: File, blobs: Blobs | None) -> None:
        self.path = file.path
        self._file = file
        self._blobs = blobs
        self._sql = Statements(file.compiled)
        self._idle = [file.prepare()]
        self._pid = os.getpid()
        self._closed = False
        self._writing = threading.Lock()
        self._callbacks: list[Callable[[str], None]] = []

    def read(self, name: str, *values: Any) -> list[Any]:
        """The rows of a statement. Raises LedgerError."""
        statement = self._sql[name]
        with self._connection() as connection:
            return connection.execute(statement.text, statement.pick(values)).fetchall()

    def write(self, pipeline_run_id: str, work: Callable[[Transaction], int], nonce: str | None) -> int:
        """What `work` returns, in one transaction: all of it or nothing. Raises LedgerError."""
        with self._writing, self._connection() as connection:
            cursor = connection.cursor()
            cursor.execute("BEGIN IMMEDIATE")
            try:
                result = work(
                    Transaction(
                        cursor, connection.execute, self._sql, pipeline_run_id, self._blobs, nonce, nonce is not None
                    )
                )
                cursor.execute("COMMIT")
            except BaseException:
                if connection.in_transaction:
                    connection.rollback()
                raise
        for callback in self._callbacks:
            callback(pipeline_run_id)
        return result

    def subscribe(self, callback: Callable[[str], None]) -> None:
        """Call it with the pipeline run of every commit of this process."""
        self._callbacks.append(callback)

    def close(self) -> None:
        """The last connection folds the log into the database."""
        self._closed = True
        while self._idle:
            connection = self._idle.pop()
            if os.getpid() == self._pid:
                connection.close()
            else:
                _inherited.append(connection)

    @contextmanager
    def _connection(self) -> Iterator[sqlite3.Connection]:
        self._check_usable()
        try:
            connection = self._idle.pop() if self._idle else self._file.connect()
            try:
                yield connection
            finally:
                self._give_back(connection)
        except sqlite3.Error as error:
            raise explained(error, self.path, self._file.timeout) from error
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
