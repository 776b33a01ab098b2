"""Summaries of nested values: a budget over all levels keeps them small, whatever the value is."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from itertools import islice
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
    if depth == _DEEPEST:
        return []
    left = _budget.left if depth else _IN_ALL
    result: list[Json] = []
    for type, value in islice(zip(types, values, strict=False), most):
        if left == 0:
            break
        left -= 1
        if type.scalar:
            result.append(type.summarise(value))
        else:
            summary, left = _below(type, value, depth, left)
            result.append(summary)
    _budget.left = left
    return result


def _below(type: ValueType, value: Any, depth: int, left: int) -> tuple[Json, int]:
    """The summary of an element that may have elements, and what they left of the budget."""
    _budget.depth, _budget.left = depth + 1, left
    try:
        return type.summarise(value), _budget.left
    finally:
        _budget.depth = depth
