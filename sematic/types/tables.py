"""Summaries of tables, whatever library they are of: shape, a line a column, the first and last rows."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import islice
from typing import Any, NamedTuple

from sematic.types import statistics
from sematic.types.base import Json

HIDDEN = "…"
"""A cell that is too long to be looked at."""

COLUMNS = 50
ROWS = 5
_CELLS = 2_000_000
_FEWEST = 10_000


class Column(NamedTuple):
    """What is told of a column: its missing values, and of a sample of the others either `numbers`, a numpy array, or
    `values`, those of Python."""

    name: Json
    dtype: str
    nulls: int | None = None
    numbers: Any = None
    values: list[Any] | None = None
    ordered: bool = False


def exact(columns: int) -> int:
    """Of how many rows the statistics of a column are exact: fewer, the more columns there are."""
    return max(_FEWEST, min(statistics.EXACT, _CELLS // max(1, min(columns, COLUMNS))))


def summary(kind: str, shape: tuple[int, ...], columns: Iterable[Column], rows: Callable[[int, int], Any]) -> Json:
    """JSON for people. `columns` need not be more than 50; ``rows(start, stop)`` gives some as lists of cells."""
    length = shape[0]
    told = [_column(column, length) for column in islice(columns, COLUMNS)]
    first, last = _rows(rows, 0, min(length, ROWS)), _rows(rows, max(ROWS, length - ROWS), length)
    return {"table": kind, "shape": list(shape), "columns": told, "rows": first, "last": last}


def _rows(rows: Callable[[int, int], Any], start: int, stop: int) -> Json:
    if start >= stop:
        return []
    return [[statistics.shown(cell) for cell in islice(row, COLUMNS + 1)] for row in rows(start, stop)]


def _column(column: Column, length: int) -> Json:
    told: dict[str, Json] = {"name": statistics.shown(column.name), "dtype": column.dtype[:100]}
    nulls = {} if column.nulls is None else {"nulls": int(column.nulls)}
    found: Any = ()
    if column.numbers is not None:
        found = column.numbers
        told |= statistics.numbers(found)
    elif column.values is not None:
        found = statistics.few(column.values)
        told |= _extremes(found) if column.ordered else statistics.top(found)
    few = len(found) and len(found) + (column.nulls or 0) < length
    return told | nulls | ({"sampled": len(found)} if few else {})


def _extremes(values: list[Any]) -> dict[str, Json]:
    try:
        return {"min": statistics.shown(min(values)), "max": statistics.shown(max(values))} if values else {}
    except Exception:  # moments of a calendar that Python has not
        return {}
