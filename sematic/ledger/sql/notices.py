"""Telling the other processes on a PostgreSQL database which pipeline runs have changed: a hint, nothing depends on it.

It is told after the commit, by a thread of its own: NOTIFY in the transaction itself would let all commits of the
database wait for each other. Nor is it told of every commit, but a few times a second of all since.
"""

from __future__ import annotations

import contextlib
import os
import select
import socket
import threading
import time
from collections.abc import Callable

import psycopg

from sematic.ledger.sql.postgres_pool import Connection

_CHANNEL = "sematic_commits"
_APART_SECONDS = 0.05
_MOST_SECONDS = 10.0
Callback = Callable[[str], None]


class Notices:
    """One thread with one connection, which it makes again whenever it breaks; begun with the first use."""

    def __init__(self, connect: Callable[[], Connection]) -> None:
        self._connect = connect
        self._callbacks: list[Callback] = []
        self._pending: set[str] = set()
        self._lock = threading.Lock()
        self._closed = threading.Event()
        self._thread: threading.Thread | None = None
        self._pid = os.getpid()

    def subscribe(self, callback: Callback) -> None:
        """Call it, from any thread, with the pipeline run of every commit that is heard of."""
        self._callbacks.append(callback)
        with self._lock:
            self._begin()

    def tell(self, pipeline_run_id: str) -> None:
        """There was a commit."""
        self._hear(pipeline_run_id)
        with self._lock:
            self._begin()
            first = not self._pending
            self._pending.add(pipeline_run_id)
            if first:
                self._wake()

    def close(self) -> None:
        """What was not told yet is not told any more."""
        self._closed.set()
        if self._thread is not None and os.getpid() == self._pid:
            self._wake()
            self._thread.join()
            self._waker.close()
            self._woken.close()

    def _begin(self) -> None:
        if self._thread is None and not self._closed.is_set():
            self._waker, self._woken = socket.socketpair()
            self._waker.setblocking(False)
            self._thread = threading.Thread(target=self._run, name="sematic-notices", daemon=True)
            self._thread.start()

    def _wake(self) -> None:
        with contextlib.suppress(BlockingIOError):  # It has been told often enough.
            self._waker.send(b"!")

    def _hear(self, pipeline_run_id: str) -> None:
        for callback in self._callbacks:
            callback(pipeline_run_id)

    def _run(self) -> None:
        seconds = 0.1
        while not self._closed.is_set():
            try:
                with self._connect() as connection:
                    connection.add_notify_handler(lambda notice: self._hear(notice.payload))
                    connection.execute("SET synchronous_commit = off")
                    connection.execute(f"LISTEN {_CHANNEL}")
                    seconds = 0.1
                    self._serve(connection)
            except psycopg.Error:
                self._closed.wait(seconds)
                seconds = min(2 * seconds, _MOST_SECONDS)

    def _serve(self, connection: Connection) -> None:
        earliest = time.monotonic()
        while not self._closed.is_set():
            seconds = max(earliest - time.monotonic(), 0.0) if self._pending else None
            ready, _, _ = select.select([connection.fileno(), self._woken.fileno()], [], [], seconds)
            if not ready:
                self._send(connection)
                earliest = time.monotonic() + _APART_SECONDS
            if self._woken.fileno() in ready:
                self._woken.recv(4096)
            if connection.fileno() in ready:
                self._receive(connection)

    def _send(self, connection: Connection) -> None:
        with self._lock:
            pending, self._pending = self._pending, set()
        connection.execute(f"SELECT pg_notify('{_CHANNEL}', unnest($1::text[]))", (sorted(pending),))

    def _receive(self, connection: Connection) -> None:
        connection.pgconn.consume_input()
        while (notice := connection.pgconn.notifies()) is not None:
            self._hear(notice.extra.decode())
