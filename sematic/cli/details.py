"""What a summary tells of tables and arrays, on several lines: statistics, bars, the first and last rows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from sematic.types.base import Json

_BARS = "▁▂▃▄▅▆▇█"
_CELL = 24
_COLUMNS_SHOWN = 8
_STATISTICS = ("nulls", "min", "max", "mean", "distinct")


def lines(summary: Json) -> Iterator[str]:
    """Lines below the value of an artifact; none for what is told on one."""
    if not isinstance(summary, dict):
        return
    if "table" in summary:
        yield from _table(summary)
    elif "shape" in summary:
        yield from _numbers(summary)


def _table(summary: dict[str, Any]) -> Iterator[str]:
    columns = summary["columns"]
    told = [name for name in _STATISTICS if any(name in column for column in columns)]
    head = ["column", "dtype", *told, ""]
    body = [[*map(_cell, [column["name"], column["dtype"]]), *_facts(column, told)] for column in columns]
    yield from _aligned([head, *body])
    hidden = summary["shape"][-1] - len(columns) if len(summary["shape"]) > 1 else 0
    if hidden > 0:
        yield f"… {hidden:,} more columns"
    if any("sampled" in column for column in columns):
        yield "(some statistics are of a sample of the rows)"
    yield from _rows(summary)


def _facts(column: dict[str, Any], told: Sequence[str]) -> list[str]:
    facts = [_cell(column[name]) if name in column else "" for name in told]
    return [*facts, bars(column["histogram"]) if "histogram" in column else _top(column)]


def _top(column: dict[str, Any]) -> str:
    return ", ".join(f"{_cell(value)} {count:,}" for value, count in column.get("top", ()))


def _rows(summary: dict[str, Any]) -> Iterator[str]:
    rows, last = summary["rows"], summary["last"]
    if not rows:
        return
    shown = [_row(row) for row in rows]
    names = _row(["", *(column["name"] for column in summary["columns"])])[1:]
    gap = [["…"] * len(shown[0])] if len(rows) + len(last) < summary["shape"][0] else []
    yield ""
    yield from _aligned([["", *names][-len(shown[0]) :], *shown, *gap, *map(_row, last)])


def _row(row: list[Json]) -> list[str]:
    cut = ["…"] if len(row) > _COLUMNS_SHOWN + 1 else []
    return [*map(_cell, row[: _COLUMNS_SHOWN + 1]), *cut]


def _numbers(summary: dict[str, Any]) -> Iterator[str]:
    told = [f"{name} {_cell(summary[name])}" for name in ("entries", "density", *_STATISTICS) if name in summary]
    if told:
        yield "  ".join(told)
    if "histogram" in summary:
        yield bars(summary["histogram"])
    if summary.get("first"):
        yield f"first {', '.join(map(_cell, summary['first']))}"


def bars(histogram: dict[str, Any]) -> str:
    """A histogram as one line: the highest bar is full, one that is not empty is seen."""
    most = max(histogram["counts"])
    signs = [_BARS[-(-count * (len(_BARS) - 1) // most)] for count in histogram["counts"]]
    return "".join(signs)


def _cell(value: Json) -> str:
    text = "" if value is None else value if isinstance(value, str) else repr(value)
    text = text.replace("\n", "⏎").replace("\t", " ")
    return text if len(text) <= _CELL else text[: _CELL - 1] + "…"


def _aligned(rows: list[list[str]]) -> Iterator[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
