from __future__ import annotations

import io
import json
import sys
import tracemalloc
import warnings
from typing import Any

import numpy
import numpy.typing as npt
import pytest

from sematic.errors import ArtifactError, ConversionError, DefinitionError, EncodingError
from sematic.types import npy
from sematic.types.artifact import MemoryStore, encode, load
from sematic.types.registry import flows, from_spec, of
from sematic.types.tests.helpers import DictStore, loaded, round_trip, stored

SPARSE = numpy.dtype({"names": ["a", "b"], "formats": ["i4", "f8"], "offsets": [0, 16], "itemsize": 32})
RECORD = numpy.dtype([("a", "<i4"), ("b", ">f8", (2,)), ("text", "U3")])

ARRAYS = [
    numpy.arange(6).reshape(2, 3),
    numpy.asfortranarray(numpy.arange(6.0).reshape(2, 3)),
    numpy.arange(24).reshape(2, 3, 4).transpose(1, 0, 2),
    numpy.arange(24)[::-2],
    numpy.broadcast_to(numpy.float32(1), (3, 3)),
    numpy.array(3),
    numpy.zeros((0, 4)),
    numpy.zeros((3, 0), order="F"),
    numpy.array(["a", "bé"]),
    numpy.array([b"a"]),
    numpy.array(["2020-01-01", "NaT"], "M8[ns]"),
    numpy.array([1], "m8[25us]"),
    numpy.array([1], ">i4"),
    numpy.array([True, False]),
    numpy.array([numpy.nan, -0.0, numpy.inf], "e"),
    numpy.array([1j], "F"),
    numpy.zeros(2, "g"),
    numpy.zeros(2, RECORD),
    numpy.zeros(2, SPARSE),
    numpy.zeros(2, [("größe", "i4"), ("日本", "f8")]),
    numpy.zeros(2, "V3"),
    numpy.zeros(2, [(f"field_{n}", "i4") for n in range(5000)]),
]


@pytest.mark.parametrize("array", ARRAYS, ids=lambda array: f"{str(array.dtype)[:20]}{array.shape}")
def test_arrays(array: Any) -> None:
    result = round_trip(numpy.ndarray, array)
    assert type(result) is numpy.ndarray
    assert (result.dtype, result.shape) == (array.dtype, array.shape)
    assert result.tobytes() == array.tobytes()
    assert result.flags.writeable
    data = b"".join(npy.write(array))
    assert numpy.lib.format.read_array(io.BytesIO(data), max_header_size=1 << 20).tobytes() == array.tobytes()
    json.dumps(of(numpy.ndarray).summarise(array), allow_nan=False)


def test_reads_what_numpy_writes() -> None:
    for version in ((1, 0), (2, 0), (3, 0)):
        file = io.BytesIO()
        numpy.lib.format.write_array(file, ARRAYS[1], version)
        assert numpy.array_equal(npy.read(file.getvalue()), ARRAYS[1])


@pytest.mark.parametrize("dtype", [SPARSE, "g", "G", [("a", "G", (2,)), ("b", SPARSE)]], ids=str)
def test_bytes_that_belong_to_no_value_do_not_count(dtype: Any) -> None:
    kind = numpy.dtype(dtype)
    zeros, ones = (numpy.full(4 * kind.itemsize, fill, "u1").view(kind) for fill in (0, 255))
    for array in (zeros, ones):
        array[:] = numpy.zeros(1, kind)[0] if kind.names is None else tuple(0 for _ in kind.names)
    assert b"".join(npy.write(zeros)) == b"".join(npy.write(ones))
    assert str(round_trip(numpy.ndarray, ones)) == str(ones)


def test_memory_order_is_kept_when_there_is_one() -> None:
    assert round_trip(numpy.ndarray, ARRAYS[1]).flags.f_contiguous
    assert round_trip(numpy.ndarray, ARRAYS[2]).flags.c_contiguous


def test_a_writable_buffer_is_used_in_place_and_a_shared_one_is_not() -> None:
    data = bytearray(b"".join(npy.write(numpy.arange(4))))
    npy.read(data)[0] = 99
    assert npy.read(data)[0] == 99
    shared = bytes(data)
    npy.read(shared)[0] = 7
    assert npy.read(shared)[0] == 99


def test_what_is_scattered_in_memory_is_copied_a_piece_at_a_time() -> None:
    wide = numpy.zeros((1000, 4000))
    for array in (wide[::2], wide[:, ::2], wide.reshape(-1)[::2], wide[:1, ::2], numpy.zeros(1 << 18, SPARSE)):
        tracemalloc.start()
        size = sum(memoryview(chunk).nbytes for chunk in npy.write(array))
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert size - array.nbytes == len(npy.header(array.dtype, array.shape, False))
        assert peak < max(array.nbytes, 4 << 20) * 1.1 + (9 << 20)
        assert numpy.array_equal(npy.read(b"".join(npy.write(array))), array)


