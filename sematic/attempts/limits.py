"""A time limit for one body: a timer signal on the main thread, elsewhere an exception at the next bytecode."""

from __future__ import annotations

import signal
import threading
from types import FrameType, TracebackType


class TimedOut(TimeoutError):
    """The body ran longer than its time limit."""

    sematic_limit = True
    sematic_recorded = False
    """Whether the attempt was ended in the ledger already."""


class TimeLimit:
    """``with TimeLimit(seconds):`` raises TimedOut inside when the time is over. Counts real time from entry."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._thread = threading.get_ident()
        self._timer: threading.Timer | None = None
        self._lock = threading.Lock()
        self._over = False

    def __enter__(self) -> None:
        if threading.current_thread() is threading.main_thread():
            self._previous = signal.signal(signal.SIGALRM, self._alarm)
            self._other = signal.setitimer(signal.ITIMER_REAL, self.seconds)
        else:
            self._timer = threading.Timer(self.seconds, self._interrupt)
            self._timer.daemon = True
            self._timer.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        with self._lock:
            self._over = True
        if self._timer is not None:
            self._timer.cancel()
            if isinstance(error, TimedOut) and not error.args:
                error.args = (self._message(),)
            return
        signal.setitimer(signal.ITIMER_REAL, *self._other)
        signal.signal(signal.SIGALRM, self._previous)

    def _message(self) -> str:
        return f"the time limit of {self.seconds:g} s is over"

    def _alarm(self, number: int, frame: FrameType | None) -> None:
        raise TimedOut(self._message())

    def _interrupt(self) -> None:
        import ctypes  # slow to import, and rarely needed

        with self._lock:
            if not self._over:
                self._over = True
                target = ctypes.c_ulong(self._thread)
                ctypes.pythonapi.PyThreadState_SetAsyncExc(target, ctypes.py_object(TimedOut))
