"""Tables of Arrow in its IPC stream format, in batches whose size depends on the schema alone.

Equal tables give equal bytes, whatever their chunks: what a missing value hides, and what lies outside of a slice, is
not written. A batch is made at a time; memory that is canonical already is not copied.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from sematic.errors import EncodingError
from sematic.types.base import Buffer

BATCH = 8 << 20
_FEWEST_ROWS = 1 << 10
_GUESS = 16
_DEEPEST = 64


def table_of(array: Any, name: str = "") -> Any:
    """A table of one column."""
    import pyarrow

    return pyarrow.table([array], schema=pyarrow.schema([pyarrow.field(name, array.type)]))


def check(type: Any, depth: int = 0) -> None:
    """Raise EncodingError for a type whose values this format cannot keep."""
    import pyarrow

    if depth > _DEEPEST:
        raise EncodingError("its type is nested too deeply to be stored")
    if isinstance(type, pyarrow.BaseExtensionType):
        known: Any = type.__class__.__module__
        if not known.startswith("pyarrow") or isinstance(type, pyarrow.UnknownExtensionType):
            raise EncodingError(f"its type {type} is of another library than pyarrow; write column.storage")
        check(type.storage_type, depth + 1)
    for index in range(type.num_fields):
        check(type.field(index).type, depth + 1)


def write(table: Any, whole: bool = False) -> Iterator[Buffer]:
    """The stream of a table; `whole`: in one batch."""
    if table.num_columns:
        table = table.unify_dictionaries()
    yield from write_batches(table.schema, batches(table, whole))


def write_batches(schema: Any, batches: Iterator[Any]) -> Iterator[Buffer]:
    """The stream of batches that are canonical."""
    import pyarrow

    sink = _Sink()
    with pyarrow.ipc.new_stream(pyarrow.PythonFile(sink, "w"), schema) as writer:
        for batch in batches:
            writer.write_batch(batch)
            yield from sink.taken()
    yield from sink.taken()


class _Sink:
    """What is written, until it is taken."""

    closed = False

    def __init__(self) -> None:
        self._pieces: list[bytes] = []

    def write(self, data: Any) -> int:
        self._pieces.append(bytes(data))
        return len(data)

    def flush(self) -> None:
        pass

    def taken(self) -> Iterator[bytes]:
        """Each is let go before the next is given."""
        self._pieces.reverse()
        while self._pieces:
            yield self._pieces.pop()


def read(buffer: Buffer) -> Any:
    """The table, over `buffer` itself. Raises ValueError or ArrowException for anything else."""
    import pyarrow

    source = pyarrow.BufferReader(pyarrow.py_buffer(buffer))
    with pyarrow.ipc.open_stream(source) as stream:
        table = stream.read_all()
    rest = source.size() - source.tell()
    table.validate(full=True)
    if rest or not _ends(buffer):
        raise ValueError("it is truncated, or more follows")
    return table


def _ends(buffer: Buffer) -> bool:
    return bytes(memoryview(buffer)[-8:]) == b"\xff\xff\xff\xff\0\0\0\0"


def rows_of(schema: Any) -> int:
    """How many rows make a batch."""
    return max(_FEWEST_ROWS, BATCH // max(1, sum(_width(field.type) for field in schema)))


def _width(type: Any) -> int:
    try:
        return max(1, int(type.bit_width) // 8)
    except ValueError:
        return _GUESS


def batches(table: Any, whole: bool = False) -> Iterator[Any]:
    """The canonical batches of a table whose dictionaries are unified."""
    import pyarrow

    if not table.num_columns:
        yield from table.to_batches()
        return
    spans = [(0, table.num_rows)] if whole else _spans(table)
    for start, rows in spans:
        part = table.slice(start, rows)
        columns = [canonical(joined(column)) for column in part.columns]
        yield pyarrow.RecordBatch.from_arrays(columns, schema=table.schema)


def _spans(table: Any) -> Iterator[tuple[int, int]]:
    return spans(table.num_rows, rows_of(table.schema), lambda start, rows: _of_columns(table.slice(start, rows)))


def spans(total: int, most: int, weight: Callable[[int, int], int]) -> Iterator[tuple[int, int]]:
    """Where batches begin and how long they are: of `most` rows, or fewer where their texts and lists are long."""
    start, rows = 0, most
    while start < total:
        rows = min(2 * rows, most, total - start)
        while rows > 1 and weight(start, rows) > BATCH:
            rows //= 2
        yield start, rows
        start += rows


def _of_columns(table: Any) -> int:
    return sum(map(weight, table.columns))


def weight(column: Any) -> int:
    """The bytes of texts and elements of lists in a ChunkedArray: of the value, whatever it takes in memory."""
    return sum(map(_weight_of, column.chunks))


def sample(column: Any, rows: int, most: int) -> Any:
    """At most so many rows of a ChunkedArray, evenly spread, whose `weight` is at most `most`, or one row."""
    import numpy

    step = max(-(-len(column) // rows), -(-weight(column) // most))
    found = column if step <= 1 else column.take(numpy.arange(0, len(column), step))
    while len(found) > 1 and weight(found) > most:
        found = found.take(numpy.arange(0, len(found), 2))
    return found


def _weight_of(array: Any) -> int:
    import pyarrow
    import pyarrow.compute

    kinds, type = pyarrow.types, array.type
    if kinds.is_struct(type):
        return sum(map(_weight_of, array.flatten()))
    if kinds.is_map(type) or kinds.is_list(type) or kinds.is_large_list(type) or kinds.is_fixed_size_list(type):
        inner = _inner(array)
        return len(inner) * _width(inner.type) + _weight_of(inner)
    if kinds.is_string(type) or kinds.is_large_string(type) or kinds.is_binary(type) or kinds.is_large_binary(type):
        return int(pyarrow.compute.sum(pyarrow.compute.binary_length(array)).as_py() or 0)
    if kinds.is_string_view(type) or kinds.is_binary_view(type):
        return _weight_of(_plain_texts(array))
    return 0


def joined(column: Any) -> Any:
    """The chunks of a column as one array."""
    import pyarrow

    if column.num_chunks == 1:
        return column.chunk(0)
    return pyarrow.concat_arrays(column.chunks) if column.num_chunks else pyarrow.array([], column.type)


def canonical(array: Any) -> Any:
    """The same array, in the memory that every array equal to it is given."""
    import pyarrow

    kinds = pyarrow.types
    type = array.type
    if isinstance(type, pyarrow.BaseExtensionType):
        return pyarrow.ExtensionArray.from_storage(type, canonical(array.storage))
    if kinds.is_boolean(type):
        return _rebuilt(array, [_bits(array.fill_null(False))])
    if kinds.is_string(type) or kinds.is_large_string(type) or kinds.is_binary(type) or kinds.is_large_binary(type):
        return _texts(array)
    if kinds.is_string_view(type) or kinds.is_binary_view(type):
        return _views(array)
    if kinds.is_dictionary(type):
        indices = canonical(array.indices)
        return pyarrow.DictionaryArray.from_arrays(indices, canonical(array.dictionary), ordered=type.ordered)
    if kinds.is_nested(type):
        return _nested(array)
    return array if kinds.is_null(type) else _fixed(array)


def _fixed(array: Any) -> Any:
    import numpy
    import pyarrow

    width = array.type.bit_width // 8
    data = array.buffers()[1]
    if data is None or not width:
        return array
    part = memoryview(data)[array.offset * width : (array.offset + len(array)) * width]
    if not array.null_count:
        return _rebuilt(array, [pyarrow.py_buffer(part)])
    values = numpy.frombuffer(part, numpy.uint8).reshape(len(array), width)
    cleaned = numpy.where(_valid(array)[:, None], values, numpy.uint8(0))
    return _rebuilt(array, [pyarrow.py_buffer(cleaned)])


def _texts(array: Any) -> Any:
    """Offsets begin at 0, and nothing is behind a missing text."""
    import numpy
    import pyarrow

    kinds = pyarrow.types
    is_text = kinds.is_string(array.type) or kinds.is_large_string(array.type)
    filled = array.fill_null("" if is_text else b"") if array.null_count else array
    width = "<i8" if kinds.is_large_string(array.type) or kinds.is_large_binary(array.type) else "<i4"
    if not len(filled):
        return pyarrow.array([], array.type)
    _, offsets, data = filled.buffers()
    ends = numpy.frombuffer(offsets, width)[filled.offset : filled.offset + len(filled) + 1]
    part = memoryview(data or b"")[ends[0] : ends[-1]]
    return _rebuilt(array, [pyarrow.py_buffer(ends - ends[0]), pyarrow.py_buffer(part)])


def _views(array: Any) -> Any:
    return _texts(_plain_texts(array)).cast(array.type)


def _plain_texts(views: Any) -> Any:
    import pyarrow

    return views.cast(pyarrow.large_string() if pyarrow.types.is_string_view(views.type) else pyarrow.large_binary())


def _nested(array: Any) -> Any:
    import pyarrow

    kinds = pyarrow.types
    if kinds.is_struct(array.type):
        return _struct(array)
    if kinds.is_map(array.type) or kinds.is_list(array.type) or kinds.is_large_list(array.type):
        return _lists(array)
    if kinds.is_fixed_size_list(array.type):
        return _fixed_lists(array)
    return pyarrow.concat_arrays([array])


def _struct(array: Any) -> Any:
    """What is inside of a missing one is missing."""
    children = [canonical(child) for child in array.flatten()]
    return _rebuilt(array, [], children)


def _lists(array: Any) -> Any:
    import numpy
    import pyarrow

    if not len(array):
        return pyarrow.array([], array.type)
    offsets = _offsets(array)
    ends = numpy.zeros(len(array) + 1, offsets.dtype)
    numpy.cumsum(numpy.where(_valid(array), numpy.diff(offsets), 0), out=ends[1:])
    return _rebuilt(array, [pyarrow.py_buffer(ends)], [canonical(_inner(array))])


def _offsets(array: Any) -> Any:
    """Where the elements of each list begin, and where those of the last one end."""
    import numpy
    import pyarrow

    wide = pyarrow.types.is_large_list(array.type)
    offsets = numpy.frombuffer(array.buffers()[1], "<i8" if wide else "<i4")
    return offsets[array.offset : array.offset + len(array) + 1]


def _inner(array: Any) -> Any:
    """The elements of all lists that are not missing."""
    import numpy
    import pyarrow

    if pyarrow.types.is_fixed_size_list(array.type) or not len(array):
        return array.flatten()
    offsets, valid = _offsets(array), _valid(array)
    values = _entries(array) if pyarrow.types.is_map(array.type) else array.values
    inner = values.slice(offsets[0], offsets[-1] - offsets[0])
    lengths = numpy.diff(offsets)
    return inner if not lengths[~valid].any() else inner.filter(pyarrow.array(numpy.repeat(valid, lengths)))


def _entries(array: Any) -> Any:
    """The keys and items of all maps, as structs."""
    import pyarrow

    kind = array.type
    fields = [kind.key_field, kind.item_field]
    return pyarrow.StructArray.from_arrays([array.keys, array.items], fields=fields)


def _fixed_lists(array: Any) -> Any:
    import numpy
    import pyarrow

    size = array.type.list_size
    inner = array.values.slice(array.offset * size, len(array) * size)
    if array.null_count and size:
        valid = numpy.repeat(_valid(array), size)
        inner = inner.take(pyarrow.array(numpy.arange(len(inner)), mask=~valid))
    return _rebuilt(array, [], [canonical(inner)])


def _valid(array: Any) -> Any:
    return array.is_valid().to_numpy(zero_copy_only=False)


def _bits(array: Any) -> Any:
    import numpy
    import pyarrow

    return pyarrow.py_buffer(numpy.packbits(array.to_numpy(zero_copy_only=False), bitorder="little"))


def _rebuilt(array: Any, buffers: list[Any], children: list[Any] | None = None) -> Any:
    import pyarrow

    missing = array.null_count
    valid = _bits(array.is_valid()) if missing else None
    return pyarrow.Array.from_buffers(array.type, len(array), [valid, *buffers], missing, 0, children)
