"""How far a push is: counted by the threads that send, shown by the one that waits."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, TextIO

_WINDOW_SECONDS = 5.0


@dataclass(frozen=True)
class Snapshot:
    """`blobs` and `total` grow while the registry is still being asked what it lacks."""

    sent: int
    total: int
    blobs_done: int
    blobs: int
    rate: float  # Bytes a second, lately.

    @property
    def remaining_seconds(self) -> float | None:
        """None while there is nothing to go by."""
        return (self.total - self.sent) / self.rate if self.rate > 0 else None


class Progress:
    """Counts. A blob's count may go back: then part of it is sent again."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._sizes: dict[str, int] = {}
        self._sent: dict[str, int] = {}
        self._done: set[str] = set()
        self._lately: deque[tuple[float, int]] = deque()
        self._lock = threading.Lock()

    def expect(self, key: str, size: int) -> None:
        """A blob is to be sent."""
        with self._lock:
            self._sizes[key] = size
            self._done.discard(key)

    def at(self, key: str, sent: int) -> None:
        """So much of it was sent."""
        with self._lock:
            self._sent[key] = sent

    def finish(self, key: str, mounted: bool = False) -> None:
        """It is there; `mounted`: none of it had to be sent."""
        with self._lock:
            if mounted:
                self._sizes[key] = 0
            self._sent[key] = self._sizes[key]
            self._done.add(key)

    def snapshot(self) -> Snapshot:
        """Where things stand."""
        with self._lock:
            sent, total = sum(self._sent.values()), sum(self._sizes.values())
            return Snapshot(sent, total, len(self._done), len(self._sizes), self._rate(sent))

    def _rate(self, sent: int) -> float:
        now = self._clock()
        self._lately.append((now, sent))
        while now - self._lately[0][0] > _WINDOW_SECONDS and len(self._lately) > 2:
            self._lately.popleft()
        began, before = self._lately[0]
        return max(0.0, (sent - before) / (now - began)) if now > began else 0.0


class Renderer(Protocol):
    """Shows snapshots as they come."""

    def show(self, snapshot: Snapshot) -> None: ...

    def end(self) -> None: ...


class Line:
    """One line on a terminal, written over and over."""

    def __init__(self, out: TextIO, width: int = 79) -> None:
        self._out, self._width, self._shown = out, width, False

    def show(self, snapshot: Snapshot) -> None:
        """Writes the line anew."""
        if snapshot.blobs:
            self._out.write(f"\r{text(snapshot)[: self._width]:<{self._width}}")
            self._out.flush()
            self._shown = True

    def end(self) -> None:
        """Leaves the line as it is."""
        if self._shown:
            self._out.write("\n")
            self._out.flush()


class Lines:
    """For a log: a line every so often, and none for a push that is done before."""

    def __init__(self, out: TextIO, every: float = 5.0, clock: Callable[[], float] = time.monotonic) -> None:
        self._out, self._every, self._clock = out, every, clock
        self._next = clock() + every

    def show(self, snapshot: Snapshot) -> None:
        """Writes a line when it is time for one."""
        if snapshot.blobs and self._clock() >= self._next:
            self._next = self._clock() + self._every
            self._out.write(text(snapshot) + "\n")
            self._out.flush()

    def end(self) -> None:
        """Nothing is left open."""


def renderer(out: TextIO) -> Renderer:
    """What fits a stream."""
    return Line(out) if out.isatty() else Lines(out)


def text(snapshot: Snapshot) -> str:
    """A snapshot in words."""
    done = f"pushing: {size(snapshot.sent)} of {size(snapshot.total)}, {snapshot.blobs_done} of {snapshot.blobs} blobs"
    left = snapshot.remaining_seconds
    return done if left is None else f"{done}, {size(snapshot.rate)}/s, {duration(left)} left"


def size(count: float) -> str:
    """Bytes as people read them."""
    for unit in ("B", "kB", "MB"):
        if count < 1000:
            return f"{count:.0f} {unit}" if unit == "B" or count >= 10 else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:.1f} GB"


def duration(seconds: float) -> str:
    """Seconds as people read them."""
    whole = round(seconds)
    return f"{whole} s" if whole < 100 else f"{whole // 60} min {whole % 60} s"
