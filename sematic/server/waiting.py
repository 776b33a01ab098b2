"""Waiting for what others commit. A waiter holds a thread and nothing else; most threads are always left to work."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

_LOOK_AGAIN = 1.0
"""Seconds after which a waiter looks for itself: another process may have committed."""


class Waiters:
    """At most `most` wait at once."""

    def __init__(self, most: int) -> None:
        self._places = threading.Semaphore(most)
        self._changed = threading.Condition()
        self._news = 0
        self._over = False

    def wake(self) -> None:
        """Something was committed here."""
        with self._changed:
            self._news += 1
            self._changed.notify_all()

    def close(self) -> None:
        """Nobody waits any more."""
        self._over = True
        self.wake()

    def wait(self, look: Callable[[], list[T]], seconds: float) -> list[T]:
        """What `look` finds, as soon as it finds anything; nothing after `seconds`, or when all places are taken."""
        news = self._news
        found = look()
        if found or seconds <= 0 or not self._places.acquire(blocking=False):
            return found
        try:
            return self._wait(look, time.monotonic() + seconds, news)
        finally:
            self._places.release()

    def _wait(self, look: Callable[[], list[T]], deadline: float, news: int) -> list[T]:
        while not self._over and (left := deadline - time.monotonic()) > 0:
            with self._changed:
                if self._news == news:
                    self._changed.wait(min(left, _LOOK_AGAIN))
                news = self._news
            if found := look():
                return found
        return []