def test_numbers_that_cannot_be_counted_into_bins() -> None:
    for values in ([numpy.inf, 1.0], [numpy.nan] * 2, [-1.7e308, 1.7e308], [1.0, 1.0], [65504.0, 1.0]):
        for dtype in ("f8", "f2"):
            with numpy.errstate(over="ignore"):
                array = numpy.array(values).astype(dtype)
            json.dumps(of(numpy.ndarray).summarise(array), allow_nan=False)
    huge = of(numpy.ndarray).summarise(numpy.array([0, (1 << 64) - 1], "u8"))
    assert huge["max"] == str((1 << 64) - 1) or huge["max"] == (1 << 64) - 1
    assert sum(huge["histogram"]["counts"]) == 2


def test_a_memory_map_is_an_array_and_a_masked_one_is_not(tmp_path: Any) -> None:
    mapped = numpy.memmap(tmp_path / "array", "f8", "w+", shape=(3,))
    assert type(round_trip(numpy.ndarray, mapped)) is numpy.ndarray
    with pytest.raises(ConversionError, match="value.filled"):
        of(numpy.ndarray).convert(numpy.ma.array([1.0]))
    with pytest.raises(ConversionError, match="whose texts are elsewhere"):
        of(numpy.ndarray).convert(numpy.array(["a"], "T"))


def test_consumers_do_not_share() -> None:
    store = MemoryStore()
    given = numpy.arange(3)
    artifact = encode(of(numpy.ndarray), given, store)
    given[0] = 100
    load(artifact, store)[1] = 100
    assert load(artifact, store).tolist() == [0, 1, 2]


def test_writing_does_not_copy() -> None:
    for array in (numpy.zeros((1000, 1000)), numpy.zeros((1000, 1000), order="F")):
        tracemalloc.start()
        size = sum(len(chunk) for chunk in npy.write(array))
        of(numpy.ndarray).summarise(array)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert size == array.nbytes + 128
        assert peak < array.nbytes / 4


@pytest.mark.parametrize(
    ("annotation", "value"),
    [
        (numpy.ndarray, [1]),
        (numpy.ndarray, numpy.float64(1)),
        (numpy.ndarray, numpy.array([object()])),
        (numpy.ndarray, numpy.array([(1, "a")], [("a", "i4"), ("b", "O")])),
        (numpy.ndarray, numpy.matrix([[1]])),
        (numpy.ndarray, numpy.ma.array([1])),
        (numpy.ndarray, numpy.zeros(1, numpy.dtype("f4", metadata={"a": 1}))),
        (npt.NDArray[numpy.float64], numpy.zeros(1, "f4")),
        (npt.NDArray[numpy.float64], numpy.zeros(1, "i8")),
        (npt.NDArray[numpy.floating], numpy.zeros(1, "i8")),
        (npt.NDArray[numpy.datetime64], numpy.zeros(1, "m8[s]")),
        (numpy.float32, 1.0),
        (numpy.float32, numpy.float64(1)),
    ],
)
def test_refused(annotation: Any, value: Any) -> None:
    with pytest.raises(ConversionError):
        of(annotation).convert(value)


@pytest.mark.parametrize(
    ("annotation", "value"),
    [
        (npt.NDArray[numpy.float64], numpy.zeros(1, ">f8")),
        (npt.NDArray[numpy.floating], numpy.zeros(1, "f2")),
        (npt.NDArray[numpy.int64], numpy.zeros(1, numpy.longlong)),
        (npt.NDArray[numpy.str_], numpy.array(["a"])),
        (npt.NDArray[numpy.datetime64], numpy.zeros(1, "M8[s]")),
        (npt.NDArray[Any], numpy.zeros(1)),
        (numpy.ndarray[Any, numpy.dtype[numpy.int8]], numpy.zeros(1, "i1")),
    ],
)
def test_declared_dtypes(annotation: Any, value: Any) -> None:
    assert of(annotation).convert(value) is value
    assert round_trip(annotation, value).dtype == value.dtype
    assert from_spec(json.loads(json.dumps(of(annotation).spec))) == of(annotation)


def test_a_dtype_that_is_not_the_declared_one_is_corrupt() -> None:
    data = b"".join(npy.write(numpy.zeros(1, "f4")))
    with pytest.raises(ArtifactError):
        loaded(npt.NDArray[numpy.float64], data, "npy")
    with pytest.raises(ArtifactError):
        loaded(numpy.float64, data, "npy")


