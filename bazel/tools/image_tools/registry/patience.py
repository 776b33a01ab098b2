"""How long to wait before asking again: what the registry says, else twice as long each time, give or take."""

from __future__ import annotations

import email.utils
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from image_tools.registry.errors import Cancelled, RegistryError
from image_tools.registry.transport import Answer


@dataclass(frozen=True)
class Patience:
    """`attempts` in all; waits grow from `first` to `longest` seconds. Nobody waits `most` for a Retry-After."""

    attempts: int = 6
    first: float = 0.5
    longest: float = 20
    most: float = 120
    wait: Callable[[threading.Event, float], None] | None = None  # For tests: nothing has to pass.
    told: Callable[[RegistryError, float], None] | None = (
        None  # Hears, from any thread, what is waited for and how long.
    )

    def before(self, attempt: int, failure: RegistryError, stop: threading.Event) -> None:
        """Waits before the attempt of this number (the first is 0), or raises `failure` when that is enough."""
        seconds = self._seconds(attempt) if failure.retry_after is None else failure.retry_after
        if not failure.transient or attempt >= self.attempts or seconds > self.most:
            raise failure
        if self.told is not None:
            self.told(failure, seconds)
        (self.wait or _wait)(stop, seconds)
        if stop.is_set():
            raise Cancelled

    def _seconds(self, attempt: int) -> float:
        """Jitter keeps those who failed together from coming back together."""
        import random  # Here: most pushes never wait, and each run of a program waits for our imports.

        return min(self.longest, self.first * 2.0 ** max(0, attempt - 1)) * random.uniform(0.5, 1)


def _wait(stop: threading.Event, seconds: float) -> None:
    stop.wait(seconds)


def retry_after(answer: Answer) -> float | None:
    """The seconds that an answer asks to wait: its header has them, or a date."""
    text = answer.header("Retry-After").strip()
    if text.isascii() and text.isdigit():
        return float(text)
    try:
        return max(0.0, email.utils.parsedate_to_datetime(text).timestamp() - time.time())
    except (TypeError, ValueError, IndexError):
        return None
