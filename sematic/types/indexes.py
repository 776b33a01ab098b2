"""Indexes of pandas as pieces: their class, names and freq are kept, and of a MultiIndex its levels."""

from __future__ import annotations

from typing import Any

from sematic.errors import ArtifactError, EncodingError
from sematic.types import columns, labels
from sematic.types.base import Json, describe
from sematic.types.pieces import Reader, Writer

KINDS = ("Index RangeIndex MultiIndex DatetimeIndex TimedeltaIndex PeriodIndex IntervalIndex CategoricalIndex").split()


def problem(index: Any) -> tuple[int | None, str] | None:
    """Why an index cannot be kept: the position of the label at fault, where there is one, and the reason."""
    if type(index).__name__ not in KINDS or type(index).__module__.partition(".")[0] != "pandas":
        return None, f"it is of the class {type(index).__qualname__}; write pandas.Index(value)"
    try:
        labels.to_json(list(index.names))
        columns.frequency_to_json(_frequency(index))
    except EncodingError as error:
        return None, str(error)
    if type(index).__name__ == "MultiIndex":
        return next(filter(None, map(problem, index.levels)), None)
    return None if type(index).__name__ == "RangeIndex" else columns.problem(columns.of_series(index))


def to_json(index: Any, writer: Writer) -> Json:
    """JSON of an index whose memory goes to `writer`."""
    names = labels.to_json(list(index.names))
    kind = type(index).__name__
    if kind == "RangeIndex":
        return {"range": [index.start, index.stop, index.step], "names": names}
    if kind == "MultiIndex":
        levels = [to_json(level, writer) for level in index.levels]
        return {"levels": levels, "codes": [writer.array(codes) for codes in index.codes], "names": names}
    values = columns.to_json(columns.of_series(index), writer)
    frequency = columns.frequency_to_json(_frequency(index))
    return {"class": kind, "values": values, "names": names, "freq": frequency}


def from_json(data: Json, reader: Reader) -> Any:
    """The index back. Raises ArtifactError, and whatever malformed JSON raises."""
    import pandas

    names = labels.from_json(data["names"])
    if "range" in data:
        return pandas.RangeIndex(*data["range"], name=names[0])
    if "levels" in data:
        levels = [from_json(level, reader) for level in data["levels"]]
        return pandas.MultiIndex(levels, [reader.array(codes) for codes in data["codes"]], names=names)
    values = columns.from_json(data["values"], reader)
    index = pandas.Index(values, dtype=values.dtype, name=names[0], copy=False)
    if data["freq"] is not None:
        index.freq = columns.frequency_from_json(data["freq"])
    if type(index).__name__ != data["class"]:
        raise ArtifactError(f"{describe(index)} was recorded as {data['class']}")
    return index


def _frequency(index: Any) -> Any:
    return index.freq if type(index).__name__ in ("DatetimeIndex", "TimedeltaIndex") else None
