"""Table, RecordBatch, Array, ChunkedArray and Schema of pyarrow, in Arrow's own IPC stream format.

How a table or ChunkedArray is cut into chunks is no part of it, as in Arrow's own equality.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

from sematic.errors import ArtifactError, ConversionError, DefinitionError, EncodingError
from sematic.types import arrow_ipc, tables
from sematic.types.base import BinaryType, Buffer, Json, Spec, ValueType, describe, look
from sematic.types.registry import Row, import_class, register
from sematic.types.statistics import MOST_BYTES

_NAMES = ("Table", "RecordBatch", "ChunkedArray", "Array", "Schema")
_MOST_VALUES = 100_000
_READER = "it can be read only once; write pyarrow.Table and pass reader.read_all()"


class ArrowType(BinaryType):
    """One of the classes; Array stands for those of all its types."""

    codec = "arrow"
    python: type

    def __init__(self, name: str) -> None:
        super().__init__(["arrow", name], f"pyarrow.{name}")
        self.python = import_class(f"pyarrow:{name}")
        self.kind = name

    def accepts(self, source: ValueType) -> bool:
        return False

    def convert(self, value: Any) -> Any:
        kind = type(value)
        if not issubclass(kind, self.python):
            raise self.refuse(value)
        for step, type_ in _types(value):
            try:
                arrow_ipc.check(type_)
            except EncodingError as error:
                raise ConversionError(f"it cannot be stored: {error}", (step,)) from None
        return value

    def to_chunks(self, value: Any) -> Iterator[Buffer]:
        if self.kind == "Schema":
            return arrow_ipc.write_batches(value, iter(()))
        return arrow_ipc.write(_table(value), self.kind in ("Array", "RecordBatch"))

    def from_buffer(self, buffer: Buffer) -> Any:
        value = _READ[self.kind](arrow_ipc.read(buffer))
        if not isinstance(value, self.python):
            raise ArtifactError(f"{describe(value)} was recorded as {self.name}, but is none")
        return value

    def summarise(self, value: Any) -> Json:
        if self.kind == "Schema":
            columns = [tables.Column(field.name, str(field.type)) for field in list(value)[: tables.COLUMNS]]
            return tables.summary("pyarrow.Schema", (len(value),), columns, lambda start, stop: [])
        return table_summary(f"pyarrow.{self.kind}", _table(value), getattr(value, "shape", (len(value),)))


def _types(value: Any) -> Iterator[tuple[str, Any]]:
    import pyarrow

    schema = value if isinstance(value, pyarrow.Schema) else getattr(value, "schema", None)
    if schema is None:
        yield "", value.type
        return
    for field in schema:
        yield f"[{field.name!r}]", field.type


def _table(value: Any) -> Any:
    import pyarrow

    if isinstance(value, pyarrow.Table):
        return value
    if isinstance(value, pyarrow.RecordBatch):
        return pyarrow.Table.from_batches([value])
    return arrow_ipc.table_of(value)


def _batch(table: Any) -> Any:
    import pyarrow

    batches = table.to_batches()
    if not batches:
        columns = [arrow_ipc.joined(column) for column in table.columns]
        return pyarrow.RecordBatch.from_arrays(columns, schema=table.schema)
    if len(batches) != 1:
        raise ArtifactError(f"{len(batches)} batches were recorded as one")
    return batches[0]


def _chunked(table: Any) -> Any:
    if table.num_columns != 1:
        raise ArtifactError(f"a table of {table.num_columns} columns was recorded as an array")
    return table.column(0)


def _array(table: Any) -> Any:
    return _batch(table).column(0) if table.num_columns == 1 else _chunked(table)


def _schema(table: Any) -> Any:
    if table.num_rows:
        raise ArtifactError(f"a table of {table.num_rows} rows was recorded as a schema")
    return table.schema


_READ = {"Table": lambda table: table, "RecordBatch": _batch, "ChunkedArray": _chunked, "Array": _array}
_READ["Schema"] = _schema


def table_summary(kind: str, table: Any, shape: tuple[int, ...]) -> Json:
    """The summary of a table of Arrow, or of what is shown as one."""
    limit = tables.exact(table.num_columns)
    told = (_column(table.field(at), table.column(at), limit) for at in range(min(table.num_columns, tables.COLUMNS)))

    def rows(start: int, stop: int) -> list[list[Any]]:
        part = table.slice(start, stop - start)
        cells = [cells_of(column) for column in part.columns[: tables.COLUMNS]]
        return [[start + at, *(column[at] for column in cells)] for at in range(part.num_rows)]

    return tables.summary(kind, shape, told, rows)


def cells_of(column: Any) -> list[Any]:
    """Python's values; texts where Python has none (a time of nanoseconds, a time zone that is unknown here)."""
    if arrow_ipc.weight(column) > MOST_BYTES:
        return [tables.HIDDEN] * len(column)
    try:
        return list(column.to_pylist())
    except Exception:
        return list(map(look, column))


def _column(field: Any, column: Any, limit: int) -> tables.Column:
    import pyarrow

    kinds, type = pyarrow.types, field.type
    base = (field.name, str(type), column.null_count)
    if kinds.is_integer(type) or kinds.is_floating(type) or kinds.is_boolean(type):
        return tables.Column(*base, numbers=_sampled(column, limit).drop_null().to_numpy())
    if kinds.is_nested(type) or kinds.is_null(type) or isinstance(type, pyarrow.BaseExtensionType):
        return tables.Column(*base)
    seen = arrow_ipc.sample(column, _MOST_VALUES, MOST_BYTES)
    found = [cell for cell in cells_of(seen) if cell is not None]
    return tables.Column(*base, values=found, ordered=kinds.is_temporal(type))


def _sampled(column: Any, limit: int) -> Any:
    import numpy

    step = -(-len(column) // min(limit, _MOST_VALUES))
    return column if len(column) <= limit else column.take(numpy.arange(0, len(column), step))


def _match(annotation: Any) -> ValueType | None:
    pyarrow: Any = sys.modules.get("pyarrow")
    if pyarrow is None or not isinstance(annotation, type):
        return None
    if annotation is pyarrow.RecordBatchReader:
        raise DefinitionError(f"pyarrow.RecordBatchReader is not supported: {_READER}")
    for name in _NAMES:
        if annotation is getattr(pyarrow, name, None):
            return ArrowType(name)
    return None


def _load(spec: Spec) -> ValueType:
    if spec[1] not in _NAMES:
        raise DefinitionError(f"pyarrow.{spec[1]} is no table")
    return ArrowType(spec[1])


register(
    _match,
    {"arrow": _load},
    (
        Row(
            "pyarrow.Table, RecordBatch, Array, ChunkedArray, Schema",
            "an instance, with its metadata; chunks are no part of it",
            "arrow",
            "shape, types, nulls, statistics, histograms, top values, first and last rows",
        ),
    ),
)
