"""The smallest pipeline."""

from __future__ import annotations

import sematic


@sematic.func
def add(a: int, b: int) -> int:
    return a + b
