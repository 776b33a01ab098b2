"""Tables, batches, arrays and schemas of pyarrow."""

from __future__ import annotations

import datetime
import decimal
import json
from typing import Any

import numpy
import pyarrow
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sematic.errors import ArtifactError, ConversionError, DefinitionError
from sematic.types import arrow_ipc
from sematic.types.registry import of
from sematic.types.tests.helpers import (
    DictStore,
    check_damaged,
    elsewhere,
    ids_elsewhere,
    loaded,
    round_trip,
    stored,
)

SLOW = settings(deadline=None, suppress_health_check=list(HealthCheck), max_examples=150, derandomize=True)
UTC = datetime.UTC

ARRAYS: dict[str, Any] = {
    "int": pyarrow.array([1, None, 3]),
    "float": pyarrow.array([0.5, None, float("inf")], pyarrow.float32()),
    "bool": pyarrow.array([True, None, False]),
    "null": pyarrow.nulls(3),
    "string": pyarrow.array(["a", None, "é"]),
    "large string": pyarrow.array(["a", None, "b"], pyarrow.large_string()),
    "view": pyarrow.array(["a", None, "b" * 20], pyarrow.string_view()),
    "binary": pyarrow.array([b"a", None, b""]),
    "binary view": pyarrow.array([b"a", None, b"b" * 20], pyarrow.binary_view()),
    "fixed binary": pyarrow.array([b"ab", None, b"cd"], pyarrow.binary(2)),
    "decimal": pyarrow.array([decimal.Decimal("1.5"), None, decimal.Decimal(2)]),
    "timestamp": pyarrow.array([datetime.datetime(2020, 1, 1, tzinfo=UTC), None, None]),
    "nanoseconds": pyarrow.array([1, None, 3], pyarrow.timestamp("ns")),
    "date": pyarrow.array([datetime.date(2020, 1, 1), None, None]),
    "time": pyarrow.array([1, None, 3], pyarrow.time64("ns")),
    "duration": pyarrow.array([datetime.timedelta(1), None, None]),
    "interval": pyarrow.array([(1, 2, 3), None, (4, 5, 6)], pyarrow.month_day_nano_interval()),
    "list": pyarrow.array([[1], None, [2, None]]),
    "large list": pyarrow.array([["a"], None, []], pyarrow.large_list(pyarrow.string())),
    "fixed list": pyarrow.array([[1, 2], None, [3, None]], pyarrow.list_(pyarrow.int8(), 2)),
    "list view": pyarrow.array([[1, 2], None, []], pyarrow.list_view(pyarrow.int8())),
    "struct": pyarrow.array([{"a": 1, "b": "x"}, None, {"a": None, "b": "y"}]),
    "map": pyarrow.array([[("k", 1)], None, []], pyarrow.map_(pyarrow.string(), pyarrow.int32())),
    "deep": pyarrow.array([[{"a": [["x"], None]}], None, [None]]),
    "dictionary": pyarrow.array(["a", None, "a"]).dictionary_encode(),
    "runs": pyarrow.RunEndEncodedArray.from_arrays([2, 3], ["a", "b"]),
    "union": pyarrow.UnionArray.from_sparse(
        pyarrow.array([0, 1, 0], pyarrow.int8()), [pyarrow.array([1, 2, 3]), pyarrow.array(["a", "b", "c"])]
    ),
    "uuid": pyarrow.array([b"0" * 16, None, b"1" * 16], pyarrow.uuid()),
}


def _table() -> Any:
    metadata = {b"origin": b"\0here"}
    fields = [pyarrow.field(name, each.type, metadata={"unit": name}) for name, each in ARRAYS.items()]
    return pyarrow.table([*ARRAYS.values()], schema=pyarrow.schema(fields, metadata))


def _id(annotation: Any, value: Any) -> str:
    return stored(annotation, value, DictStore()).id


def _check(annotation: Any, value: Any) -> None:
    result = round_trip(annotation, value)
    assert type(result) is type(value)
    assert result.equals(value, **({"check_metadata": True} if hasattr(value, "schema") else {}))
    result.validate(full=True)
    json.dumps(of(annotation).summarise(value), allow_nan=False)