@pytest.mark.parametrize(
    "value",
    [
        numpy.float32(0.1),
        numpy.float64("nan"),
        numpy.int8(-3),
        numpy.bool_(True),
        numpy.str_("é"),
        numpy.bytes_(b"a"),
        numpy.complex64(1j),
        numpy.datetime64("2020-01-01T00:00:00.000000001"),
        numpy.timedelta64(3, "h"),
        numpy.longdouble("0.1"),
        numpy.zeros(1, "i4,f8")[0],
    ],
    ids=str,
)
def test_scalars(value: Any) -> None:
    result = round_trip(type(value), value)
    assert type(result) is type(value)
    assert result.dtype == value.dtype
    assert repr(result) == repr(value)
    json.dumps(of(type(value)).summarise(value), allow_nan=False)
    assert of(type(value)).scalar is not isinstance(value, numpy.void)


def test_a_record_with_objects_in_it_cannot_be_stored() -> None:
    value = numpy.zeros(1, [("a", "O")])[0]
    with pytest.raises(EncodingError, match="holds Python objects"):
        encode(of(numpy.void), value, MemoryStore())


def _damaged() -> list[bytes]:
    good = b"".join(npy.write(numpy.arange(3)))

    def header(text: str) -> bytes:
        return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text.encode("latin-1") + bytes(24)

    return [
        b"",
        good[:11],
        good[:50],
        good[:-1],
        good + b"x",
        good.replace(b"NUMPY", b"NUMPX"),
        good.replace(b"\x01\x00", b"\x09\x00", 1),
        header("{'descr': '<i8', 'fortran_order': False}"),
        header("{'descr': '<i8', 'fortran_order': False, 'shape': [3]}"),
        header("{'descr': '<i8', 'fortran_order': False, 'shape': (-3,)}"),
        header("{'descr': '<i8', 'fortran_order': 7, 'shape': (3,)}"),
        header("{'descr': '|O', 'fortran_order': False, 'shape': (3,)}"),
        header("{'descr': '<q9', 'fortran_order': False, 'shape': (3,)}"),
        header("{'descr': '<i8', 'fortran_order': False, 'shape': (99999999999999999999,)}"),
        header("print('executed')"),
        header("((((("),
    ]


@pytest.mark.parametrize("payload", _damaged(), ids=repr)
def test_damaged(payload: bytes) -> None:
    with pytest.raises(ArtifactError):
        loaded(numpy.ndarray, payload, "npy")


def test_no_prefix_of_an_array_is_taken_for_one() -> None:
    good = b"".join(npy.write(numpy.arange(3)))
    for length in range(len(good)):
        with pytest.raises(ArtifactError):
            loaded(numpy.ndarray, good[:length], "npy")


def test_summaries() -> None:
    summary = of(numpy.ndarray).summarise(numpy.array([[1.0, numpy.nan], [numpy.inf, 2]]))
    assert summary == {
        "shape": [2, 2],
        "dtype": "float64",
        "nulls": 1,
        "min": 1.0,
        "max": "Infinity",
        "mean": "Infinity",
        "histogram": {"low": 1.0, "high": 2.0, "counts": [1, 0, 0, 0, 0, 0, 0, 0, 0, 1]},
        "first": [1.0, "NaN", "Infinity", 2.0],
    }
    large = of(numpy.ndarray).summarise(numpy.arange(3_000_000, dtype="i4"))
    assert large["min"] == 0
    assert large["sampled"] == 100_000
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        of(numpy.ndarray).summarise(numpy.zeros((0,)))
        of(numpy.ndarray).summarise(numpy.array([6e4, 6e4], "e"))


def test_flows() -> None:
    assert flows(of(npt.NDArray[numpy.float64]), of(numpy.ndarray))
    assert flows(of(npt.NDArray[numpy.float64]), of(npt.NDArray[numpy.floating]))
    assert not flows(of(numpy.ndarray), of(npt.NDArray[numpy.float64]))
    assert not flows(of(list[int]), of(numpy.ndarray))
    assert flows(of(numpy.float64), of(numpy.float64))
    assert not flows(of(numpy.float64), of(numpy.float32))


def test_specs_name_scalar_classes_only() -> None:
    for name in ("matrix", "sum", "missing"):
        with pytest.raises(ArtifactError):
            from_spec(["array", name])


def test_elements_of_containers() -> None:
    store = DictStore()
    value = {"small": numpy.arange(3), "large": numpy.arange(10_000)}
    artifact = stored(dict[str, numpy.ndarray], value, store)  # type: ignore[type-arg,unused-ignore]
    assert artifact.codec == "composite"
    assert {name: part.sum() for name, part in load(artifact, store).items()} == {"small": 3, "large": 49995000}


def test_numpy_is_not_imported_to_find_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "numpy")
    assert of(complex | None).convert(1j) == 1j
    assert "numpy" not in sys.modules


@pytest.mark.parametrize("annotation", [numpy.ma.MaskedArray, numpy.matrix, numpy.recarray, numpy.memmap])
def test_subclasses_are_refused_when_decorated(annotation: Any) -> None:
    with pytest.raises(DefinitionError, match=rf"numpy.{annotation.__name__} is not supported: write numpy.ndarray"):
        of(annotation)
