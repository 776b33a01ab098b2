"""Summaries of tables, whatever library they are of: shape, a line a column, the first and last rows."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import islice
from typing import Any, NamedTuple

from sematic.types import statistics
from sematic.types.base import Json

COLUMNS = 50
ROWS = 5
_CELLS = 2_000_000
_FEWEST = 10_000


class Column(NamedTuple):
    """What is told of a column. `numbers` is a numpy array, `values` are Python's: one of both, without missing
    ones, of a sample."""

    name: Json
    dtype: str
    nulls: int | None = None
    numbers: Any = None
    values: Iterable[Any] | None = None
    ordered: bool = False


def exact(columns: int) -> int:
    """Of how many rows the statistics of a column are exact: fewer, the more columns there are."""
    return max(_FEWEST, min(statistics.EXACT, _CELLS // max(1, min(columns, COLUMNS))))


def summary(kind: str, shape: tuple[int, ...], columns: Iterable[Column], rows: Callable[[int, int], Any]) -> Json:
    """JSON for people. `columns` need not be more than 50; ``rows(start, stop)`` gives some as lists of cells."""
    told = [_column(column) for column in islice(columns, COLUMNS)]
    length = shape[0]
    found: dict[str, Json] = {"table": kind, "shape": list(shape), "columns": told}
    if length > exact(shape[-1] if len(shape) > 1 else 1):
        found["sampled"] = True
    return found | {"rows": _rows(rows, 0, min(length, ROWS)), "last": _rows(rows, max(ROWS, length - ROWS), length)}


def _rows(rows: Callable[[int, int], Any], start: int, stop: int) -> Json:
    if start >= stop:
        return []
    return [[statistics.shown(cell) for cell in islice(row, COLUMNS + 1)] for row in rows(start, stop)]


def _column(column: Column) -> Json:
    told: dict[str, Json] = {"name": statistics.shown(column.name), "dtype": column.dtype[:100]}
    if column.nulls is not None:
        told["nulls"] = int(column.nulls)
    if column.numbers is not None:
        missing = told.get("nulls")
        told |= statistics.numbers(column.numbers)
        if missing is not None:
            told["nulls"] = missing
    if column.values is not None:
        told |= _of_values(list(column.values), column.ordered)
    return told


def _of_values(values: list[Any], ordered: bool) -> dict[str, Json]:
    if not ordered:
        return statistics.top(values)
    try:
        return {"min": statistics.shown(min(values)), "max": statistics.shown(max(values))} if values else {}
    except Exception:  # moments of a calendar that Python has not
        return {}
