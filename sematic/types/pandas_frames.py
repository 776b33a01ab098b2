"""DataFrame, Series, indexes and arrays of pandas: each column as what it is, lossless, in a layout of ours.

Arrow's would lose, or refuse, what pandas has and it has not (names that occur twice or are no texts, objects, freq,
attrs), and equal frames would differ in their bytes where one machine has pyarrow and another has not.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

from sematic.errors import ArtifactError, ConversionError, DefinitionError, EncodingError
from sematic.types import arrow_ipc, columns, indexes, labels, statistics, tables
from sematic.types.base import BinaryType, Buffer, Json, Spec, ValueType, describe, look
from sematic.types.pieces import Reader, Writer
from sematic.types.registry import Row, import_class, register

_INDEXES = tuple(indexes.KINDS)
_NAMES = ("DataFrame", "Series", *_INDEXES)
_MOST_VALUES = 100_000


class PandasType(BinaryType):
    """One class of pandas; Index stands for all its kinds."""

    codec = "pandas"
    python: type

    def __init__(self, name: str) -> None:
        super().__init__(["pandas", name], f"pandas.{name}")
        self.python = import_class(f"pandas:{name}")
        self._is_index = name in _INDEXES

    def accepts(self, source: ValueType) -> bool:
        return isinstance(source, PandasType) and issubclass(source.python, self.python)

    def convert(self, value: Any) -> Any:
        kind = type(value)
        if not issubclass(kind, self.python):
            raise self.refuse(value)
        if kind is not self.python and not (self._is_index and kind.__name__ in _INDEXES):
            raise self.refuse(value, f"it is of a subclass; write {self.name}(value), if it is all of it")
        for step, found in _problems(value):
            if found is not None:
                raise _refusal(found, step)
        return value

    def to_chunks(self, value: Any) -> Iterator[Buffer]:
        """Of a snapshot: pandas copies what another thread changes meanwhile."""
        writer = Writer()
        kind = _kind(value)
        return writer.chunks(_WRITE[kind](value if kind == "Index" else value.copy(deep=False), writer))

    def from_buffer(self, buffer: Buffer) -> Any:
        reader = Reader(buffer)
        value = _READ[reader.description["pandas"]](reader.description, reader)
        if not isinstance(value, self.python):
            raise ArtifactError(f"{describe(value)} was recorded as {self.name}, but is none")
        return value

    def summarise(self, value: Any) -> Json:
        return _SUMMARISE[_kind(value)](value)


def _kind(value: Any) -> str:
    name = type(value).__name__
    return name if name in ("DataFrame", "Series") else "Index"


def _refusal(found: tuple[int | None, str], step: str) -> ConversionError:
    at, reason = found
    return ConversionError(f"it cannot be stored: {reason}", (step if at is None else f"{step}[{at}]",))


def _problems(value: Any) -> Iterator[tuple[str, tuple[int | None, str] | None]]:
    """Each place of a value, as a step of a path, and what is against it."""
    if _kind(value) == "Index":
        yield "", indexes.problem(value)
        return
    yield ".index", indexes.problem(value.index)
    yield ".attrs", _label_problem(value.attrs)
    if _kind(value) == "Series":
        yield ".name", _label_problem(value.name)
        yield "", columns.problem(columns.of_series(value))
        return
    yield ".columns", indexes.problem(value.columns)
    for at, array in enumerate(_arrays(value)):
        found = columns.problem(array)
        yield f"[{look(_plain_label(value.columns[at]))}]" if found else "", found


def _plain_label(label: Any) -> Any:
    """Python's own numbers, as people write them."""
    if isinstance(label, tuple):
        return tuple(map(_plain_label, label))
    return label.item() if hasattr(label, "item") else label


def _label_problem(value: Any) -> tuple[int | None, str] | None:
    try:
        labels.to_json(value)
    except EncodingError as error:
        return None, str(error)
    return None


def _arrays(frame: Any) -> Iterator[Any]:
    for at in range(frame.shape[1]):
        yield columns.of_series(frame.iloc[:, at])


def _facts(value: Any) -> Json:
    """What a frame and a series have beside their values."""
    facts: dict[str, Json] = {"attrs": labels.to_json(value.attrs)} if value.attrs else {}
    return facts if value.flags.allows_duplicate_labels else facts | {"unique": True}


def _with_facts(value: Any, data: Json) -> Any:
    if "attrs" in data:
        value.attrs = labels.from_json(data["attrs"])
    if data.get("unique"):
        value.flags.allows_duplicate_labels = False
    return value


def _write_frame(frame: Any, writer: Writer) -> Json:
    values = [columns.to_json(array, writer) for array in _arrays(frame)]
    axes = {"index": indexes.to_json(frame.index, writer), "columns": indexes.to_json(frame.columns, writer)}
    return {"pandas": "DataFrame", "values": values, **axes, **_facts(frame)}


def _write_series(series: Any, writer: Writer) -> Json:
    values = columns.to_json(columns.of_series(series), writer)
    name, index = labels.to_json(series.name), indexes.to_json(series.index, writer)
    return {"pandas": "Series", "values": values, "index": index, "name": name, **_facts(series)}


def _write_index(index: Any, writer: Writer) -> Json:
    return {"pandas": "Index", "index": indexes.to_json(index, writer)}


