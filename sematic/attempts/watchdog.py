"""A body that is stuck in C, or holds the GIL, past its time limit: a small helper process records that it timed out.

The helper is a bare interpreter that waits on a pipe; only when a deadline passes does it import what it takes to
write to the ledger. It ends the attempt there, so that a late result is refused, and kills the process it watches
when that process has nothing else to do (a worker).
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from sematic.attempts.limits import TimedOut, TimeLimit
from sematic.context import Context
from sematic.entry import import_path

if TYPE_CHECKING:
    import subprocess

GRACE = 10.0
"""Seconds past its time limit in which a body may still end by itself."""

_ALARM = Path(__file__).with_name("alarm.py")


class Watchdog:
    """Limits bodies of one pipeline run. A context manager; the helper starts with the first body that has a limit.

    `kill`: end this process when a body is stuck.
    """

    def __init__(self, home: Path, nonce: str, *, kill: bool = False, grace: float = GRACE) -> None:
        self._home = home
        self._nonce = nonce
        self._kill = kill
        self._grace = grace
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Watchdog:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._process is not None:
            assert self._process.stdin is not None and self._process.stdout is not None
            with suppress(OSError):
                self._process.stdin.close()
            self._process.stdout.close()
            self._process.wait()

    @contextmanager
    def limit(self, context: Context, seconds: float) -> Iterator[None]:
        """Raises TimedOut inside when the time is over, or afterwards when the body was stuck for too long."""
        deadline = time.monotonic() + seconds + self._grace
        self._send({"deadline": deadline, "seconds": seconds, **context._asdict()})
        try:
            with TimeLimit(seconds):
                yield
        finally:
            late = time.monotonic() >= deadline
            self._send({"over": True})
            if late and self._answer() == "recorded":
                error = TimedOut(f"the time limit of {seconds:g} s is over, and the body did not stop")
                error.sematic_recorded = True
                raise error

    def _send(self, message: dict[str, Any]) -> None:
        if self._process is None:
            self._process = self._start()
        assert self._process.stdin is not None
        with suppress(OSError):  # killed by somebody: the body runs on under the soft limit
            self._process.stdin.write((json.dumps(message) + "\n").encode())
            self._process.stdin.flush()

    def _answer(self) -> str:
        assert self._process is not None and self._process.stdout is not None
        return self._process.stdout.readline().decode().strip()

    def _start(self) -> subprocess.Popen[bytes]:
        import subprocess

        watched = str(os.getpid()) if self._kill else ""
        arguments = [str(self._home), self._nonce, watched, json.dumps(import_path())]
        return subprocess.Popen(
            [sys.executable, "-S", "-E", str(_ALARM), *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
