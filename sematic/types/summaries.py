"""Summaries of nested values: a budget over all levels keeps them small, whatever the value is."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from typing import Any

from sematic.types.base import Json, ValueType

ELEMENTS = 10
FIELDS = 50
_IN_ALL = 150
_DEEPEST = 5


class _Budget(threading.local):
    depth = 0
    left = 0


_budget = _Budget()


def summaries(types: Iterable[ValueType], values: Iterable[Any], most: int = ELEMENTS) -> list[Json]:
    """Summaries of the first elements, fewer of them the more the levels above have used up."""
    depth = _budget.depth
    if depth == 0:
        _budget.left = _IN_ALL
    elif depth == _DEEPEST:
        return []
    _budget.depth = depth + 1
    try:
        result: list[Json] = []
        for type, value in zip(types, values, strict=False):
            if len(result) == most or _budget.left == 0:
                break
            _budget.left -= 1
            result.append(type.summarise(value))
        return result
    finally:
        _budget.depth = depth
