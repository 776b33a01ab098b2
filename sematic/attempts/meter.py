"""What an attempt takes from the machine, and where its output went."""

from __future__ import annotations

import re
import resource
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from sematic.attempts.output import Capture, Mark
from sematic.engine.events import Usage
from sematic.types.artifact import Artifact

_SELF = Path("/proc/self")


class _Start(NamedTuple):
    cpu_seconds: float
    mark: Mark | None


class ProcessMeter:
    """CPU seconds (all threads, and children that ended) and peak memory of this process.

    `alone`: the process runs attempts only, so its peak is reset before each where the system can do that; otherwise
    the peak is that of the process so far.
    """

    def __init__(self, capture: Capture | None, *, alone: bool = False) -> None:
        self._capture = capture
        self._alone = alone

    def start(self) -> _Start:
        if self._alone:
            with suppress(OSError):
                (_SELF / "clear_refs").write_text("5")
        return _Start(_cpu_seconds(), self._capture.mark() if self._capture is not None else None)

    def usage(self, start: _Start, inputs: Mapping[str, Artifact]) -> Usage:
        log = self._capture.since(start.mark) if self._capture is not None and start.mark is not None else None
        peak = _peak_since_reset() if self._alone else peak_memory()
        return Usage(inputs, _cpu_seconds() - start.cpu_seconds, peak, log)


def _cpu_seconds() -> float:
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + children.ru_utime + children.ru_stime


def peak_memory() -> int:
    """The most memory this process ever held, in bytes."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def _peak_since_reset() -> int:
    try:
        found = re.search(r"VmHWM:\s+(\d+) kB", (_SELF / "status").read_text())
    except OSError:
        found = None
    return int(found[1]) * 1024 if found else peak_memory()
