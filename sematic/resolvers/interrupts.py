"""Ctrl-C: once cancels and records it, twice ends the program now. Only on the main thread, and undone afterwards."""

from __future__ import annotations

import os
import signal
import threading
from types import FrameType, TracebackType
from typing import Any

EXIT_CODE = 130
"""128 + SIGINT, what a shell expects of an interrupted program."""


class _Window:
    """While it is open Ctrl-C raises. One that came before raises when it opens."""

    __slots__ = ("open", "requested")

    def __init__(self) -> None:
        self.open = False
        self.requested = False

    def __enter__(self) -> None:
        self.open = True
        if self.requested:
            self.open = False
            raise KeyboardInterrupt

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.open = False


class Interrupts:
    """A context in which the first Ctrl-C raises KeyboardInterrupt where that is harmless: inside a user's body, or
    while the loop waits: in `window`. Everywhere else (a commit is under way) it is remembered until then."""

    def __init__(self) -> None:
        self.window = _Window()
        self._previous: Any = None
        self._pid = os.getpid()

    def __enter__(self) -> Interrupts:
        if threading.current_thread() is threading.main_thread():
            self._previous = signal.signal(signal.SIGINT, self._interrupt)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._previous is not None:
            signal.signal(signal.SIGINT, self._previous)

    def last_chance(self) -> None:
        """From here on the next Ctrl-C ends the program at once."""
        self.window.requested = True
        self.window.open = False

    def _interrupt(self, number: int, frame: FrameType | None) -> None:
        if os.getpid() != self._pid:  # a child that a body forked: it is not ours to record
            os._exit(EXIT_CODE)
        if self.window.requested:
            os._exit(EXIT_CODE)
        self.window.requested = True
        if self.window.open:
            self.window.open = False
            raise KeyboardInterrupt
