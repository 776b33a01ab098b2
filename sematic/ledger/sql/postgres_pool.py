"""Connections to one PostgreSQL database: few, made when first needed, used by one thread at a time."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
from psycopg.conninfo import conninfo_to_dict
from psycopg.pq import TransactionStatus

from sematic.errors import LedgerError, LedgerLocked

Connection = psycopg.Connection[Any]
_inherited: list[Connection] = []
"""Connections of the parent process: neither used nor closed in a forked child."""


class Server:
    """Where the database is and how to connect to it. `where` says so without the password."""

    def __init__(self, url: str, timeout: float) -> None:
        self.timeout = timeout
        self._settings = {**_defaults(timeout), **_parsed(url)}
        self._settings["options"] = f"{_options(timeout)} {self._settings.get('options', '')}"
        place, database = self._settings.get("host", "the local socket"), self._settings.get("dbname", "of the user")
        self.where = f"the ledger on PostgreSQL at {place}:{self._settings.get('port', 5432)}, database {database},"

    def connect(self) -> Connection:
        """A new connection, each statement a transaction of its own. Raises psycopg.Error."""
        return psycopg.connect(**self._settings, autocommit=True, cursor_factory=psycopg.RawCursor)


def _parsed(url: str) -> dict[str, Any]:
    try:
        return conninfo_to_dict(url)
    except psycopg.Error:
        # What the driver says quotes the URL, which holds the password
        raise LedgerError(
            "the URL of the ledger on PostgreSQL cannot be read: write it as postgresql://user@host:5432/database, "
            "and special characters of the password as %40 and the like"
        ) from None


def _defaults(timeout: float) -> dict[str, Any]:
    """A server that vanishes without a word is noticed about as fast as a lock that is not given."""
    return {
        "application_name": "sematic",
        "client_encoding": "utf8",
        "connect_timeout": 10,
        "keepalives_idle": 10,
        "keepalives_interval": 5,
        "keepalives_count": 3,
        "tcp_user_timeout": int(timeout * 1000),
    }


def _options(timeout: float) -> str:
    """Of the session. One whose client vanished in a transaction gives back its locks before others stop waiting."""
    milliseconds = int(timeout * 1000)
    return (
        f"-c lock_timeout={milliseconds} -c statement_timeout={2 * milliseconds} "
        f"-c idle_in_transaction_session_timeout={milliseconds // 2} -c default_transaction_read_only=off "
        "-c default_transaction_isolation=read\\ committed"
    )


class Pool:
    """At most `size` connections; who finds none free waits."""

    def __init__(self, connect: Callable[[], Connection], size: int, where: str, timeout: float) -> None:
        self._connect = connect
        self._size = size
        self._where = where
        self._timeout = timeout
        self._idle: list[Connection] = []
        self._open = 0
        self._changed = threading.Condition()
        self._closed = False
        self._pid = os.getpid()

    @contextmanager
    def connection(self) -> Iterator[Connection]:
        """One for this thread alone. Raises psycopg.Error when none can be made, LedgerError."""
        connection = self._take()
        try:
            yield connection
        finally:
            self._give_back(connection)

    def forget(self) -> None:
        """Those that are idle are of a server that went away."""
        with self._changed:
            idle, self._idle = self._idle, []
            self._open -= len(idle)
            self._changed.notify_all()
        for connection in idle:
            connection.close()

    def close(self) -> None:
        """Those in use are closed when they are given back."""
        self._closed = True
        if os.getpid() == self._pid:
            self.forget()
        else:
            _inherited.extend(self._idle)

    def _take(self) -> Connection:
        self._check_usable()
        with self._changed:
            if not self._changed.wait_for(lambda: self._idle or self._open < self._size, self._timeout):
                raise LedgerLocked(
                    f"{self._where} is busy: all {self._size} connections were in use for more than {self._timeout:g} s"
                )
            if self._idle:
                return self._idle.pop()
            self._open += 1
        try:
            return self._connect()
        except BaseException:
            self._one_less()
            raise

    def _check_usable(self) -> None:
        if os.getpid() != self._pid:
            raise LedgerError(f"{self._where} was opened before this process was forked: open it again here")
        if self._closed:
            raise LedgerError(f"{self._where} is closed")

    def _give_back(self, connection: Connection) -> None:
        if self._closed or connection.info.transaction_status != TransactionStatus.IDLE:
            connection.close()
            self._one_less()
            return
        with self._changed:
            self._idle.append(connection)
            self._changed.notify()

    def _one_less(self) -> None:
        with self._changed:
            self._open -= 1
            self._changed.notify()