@pytest.mark.parametrize("name", ARRAYS)
def test_arrays(name: str) -> None:
    array = ARRAYS[name]
    twice = pyarrow.concat_arrays([array, array])
    for each in (array, array[:0], array[1:], twice):
        _check(pyarrow.Array, each)
        _check(pyarrow.ChunkedArray, pyarrow.chunked_array([each, each]))
    _check(pyarrow.ChunkedArray, pyarrow.chunked_array([], array.type))
    assert _id(pyarrow.Array, twice[3:]) == _id(pyarrow.Array, array)
    assert _id(pyarrow.Array, twice[1:5][1:]) == _id(pyarrow.Array, pyarrow.concat_arrays([array[2:], array[:2]]))


def test_tables() -> None:
    table = _table()
    for each in (table, table[:0], table[1:], pyarrow.table({}), table.select([]), pyarrow.concat_tables([table] * 3)):
        _check(pyarrow.Table, each)
        assert round_trip(pyarrow.Table, each).num_rows == each.num_rows
    _check(pyarrow.RecordBatch, table.to_batches()[0])
    _check(pyarrow.RecordBatch, table.to_batches()[0][:0])
    result = round_trip(pyarrow.Schema, table.schema)
    assert result.equals(table.schema, check_metadata=True)
    twice = pyarrow.table([[1], ["a"]], names=["x", "x"])
    _check(pyarrow.Table, twice)


def test_chunks_are_no_part_of_a_table() -> None:
    table = pyarrow.concat_tables([_table()] * 3)
    assert _id(pyarrow.Table, table) == _id(pyarrow.Table, table.combine_chunks())


def test_what_a_missing_value_hides_is_no_part_of_an_array() -> None:
    valid = pyarrow.py_buffer(b"\xfd")  # bits behind the last are set, too
    for hidden in (7, 8):
        data = pyarrow.py_buffer(numpy.array([1, hidden, 3]))
        array = pyarrow.Array.from_buffers(pyarrow.int64(), 3, [valid, data])
        assert _id(pyarrow.Array, array) == _id(pyarrow.Array, pyarrow.array([1, None, 3]))
    offsets = pyarrow.py_buffer(numpy.array([0, 1, 2, 3], "i4"))
    text = pyarrow.Array.from_buffers(pyarrow.string(), 3, [valid, offsets, pyarrow.py_buffer(b"abc")])
    assert _id(pyarrow.Array, text) == _id(pyarrow.Array, pyarrow.array(["a", None, "c"]))
    inner = pyarrow.array([1, 2, 3])
    lists = pyarrow.Array.from_buffers(pyarrow.list_(pyarrow.int64()), 3, [valid, offsets], children=[inner])
    assert _id(pyarrow.Array, lists) == _id(pyarrow.Array, pyarrow.array([[1], None, [3]]))


def test_batches_are_small_where_texts_are_long() -> None:
    text = "x" * 1_000_000
    texts = pyarrow.chunked_array([[text] * 40, [None, "y"] * 1000])
    table = pyarrow.table({"a": texts, "b": pyarrow.chunked_array([[[text]] * 40 + [None] * 2000])})
    sizes = [memoryview(chunk).nbytes for chunk in arrow_ipc.write(table)]
    assert max(sizes) <= arrow_ipc.BATCH
    assert _id(pyarrow.Table, table) == _id(pyarrow.Table, table.combine_chunks())
    assert round_trip(pyarrow.Table, table).equals(table)


def test_it_is_the_format_that_others_read() -> None:
    payload = bytes(stored(pyarrow.Table, _table(), DictStore()).blob.data or b"")
    assert pyarrow.ipc.open_stream(payload).read_all().equals(_table())


def test_memory_is_used_in_place() -> None:
    table = pyarrow.table({"a": numpy.arange(1000)})
    payload = bytearray(b"".join(bytes(chunk) for chunk in arrow_ipc.write(table)))
    start, found = numpy.frombuffer(payload, "u1").ctypes.data, arrow_ipc.read(payload)
    assert start <= found.column(0).chunk(0).buffers()[1].address < start + len(payload)


