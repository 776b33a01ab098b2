"""Sparse matrices and arrays of scipy."""

from __future__ import annotations

import json
from typing import Any

import numpy
import pytest
import scipy.sparse
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sematic.errors import ArtifactError, ConversionError
from sematic.types.registry import flows, from_spec, of
from sematic.types.sparse import _CLASSES
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
DENSE = numpy.array([[0, 1.5, 0, 0], [-0.0, 0, 2, 0], [0, 0, 0, numpy.nan]])


def _class(name: str) -> Any:
    return getattr(scipy.sparse, name)


def _same(left: Any, right: Any) -> bool:
    if type(left) is not type(right) or left.shape != right.shape or left.dtype != right.dtype:
        return False
    if left.format not in ("lil", "dok"):
        for name in ("data", "indices", "indptr", "offsets", "coords"):
            found = [getattr(each, name, None) for each in (left, right)]
            if found[0] is not None and not _same_arrays(found[0], found[1]):
                return False
    return bool(left.toarray().tobytes() == right.toarray().tobytes())


def _same_arrays(left: Any, right: Any) -> bool:
    if isinstance(left, tuple):
        return all(map(_same_arrays, left, right))
    return bool(left.dtype == right.dtype and left.tobytes() == right.tobytes())


@pytest.mark.parametrize("name", _CLASSES)
@pytest.mark.parametrize("dtype", ["f8", "f4", "c16", "i1", "?"])
def test_all_formats(name: str, dtype: str) -> None:
    values = numpy.nan_to_num(DENSE) if dtype in ("i1", "?") else DENSE
    cls = _class(name)
    for matrix in (cls(values.astype(dtype)), cls((3, 4), dtype=dtype), cls((0, 4), dtype=dtype)):
        assert _same(round_trip(cls, matrix), matrix)
        base = scipy.sparse.sparray if name.endswith("array") else scipy.sparse.spmatrix
        assert _same(round_trip(base, matrix), matrix)
        json.dumps(of(cls).summarise(matrix), allow_nan=False)


def test_how_entries_lie_is_kept() -> None:
    twice = scipy.sparse.coo_array(([1.0, 2.0, 0.0], ([0, 0, 1], [1, 1, 0])), shape=(2, 2))
    assert _same(round_trip(scipy.sparse.coo_array, twice), twice)
    wide = scipy.sparse.csr_array(DENSE)
    wide.indices, wide.indptr = wide.indices.astype("i8"), wide.indptr.astype("i8")
    assert _same(round_trip(scipy.sparse.csr_array, wide), wide)
    unsorted = scipy.sparse.csr_array(([1.0, 2.0], [1, 0], [0, 2]), shape=(1, 2))
    assert _same(round_trip(scipy.sparse.csr_array, unsorted), unsorted)
    blocks = scipy.sparse.bsr_array(numpy.ones((4, 6)), blocksize=(2, 3))
    assert _same(round_trip(scipy.sparse.bsr_array, blocks), blocks)


def test_the_order_of_a_dict_is_no_part_of_a_matrix() -> None:
    ids = set()
    for keys in ([(0, 1), (1, 0)], [(1, 0), (0, 1)]):
        matrix = scipy.sparse.dok_array((2, 2))
        for key in keys:
            matrix[key] = 1.0
        ids.add(stored(scipy.sparse.dok_array, matrix, DictStore()).id)
    assert len(ids) == 1


@pytest.mark.parametrize("name", ["coo_array", "csr_array", "dok_array"])
def test_one_dimension(name: str) -> None:
    vector = _class(name)(DENSE[0])
    assert _same(round_trip(_class(name), vector), vector)


def test_three_dimensions() -> None:
    cube = scipy.sparse.coo_array(numpy.arange(8.0).reshape(2, 2, 2))
    assert _same(round_trip(scipy.sparse.coo_array, cube), cube)


class Own(scipy.sparse.csr_array):
    pass


def test_refused() -> None:
    with pytest.raises(ConversionError, match="expected scipy.sparse.csr_array, got ndarray"):
        of(scipy.sparse.csr_array).convert(DENSE)
    with pytest.raises(ConversionError, match="expected scipy.sparse.csr_array, got csc_array"):
        of(scipy.sparse.csr_array).convert(scipy.sparse.csc_array(DENSE))
    with pytest.raises(ConversionError, match="it is of a subclass"):
        of(scipy.sparse.csr_array).convert(Own(DENSE))


def test_flows() -> None:
    assert flows(of(scipy.sparse.csr_array), of(scipy.sparse.sparray))
    assert not flows(of(scipy.sparse.csr_array), of(scipy.sparse.csr_matrix))
    with pytest.raises(ArtifactError):
        from_spec(["sparse", "load_npz"])


@pytest.mark.parametrize("name", _CLASSES)
def test_damaged(name: str) -> None:
    check_damaged(_class(name), _class(name)(DENSE), 150)
    payload = bytes(stored(_class(name), _class(name)(DENSE), DictStore()).blob.data or b"")
    other = scipy.sparse.coo_matrix if name == "coo_array" else scipy.sparse.coo_array
    with pytest.raises(ArtifactError, match="was recorded as"):
        loaded(other, payload, "sparse")


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("csr_array", {"indices": [9, 0, 0]}),
        ("csr_array", {"indices": [-1, 0, 0]}),
        ("csr_array", {"indptr": [0, 2, 1, 3]}),
        ("csr_array", {"indptr": [0, 1, 2, 9]}),
        ("csc_array", {"indptr": [0, 1]}),
        ("csr_array", {"indices": [0, 0]}),
        ("coo_array", {"coords": ([0, 0, 9], [0, 0, 0])}),
        ("coo_array", {"coords": ([0, 0], [0, 0])}),
    ],
)
def test_entries_outside_of_a_matrix_are_never_read(name: str, change: dict[str, Any]) -> None:
    """What compiled code would read from elsewhere in memory."""
    matrix = _class(name)(DENSE)
    for attribute, value in change.items():
        arrays = tuple(map(numpy.array, value)) if isinstance(value, tuple) else numpy.array(value)
        setattr(matrix, attribute, arrays)
    payload = b"".join(of(type(matrix)).to_chunks(matrix))  # type: ignore[attr-defined]
    with pytest.raises(ArtifactError):
        loaded(type(matrix), payload, "sparse")


@st.composite
def matrices(draw: Any) -> Any:
    rows, columns = draw(st.integers(0, 4)), draw(st.integers(1, 4))
    dtype = draw(st.sampled_from(["f8", "f4", "i8", "c8"]))
    values = draw(st.lists(st.integers(-2, 2), min_size=rows * columns, max_size=rows * columns))
    return _class(draw(st.sampled_from(_CLASSES)))(numpy.array(values, dtype).reshape(rows, columns))


@SLOW
@given(matrices())
def test_a_random_matrix_survives(matrix: Any) -> None:
    assert _same(round_trip(type(matrix), matrix), matrix)


@settings(SLOW, max_examples=1)
@given(st.lists(matrices(), min_size=60, max_size=60))
def test_another_process_reads_and_writes_the_same(sample: list[Any]) -> None:
    store = DictStore()
    artifacts = [stored(type(matrix), matrix, store) for matrix in sample]
    assert ids_elsewhere(artifacts, store) == [each.id for each in artifacts]


@pytest.mark.parametrize("kind", ["sparse", "numpy-slice"])
def test_a_large_matrix_is_never_held_twice(kind: str) -> None:
    found = json.loads(elsewhere("sematic.types.tests.peak", kind))
    assert found["peak"] < 1.25
    assert found["same"]
