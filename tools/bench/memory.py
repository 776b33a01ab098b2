"""Memory of this process, as Linux tells it."""

from __future__ import annotations

import re
from pathlib import Path

_STATUS = Path("/proc/self/status")


def resident() -> int:
    """Bytes in memory now."""
    return _kilobytes("VmRSS") * 1024


def peak() -> int:
    """The most bytes there ever were."""
    return _kilobytes("VmHWM") * 1024


def _kilobytes(name: str) -> int:
    found = re.search(rf"^{name}:\s+(\d+) kB", _STATUS.read_text(), re.MULTILINE)
    return int(found[1]) if found else 0