class Unknown(pyarrow.ExtensionType):
    def __init__(self) -> None:
        super().__init__(pyarrow.int64(), "tests.unknown")

    def __arrow_ext_serialize__(self) -> bytes:
        return b""

    @classmethod
    def __arrow_ext_deserialize__(cls, storage_type: Any, serialized: bytes) -> Any:
        return cls()


def test_refused() -> None:
    own = pyarrow.ExtensionArray.from_storage(Unknown(), pyarrow.array([1]))
    for value in ([1], pyarrow.table({"a": [1]}), pyarrow.chunked_array([[1]])):
        with pytest.raises(ConversionError, match="expected pyarrow.Array"):
            of(pyarrow.Array).convert(value)
    with pytest.raises(ConversionError, match=r"\['a'\]: it cannot be stored: its type .* is of another library"):
        of(pyarrow.Table).convert(pyarrow.table({"a": own}))
    with pytest.raises(DefinitionError, match="it can be read only once; write pyarrow.Table"):
        of(pyarrow.RecordBatchReader)
    with pytest.raises(ConversionError, match="write column.storage"):
        of(pyarrow.Array).convert(own)


def test_another_kind_of_value_than_declared_is_corrupt() -> None:
    payload = bytes(stored(pyarrow.Table, _table(), DictStore()).blob.data or b"")
    for annotation in (pyarrow.Array, pyarrow.ChunkedArray, pyarrow.Schema):
        with pytest.raises(ArtifactError, match="was recorded as"):
            loaded(annotation, payload, "arrow")


@pytest.mark.parametrize("name", ARRAYS)
def test_damaged(name: str) -> None:
    check_damaged(pyarrow.Table, pyarrow.table({name: ARRAYS[name]}), 100)


def test_a_damaged_schema() -> None:
    check_damaged(pyarrow.Schema, _table().schema, 200)


def test_a_summary() -> None:
    summary = of(pyarrow.Table).summarise(pyarrow.table({"x": [1, None, 3], "kind": ["a", "b", "a"]}))
    histogram = {"low": 1.0, "high": 3.0, "counts": [1, 0, 0, 0, 0, 0, 0, 0, 0, 1]}
    x = {"name": "x", "dtype": "int64", "nulls": 1, "min": 1, "max": 3, "mean": 2.0, "histogram": histogram}
    kind = {"name": "kind", "dtype": "string", "nulls": 0, "distinct": 2, "top": [["a", 2], ["b", 1]]}
    assert summary == {
        "table": "pyarrow.Table",
        "shape": [3, 2],
        "columns": [x, kind],
        "rows": [[0, 1, "a"], [1, None, "b"], [2, 3, "a"]],
        "last": [],
    }


@st.composite
def tables(draw: Any) -> Any:
    names = draw(st.lists(st.sampled_from([*ARRAYS]), max_size=4))
    rows = draw(st.lists(st.integers(0, 2), max_size=5))
    parts = [_table().select([name]).slice(0, 3) for name in names]
    columns = [
        pyarrow.concat_arrays([part.column(0).chunk(0)[row : row + 1] for row in rows]) for part in parts if rows
    ]
    return pyarrow.table(columns, names=[str(at) for at in range(len(columns))])


@SLOW
@given(tables(), st.integers(0, 5))
def test_a_random_table_survives(table: Any, cut: int) -> None:
    result = round_trip(pyarrow.Table, table)
    assert result.equals(table)
    assert result.schema.equals(table.schema, check_metadata=True)
    parts = pyarrow.concat_tables([table[:cut], table[cut:]])
    if "dictionary" not in str(table.schema):
        assert _id(pyarrow.Table, parts) == _id(pyarrow.Table, table)


@settings(SLOW, max_examples=1)
@given(st.lists(tables(), min_size=40, max_size=40))
def test_another_process_reads_and_writes_the_same(sample: list[Any]) -> None:
    store = DictStore()
    artifacts = [stored(pyarrow.Table, table, store) for table in [*sample, _table()]]
    assert ids_elsewhere(artifacts, store) == [each.id for each in artifacts]


@pytest.mark.parametrize("kind", ["arrow", "arrow-text"])
def test_a_large_table_is_never_held_twice(kind: str) -> None:
    found = json.loads(elsewhere("sematic.types.tests.peak", kind))
    assert found["peak"] < 1.25
    assert found["same"]