def _read_frame(data: Json, reader: Reader) -> Any:
    """Columns stay where they are in memory: each is a block of its own."""
    import pandas

    index, names = indexes.from_json(data["index"], reader), indexes.from_json(data["columns"], reader)
    if len(names) != len(data["values"]):
        raise ArtifactError(f"{len(names)} names of {len(data['values'])} columns")
    made = [_series(columns.from_json(each, reader), len(index)) for each in data["values"]]
    frame = pandas.DataFrame(dict(enumerate(made)), index=pandas.RangeIndex(len(index)), copy=False)
    frame.index, frame.columns = index, names
    return _with_facts(frame, data)


def _series(values: Any, length: int) -> Any:
    """Its dtype is said, lest pandas finds another for objects."""
    import pandas

    if len(values) != length:
        raise ArtifactError(f"a column of {len(values)} values in a frame of {length} rows")
    return pandas.Series(values, dtype=values.dtype, copy=False)


def _read_series(data: Json, reader: Reader) -> Any:
    index = indexes.from_json(data["index"], reader)
    series = _series(columns.from_json(data["values"], reader), len(index))
    series.index, series.name = index, labels.from_json(data["name"])
    return _with_facts(series, data)


def _read_index(data: Json, reader: Reader) -> Any:
    return indexes.from_json(data["index"], reader)


def _summarise_frame(frame: Any) -> Json:
    limit = tables.exact(frame.shape[1])
    shown = range(min(frame.shape[1], tables.COLUMNS))
    told = (_column(frame.iloc[:, at], frame.columns[at], limit) for at in shown)
    return tables.summary("pandas.DataFrame", frame.shape, told, lambda start, stop: _rows(frame, start, stop))


def _rows(frame: Any, start: int, stop: int) -> Iterator[list[Any]]:
    part = frame.iloc[start:stop, : tables.COLUMNS]
    cells = [_cells(part.iloc[:, at]) for at in range(part.shape[1])]
    for at, label in enumerate(part.index.tolist()):
        yield [label, *(column[at] for column in cells)]


def _summarise_series(series: Any) -> Json:
    told = [_column(series, series.name, tables.exact(1))]

    def rows(start: int, stop: int) -> Iterator[list[Any]]:
        part = series.iloc[start:stop]
        yield from map(list, zip(part.index.tolist(), _cells(part), strict=True))

    return tables.summary("pandas.Series", series.shape, told, rows)


def _summarise_index(index: Any) -> Json:
    names = labels_shown(index)
    told = [tables.Column(names, str(getattr(index, "dtype", "")))]
    return tables.summary(
        f"pandas.{type(index).__name__}",
        (len(index),),
        told,
        lambda start, stop: [[each] for each in index[start:stop].tolist()],
    )


def labels_shown(index: Any) -> Json:
    """The name of an index, or its names."""
    return index.name if index.nlevels == 1 else ", ".join(map(str, index.names))


def _column(series: Any, name: Any, limit: int) -> tables.Column:
    dtype = str(series.dtype)
    nulls = int(series.isna().sum())
    kind = getattr(series.dtype, "kind", "O")
    if kind in "biuf" and "Sparse" not in dtype:
        valid = _sampled(series, limit).dropna()
        return tables.Column(name, dtype, nulls, numbers=valid.to_numpy(_plain(valid.dtype)))
    seen = series.iloc[:: max(1, -(-_weight(series) // statistics.MOST_BYTES), -(-len(series) // _MOST_VALUES))]
    while len(seen) > 1 and _weight(seen) > statistics.MOST_BYTES:
        seen = seen.iloc[::2]
    return tables.Column(name, dtype, nulls, values=_cells(seen.dropna()), ordered=kind in "mM")


def _sampled(series: Any, limit: int) -> Any:
    return series if len(series) <= limit else series.iloc[:: -(-len(series) // min(limit, _MOST_VALUES))]


def _cells(series: Any) -> list[Any]:
    hidden = _weight(series) > statistics.MOST_BYTES
    return [tables.HIDDEN] * len(series) if hidden else list(series.array)


def _weight(series: Any) -> int:
    """How much memory Python's values would take that are not Python's yet."""
    found = getattr(series.array, "_pa_array", None)
    return 0 if found is None else arrow_ipc.weight(found)


def _plain(dtype: Any) -> Any:
    """numpy's dtype of numbers that may be missing."""
    return getattr(dtype, "numpy_dtype", dtype)


_WRITE = {"DataFrame": _write_frame, "Series": _write_series, "Index": _write_index}
_READ = {"DataFrame": _read_frame, "Series": _read_series, "Index": _read_index}
_SUMMARISE = {"DataFrame": _summarise_frame, "Series": _summarise_series, "Index": _summarise_index}


def _match(annotation: Any) -> ValueType | None:
    pandas: Any = sys.modules.get("pandas")
    if pandas is None or not isinstance(annotation, type):
        return None
    for name in _NAMES:
        if annotation is getattr(pandas, name, None):
            return PandasType(name)
    return None


def _load(spec: Spec) -> ValueType:
    if spec[1] not in _NAMES:
        raise DefinitionError(f"pandas.{spec[1]} is no frame")
    return PandasType(spec[1])


register(
    _match,
    {"pandas": _load},
    (
        Row(
            "pandas.DataFrame, pandas.Series",
            "an instance; a column of objects may hold what has a short exact text here, and lists of it",
            "pandas",
            "shape, dtypes, nulls, statistics, histograms, top values, first and last rows",
        ),
        Row("pandas.Index", "an index of any kind, which is kept with its names and freq", "pandas", "labels"),
    ),
)
