"""Statistics of numbers for summaries: of a sample, where there are many, which is said."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

from sematic.types.base import SHOWN, Json, look
from sematic.types.scalars import FLOAT

EXACT = 1_000_000
MOST_BYTES = 1 << 23
"""Of texts and the elements of lists that a summary looks at in a column."""

_SAMPLE = 100_000
_BINS = 10
_LONGEST_INT = 1 << 63


def sampled(values: Any, limit: int = EXACT) -> Any:
    """`values` (anything that is sliced), or of more than `limit` of them some 100,000, evenly spread."""
    size = len(values)
    return values if size <= limit else values[:: math.ceil(size / min(limit, _SAMPLE))]


def numbers(array: Any) -> dict[str, Json]:
    """Smallest, largest, mean and histogram of a numpy array; NaNs are counted apart."""
    import numpy

    if array.dtype.kind not in "biuf" or not array.size:
        return {}
    valid = _valid(array)
    summary: dict[str, Json] = {} if valid is array else {"nulls": int(array.size - valid.size)}
    if valid.size:
        with numpy.errstate(all="ignore"):
            found = {"min": valid.min(), "max": valid.max(), "mean": valid.mean(dtype=numpy.float64)}
        summary |= {name: shown(item) for name, item in found.items()} | _histogram(valid)
    return summary


def _valid(array: Any) -> Any:
    import numpy

    if array.dtype.kind != "f":
        return array
    missing = numpy.isnan(array)
    return array[~missing] if missing.any() else array


def _histogram(valid: Any) -> dict[str, Json]:
    import numpy

    if valid.dtype.kind == "b" or valid.size < 2:
        return {}
    finite = valid if valid.dtype.kind in "iu" or numpy.isfinite(valid).all() else valid[numpy.isfinite(valid)]
    finite = finite.astype(numpy.float64) if finite.dtype == numpy.float16 else finite
    if not finite.size:
        return {}
    low, high = float(finite.min()), float(finite.max())
    if not low < high or math.isinf(high - low):
        return {}
    counts, _ = numpy.histogram(finite.ravel(order="K"), bins=_BINS, range=(low, high))
    return {"histogram": {"low": low, "high": high, "counts": counts.tolist()}}


def top(values: Iterable[Any], most: int = 5) -> dict[str, Json]:
    """The most frequent values, with their counts, and how many there are; nothing where one cannot be compared."""
    from collections import Counter

    try:
        counts = Counter(values)
        ordered = sorted(counts.items(), key=lambda item: (-item[1], str(item[0])))
    except Exception:  # a user's __hash__, __eq__ or __str__ may raise anything
        return {}
    return {"distinct": len(counts), "top": [[shown(value), count] for value, count in ordered[:most]]}


def few(values: Iterable[Any]) -> list[Any]:
    """As many of the first values as are quickly looked at: texts may be long."""
    found: list[Any] = []
    size = 0
    for value in values:
        size += len(value) if isinstance(value, (str, bytes)) else 1
        if size > MOST_BYTES and found:
            break
        found.append(value)
    return found


def shown(value: Any) -> Json:
    """One value of an array or table: numbers in full precision, everything else as short text."""
    if value is None or isinstance(value, (bool, str)):
        return value if not isinstance(value, str) or len(value) <= SHOWN else str(value[: SHOWN - 1]) + "…"
    if hasattr(value, "item") and hasattr(value, "dtype"):
        return str(value)[:SHOWN] if value.dtype.kind in "mMV" or value.dtype.char in "gG" else shown(value.item())
    if isinstance(value, float):
        return FLOAT.summarise(float(value))
    if isinstance(value, int):
        return int(value) if abs(value) < _LONGEST_INT else look(int(value))
    if isinstance(value, (bytes, list, tuple, dict, set, frozenset)):
        return look(value)
    try:
        text = str(value)
    except Exception:  # a user's __str__ may raise anything
        return look(value)
    return text if len(text) <= SHOWN else text[: SHOWN - 1] + "…"
