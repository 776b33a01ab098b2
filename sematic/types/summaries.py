"""Summaries of nested values: a budget over all levels keeps them small, whatever the value is."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator
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


def summaries(elements: Iterable[tuple[ValueType, Any]], most: int = ELEMENTS) -> list[Json]:
    """Summaries of the first elements, fewer of them the more the levels above have used up."""
    if _budget.depth == 0:
        _budget.left = _IN_ALL
    _budget.depth += 1
    try:
        return list(_each(islice(elements, most)))
    finally:
        _budget.depth -= 1


def _each(elements: Iterable[tuple[ValueType, Any]]) -> Iterator[Json]:
    for type, value in elements:
        if _budget.left <= 0 or _budget.depth > _DEEPEST:
            return
        _budget.left -= 1
        yield type.summarise(value)
