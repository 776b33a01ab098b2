"""DataFrame and Series of polars, as Arrow IPC streams that pyarrow writes.

Equal frames of polars differ in memory (what a missing value hides, the numbers of categories), and so in the files
that polars itself writes. What its dtypes are goes with them.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from importlib.util import find_spec
from itertools import islice
from typing import Any

from sematic.errors import ArtifactError, ConversionError, DefinitionError, EncodingError
from sematic.types import arrow_ipc, polars_dtypes, tables
from sematic.types.base import BinaryType, Buffer, Json, Spec, ValueType, describe
from sematic.types.jsontext import dumps, loads
from sematic.types.registry import Row, import_class, register
from sematic.types.statistics import MOST_BYTES

_NAMES = ("DataFrame", "Series")
_SCHEMA = b"polars"
_MOST_VALUES = 100_000
_NO_ARROW = "its values are stored as Arrow, by pyarrow, which is not installed: pip install pyarrow"
_LAZY = "it has not been computed; write polars.DataFrame and pass value.collect()"


class PolarsType(BinaryType):
    """One of both classes."""

    codec = "arrow"
    python: type

    def __init__(self, name: str) -> None:
        super().__init__(["polars", name], f"polars.{name}")
        self.python = import_class(f"polars:{name}")

    def accepts(self, source: ValueType) -> bool:
        return False

    def convert(self, value: Any) -> Any:
        import polars

        if type(value) is not self.python:
            lazy = isinstance(value, polars.LazyFrame)
            raise self.refuse(value, "pass value.collect()" if lazy else "")
        for name, dtype in _frame(value).schema.items():
            try:
                polars_dtypes.to_json(dtype)
            except EncodingError as error:
                raise ConversionError(f"it cannot be stored: {error}", (f"[{name!r}]",)) from None
        return value

    def to_chunks(self, value: Any) -> Iterator[Buffer]:
        return _write(_frame(value))

    def from_buffer(self, buffer: Buffer) -> Any:
        import polars

        frame = _read(arrow_ipc.read(buffer))
        if self.python is polars.DataFrame:
            return frame
        if frame.width != 1:
            raise ArtifactError(f"{describe(frame.shape)} was recorded as {self.name}, but is none")
        return frame.to_series()

    def summarise(self, value: Any) -> Json:
        frame = _frame(value)
        return tables.summary(self.name, value.shape, _columns(frame), lambda start, stop: _rows(frame, start, stop))


def _frame(value: Any) -> Any:
    return value.to_frame() if type(value).__name__ == "Series" else value


def _rows(frame: Any, start: int, stop: int) -> list[list[Any]]:
    part = frame[:, : tables.COLUMNS].slice(start, stop - start)
    cells = [_cells(series) for series in part.iter_columns()]
    return [[start + at, *(column[at] for column in cells)] for at in range(part.height)]


def _cells(series: Any) -> list[Any]:
    hidden = _weight(series) > MOST_BYTES
    return [tables.HIDDEN] * len(series) if hidden else list(series.to_list())


def _columns(frame: Any) -> Iterator[tables.Column]:
    limit = tables.exact(frame.width)
    for series in islice(frame.iter_columns(), tables.COLUMNS):
        yield _column(series, limit)


def _sampled(series: Any, limit: int) -> Any:
    step = -(-len(series) // min(limit, _MOST_VALUES))
    return (series if len(series) <= limit else series.gather_every(step)).drop_nulls()


def _column(series: Any, limit: int) -> tables.Column:
    base = (series.name, str(series.dtype), series.null_count())
    if series.dtype.is_integer() or series.dtype.is_float() or type(series.dtype).__name__ == "Boolean":
        return tables.Column(*base, numbers=None if "128" in base[1] else _sampled(series, limit).to_numpy())
    if series.dtype.is_nested():
        return tables.Column(*base)
    seen = _sampled(series, _MOST_VALUES)
    while len(seen) > 1 and _weight(seen) > MOST_BYTES:
        seen = seen.gather_every(2)
    return tables.Column(*base, values=_cells(seen), ordered=series.dtype.is_temporal())


def _write(frame: Any) -> Iterator[Buffer]:
    import pyarrow

    schema = [[name, polars_dtypes.to_json(dtype)] for name, dtype in frame.schema.items()]
    described = {_SCHEMA: dumps({"height": frame.height, "schema": schema})}
    plain = {name: polars_dtypes.in_arrow(dtype) for name, dtype in frame.schema.items()}
    changed = {name: dtype for name, dtype in plain.items() if dtype != frame.schema[name]}
    arrow_schema = pyarrow.schema(_in_arrow(frame.clear(), changed).schema, described)
    yield from arrow_ipc.write_batches(arrow_schema, _batches(frame, changed, arrow_schema))


def _batches(frame: Any, changed: dict[str, Any], schema: Any) -> Iterator[Any]:
    def weight(start: int, rows: int) -> int:
        return sum(map(_weight, frame.slice(start, rows).iter_columns()))

    for start, rows in arrow_ipc.spans(frame.height if frame.width else 0, arrow_ipc.rows_of(schema), weight):
        part = _in_arrow(frame.slice(start, rows), changed)
        yield from arrow_ipc.batches(part.replace_schema_metadata(schema.metadata))


def _weight(series: Any) -> int:
    """The bytes of texts and elements of lists."""
    name = type(series.dtype).__name__
    if name == "String":
        return int(series.str.len_bytes().sum())
    if name == "Binary":
        return int(series.bin.size().sum())
    if name == "Struct":
        return sum(_weight(series.struct.field(field.name)) for field in series.dtype.fields)
    if name in ("List", "Array"):
        inner = series.drop_nulls().explode()
        return 8 * len(inner) + _weight(inner)
    return 0


def _in_arrow(frame: Any, changed: dict[str, Any]) -> Any:
    import polars

    return _cast(frame, changed).to_arrow(compat_level=polars.CompatLevel.oldest())


def _read(table: Any) -> Any:
    import polars

    described = loads(table.schema.metadata[_SCHEMA].decode("ascii"))
    schema = {name: polars_dtypes.from_json(data) for name, data in described["schema"]}
    if list(schema) != table.column_names or len(schema) != len(described["schema"]):
        raise ArtifactError("its columns are not those it says")
    try:
        frame = _from_arrow(table, schema) if schema else polars.DataFrame(height=described["height"])
    except Exception:
        raise
    except BaseException as error:  # what polars raises when it finds a mistake of its own
        if type(error).__name__ != "PanicException":
            raise
        raise ArtifactError(f"polars cannot read it: {error}") from error
    if frame.schema != schema or frame.height != described["height"]:
        raise ArtifactError("its columns are not what it says")
    return frame


def _from_arrow(table: Any, schema: dict[str, Any]) -> Any:
    import polars

    frame: Any = polars.from_arrow(table.replace_schema_metadata(None), rechunk=False)
    changed = {name: dtype for name, dtype in schema.items() if frame.schema[name] != dtype}
    return _cast(frame, changed)


def _cast(frame: Any, changed: dict[str, Any]) -> Any:
    """A series at a time: a name may be empty, or look like a pattern."""
    return frame.with_columns([frame.get_column(name).cast(dtype) for name, dtype in changed.items()])


def _match(annotation: Any) -> ValueType | None:
    polars: Any = sys.modules.get("polars")
    if polars is None or not isinstance(annotation, type):
        return None
    if annotation is polars.LazyFrame:
        raise DefinitionError(f"polars.LazyFrame is not supported: {_LAZY}")
    for name in _NAMES:
        if annotation is getattr(polars, name):
            if find_spec("pyarrow") is None:
                raise DefinitionError(f"polars.{name} is not supported: {_NO_ARROW}")
            return PolarsType(name)
    return None


def _load(spec: Spec) -> ValueType:
    if spec[1] not in _NAMES:
        raise DefinitionError(f"polars.{spec[1]} is no frame")
    return PolarsType(spec[1])


register(
    _match,
    {"polars": _load},
    (
        Row(
            "polars.DataFrame, polars.Series",
            "an instance, computed; pyarrow must be installed",
            "arrow",
            "shape, dtypes, nulls, statistics, histograms, top values, first and last rows",
        ),
    ),
)
