"""The ledger on PostgreSQL: what a team's server uses.

Commits to one pipeline run happen one after the other, as on SQLite: each takes the run's lock first, so that what it
checks stays true until it ends. A commit whose connection breaks is made again under its nonce, which tells whether
it had arrived.
"""

from __future__ import annotations

import hashlib
import random
import secrets
import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import psycopg

from sematic.errors import LedgerError
from sematic.ledger.references import Blobs
from sematic.ledger.sql.compiled import Compiled, compile_for_postgres
from sematic.ledger.sql.ledger import SqlLedger
from sematic.ledger.sql.notices import Notices
from sematic.ledger.sql.postgres_errors import explained, is_lost, passes
from sematic.ledger.sql.postgres_pool import Connection, Pool, Server
from sematic.ledger.sql.postgres_schema import prepare
from sematic.ledger.sql.transaction import Statements, Transaction

_CONNECTIONS = 8
_BEGIN = "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE"
_LOCK = "SELECT pg_advisory_xact_lock($1)"


def open_postgres(url: str, *, blobs: Blobs | None = None, timeout: float = 30.0) -> SqlLedger:
    """A ledger in a PostgreSQL database (``postgresql://user@host/database``), 13 or newer.

    `timeout` bounds every wait: for a lock, for a free connection, for a server that is away. `blobs` as in
    open_sqlite. Raises LedgerError.
    """
    server = Server(url, timeout)
    database = PostgresDatabase(server, compile_for_postgres(), blobs)
    return SqlLedger(database, blobs)


class PostgresDatabase:
    """The connections to one database, and how often a thing is tried."""

    repeats = True

    def __init__(self, server: Server, compiled: Compiled, blobs: Blobs | None) -> None:
        self._server = server
        self._blobs = blobs
        self._sql = Statements(compiled)
        try:
            prepare(server, compiled).close()
        except psycopg.Error as error:
            raise explained(error, server.where, server.timeout) from error
        self._pool = Pool(server.connect, _CONNECTIONS, server.where, server.timeout)
        self._notices = Notices(server.connect)

    def read(self, name: str, *values: Any) -> list[Any]:
        """The rows of a statement. Raises LedgerError."""
        statement = self._sql[name]
        text, picked = statement.text, statement.pick(values)
        patience = self._patience()
        while True:
            try:
                with self._pool.connection() as connection:
                    return connection.execute(text, picked).fetchall()
            except psycopg.Error as error:
                patience.after(error)
            except UnicodeEncodeError as error:
                raise _no_text(error) from error

    def write(self, pipeline_run_id: str, work: Callable[[Transaction], int], nonce: str | None) -> int:
        """What `work` returns, in one transaction: all of it or nothing. Raises LedgerError."""
        repeated, nonce = nonce is not None, nonce or secrets.token_hex(16)
        patience = self._patience()
        while True:
            try:
                result = self._once(pipeline_run_id, work, nonce, repeated)
                self._notices.tell(pipeline_run_id)
                return result
            except psycopg.Error as error:
                patience.after(error)
                repeated = repeated or is_lost(error)

    def subscribe(self, callback: Callable[[str], None]) -> None:
        """Call it with the pipeline run of every commit that is heard of."""
        self._notices.subscribe(callback)

    def close(self) -> None:
        """Close all connections."""
        self._notices.close()
        self._pool.close()

    def _patience(self) -> Patience:
        explain = partial(explained, where=self._server.where, timeout=self._server.timeout)
        return Patience(self._pool, explain, self._server.timeout)

    def _once(self, id: str, work: Callable[[Transaction], int], nonce: str, repeated: bool) -> int:
        with self._pool.connection() as connection:
            cursor = connection.cursor()
            try:
                with connection.pipeline():
                    cursor.execute(_BEGIN)
                    cursor.execute(_LOCK, (lock_of(id),))
                stream = partial(_stream, connection)
                result = work(Transaction(cursor, stream, self._sql, id, self._blobs, nonce, repeated))
                cursor.execute("COMMIT")
            except UnicodeEncodeError as error:
                connection.rollback()
                raise _no_text(error) from error
            except BaseException:
                if not connection.closed:
                    connection.rollback()
                raise
            return result


class Patience:
    """How long and how often a thing is tried again, with growing waits."""

    def __init__(self, pool: Pool, explain: Callable[[psycopg.Error], LedgerError], seconds: float) -> None:
        self._pool = pool
        self._explain = explain
        self._until = time.monotonic() + seconds
        self._wait = 0.01

    def after(self, error: psycopg.Error) -> None:
        """Wait, or raise the error as a sentence when that is of no use any more."""
        if not passes(error) or time.monotonic() + self._wait > self._until:
            raise self._explain(error) from error
        if is_lost(error):
            self._pool.forget()
        time.sleep(self._wait * random.uniform(0.5, 1.0))
        self._wait = min(2 * self._wait, 1.0)


def _no_text(error: UnicodeEncodeError) -> LedgerError:
    return LedgerError(f"this text cannot be recorded: {error}")


def lock_of(pipeline_run_id: str) -> int:
    """A pipeline run's lock, also when it is not recorded yet, or removed in part."""
    digest = hashlib.sha256(f"sematic {pipeline_run_id}".encode()).digest()
    return int.from_bytes(digest[:8], signed=True)


def _stream(connection: Connection, text: str) -> Iterator[Any]:
    """Row by row, however long that takes. The connection does nothing else meanwhile."""
    connection.execute("SET LOCAL statement_timeout = 0")
    yield from connection.cursor().stream(text)
