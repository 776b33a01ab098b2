"""Sparse matrices and arrays of scipy, of all formats: their own arrays as they are, class and shape.

How a matrix is laid out (the order of its entries, zeros and duplicates that are stored) is kept and part of its
identity, except for the order of a dok, which is a dict.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Any

from sematic.errors import ArtifactError, DefinitionError
from sematic.types import npy, statistics
from sematic.types.base import BinaryType, Buffer, Json, Spec, ValueType, describe
from sematic.types.pieces import Reader, Writer
from sematic.types.registry import Row, import_class, register

_FORMATS = ("csr", "csc", "bsr", "coo", "dia", "lil", "dok")
_CLASSES = tuple(f"{name}_{kind}" for name in _FORMATS for kind in ("array", "matrix"))
_BASES = ("sparray", "spmatrix")
_LIBRARY = "scipy.sparse"
_OUTSIDE = "an entry is outside of its shape"


class SparseType(BinaryType):
    """One class, or a base of those of all formats."""

    codec = "sparse"
    python: type

    def __init__(self, name: str) -> None:
        super().__init__(["sparse", name], f"{_LIBRARY}.{name}")
        self.python = import_class(f"{_LIBRARY}:{name}")

    def accepts(self, source: ValueType) -> bool:
        return isinstance(source, SparseType) and issubclass(source.python, self.python)

    def convert(self, value: Any) -> Any:
        kind = type(value)
        if not issubclass(kind, self.python):
            raise self.refuse(value)
        if kind.__name__ not in _CLASSES or not kind.__module__.startswith(_LIBRARY):
            raise self.refuse(value, "it is of a subclass; convert it to one of scipy's formats: value.tocsr()")
        if kind.__name__.startswith("dia") and value.data.ndim != 2:
            raise self.refuse(value, "it is damaged: its data has not two dimensions")
        problem = npy.unsupported(value.dtype)
        if problem:
            raise self.refuse(value, problem)
        return value

    def to_chunks(self, value: Any) -> Iterator[Buffer]:
        writer = Writer()
        numbers = [writer.array(array) for array in _WRITE[value.format](value)]
        shape = [int(length) for length in value.shape]
        return writer.chunks({"class": type(value).__name__, "shape": shape, "arrays": numbers})

    def from_buffer(self, buffer: Buffer) -> Any:
        reader = Reader(buffer)
        name, shape = reader.description["class"], tuple(reader.description["shape"])
        arrays = [reader.array(number) for number in reader.description["arrays"]]
        if name not in _CLASSES:
            raise ArtifactError(f"{describe(name)} is no class of {_LIBRARY}")
        value = _READ[name[:3]](import_class(f"{_LIBRARY}:{name}"), shape, *arrays)
        if not isinstance(value, self.python):
            raise ArtifactError(f"{describe(value)} was recorded as {self.name}, but is none")
        return value

    def summarise(self, value: Any) -> Json:
        entries = int(value.nnz)
        size = 1
        for length in value.shape:
            size *= int(length)
        summary: dict[str, Json] = {
            "sparse": type(value).__name__,
            "shape": list(value.shape),
            "dtype": str(value.dtype),
        }
        summary |= {"entries": entries, "density": entries / size if size else 0.0}
        if value.format in ("lil", "dok"):
            return summary
        flat = value.data.reshape(-1)
        seen = statistics.sampled(flat)
        return summary | statistics.numbers(seen) | ({} if seen is flat else {"sampled": len(seen)})


def _lil_arrays(value: Any) -> list[Any]:
    import numpy

    lengths = numpy.array([len(row) for row in value.rows.flat], "<i8")
    indices = numpy.array([index for row in value.rows.flat for index in row], "<i8")
    data = numpy.array([item for row in value.data.flat for item in row], value.dtype)
    return [lengths, indices, data]


def _dok_arrays(value: Any) -> list[Any]:
    import numpy

    items = sorted(value.items(), key=lambda item: item[0])
    keys = [key if isinstance(key, tuple) else (key,) for key, _ in items]
    coordinates = numpy.array(keys, "<i8").reshape(len(items), len(value.shape))
    return [coordinates, numpy.array([item for _, item in items], value.dtype)]


def _coo_arrays(value: Any) -> list[Any]:
    return [value.data, *getattr(value, "coords", (value.row, value.col) if len(value.shape) == 2 else ())]


_WRITE: dict[str, Callable[[Any], list[Any]]] = {
    **dict.fromkeys(("csr", "csc", "bsr"), lambda value: [value.data, value.indices, value.indptr]),
    "coo": _coo_arrays,
    "dia": lambda value: [value.data, value.offsets],
    "lil": _lil_arrays,
    "dok": _dok_arrays,
}


def _compressed(cls: Any, shape: tuple[int, ...], data: Any, indices: Any, pointers: Any) -> Any:
    """The class's own constructor would choose the width of indices anew, and its check copies."""
    block = tuple(map(int, data.shape[1:])) or (1, 1)
    rows = shape[-1] if "csc" in cls.__name__ else shape[0] // block[0] if len(shape) > 1 else 1
    _check_indices(indices, pointers)
    _check_pointers(pointers, rows, min(len(indices), len(data)))
    if len(indices) != len(data) or data.ndim != (3 if "bsr" in cls.__name__ else 1):
        raise ArtifactError("it has not as many entries as indices")
    columns = shape[0] if "csc" in cls.__name__ else shape[-1] // block[1]
    if len(indices) and not 0 <= indices.min() <= indices.max() < columns:
        raise ArtifactError(_OUTSIDE)
    value = cls(shape, dtype=data.dtype, **({"blocksize": block} if "bsr" in cls.__name__ else {}))
    value.data, value.indices, value.indptr = data, indices, pointers
    return value


def _check_pointers(pointers: Any, rows: int, entries: int) -> None:
    if len(pointers) != rows + 1 or pointers[0] or pointers[-1] > entries or (pointers[1:] < pointers[:-1]).any():
        raise ArtifactError("its rows do not begin where it says")


def _check_indices(*arrays: Any) -> None:
    if any(array.dtype.kind != "i" for array in arrays):
        raise ArtifactError("its indices are no whole numbers")


def _check_within(shape: tuple[int, ...], coordinates: Any) -> None:
    for length, axis in zip(shape, coordinates, strict=True):
        if len(axis) and not 0 <= axis.min() <= axis.max() < length:
            raise ArtifactError(_OUTSIDE)


def _coo(cls: Any, shape: tuple[int, ...], data: Any, *coordinates: Any) -> Any:
    value = cls(shape, dtype=data.dtype)
    _check_indices(*coordinates)
    _check_within(shape, coordinates)
    if any(axis.shape != data.shape for axis in coordinates) or data.ndim != 1:
        raise ArtifactError("it has not as many entries as indices")
    value.data = data
    if hasattr(value, "coords"):
        value.coords = coordinates
    else:
        value.row, value.col = coordinates
    return value


def _dia(cls: Any, shape: tuple[int, ...], data: Any, offsets: Any) -> Any:
    _check_indices(offsets)
    value = cls((data, offsets), shape=shape)
    value.data, value.offsets = data, offsets
    return value


def _lil(cls: Any, shape: tuple[int, ...], lengths: Any, indices: Any, data: Any) -> Any:
    ends = [0, *lengths.cumsum().tolist()]
    if len(lengths) != shape[0] or ends[-1] != len(data) or len(indices) != len(data) or (lengths < 0).any():
        raise ArtifactError("its rows are not as long as it says")
    if len(indices) and not 0 <= indices.min() <= indices.max() < shape[-1]:
        raise ArtifactError(_OUTSIDE)
    value = cls(shape, dtype=data.dtype)
    rows, items = indices.tolist(), list(data)
    for at, (start, stop) in enumerate(pairwise(ends)):
        value.rows[at], value.data[at] = rows[start:stop], items[start:stop]
    return value


def _dok(cls: Any, shape: tuple[int, ...], coordinates: Any, data: Any) -> Any:
    value = cls(shape, dtype=data.dtype)
    _check_indices(coordinates)
    if coordinates.shape != (len(data), len(shape)):
        raise ArtifactError("its entries are not as many as it says")
    for key, item in zip(coordinates.tolist(), data):
        value[tuple(key) if len(key) > 1 else key[0]] = item
    if value.nnz != len(data):
        raise ArtifactError("its entries are not as many as it says")
    return value


_READ: dict[str, Callable[..., Any]] = {
    **dict.fromkeys(("csr", "csc", "bsr"), _compressed),
    "coo": _coo,
    "dia": _dia,
    "lil": _lil,
    "dok": _dok,
}


def _match(annotation: Any) -> ValueType | None:
    sparse: Any = sys.modules.get(_LIBRARY)
    if sparse is None or not isinstance(annotation, type):
        return None
    for name in (*_CLASSES, *_BASES):
        if annotation is getattr(sparse, name, None):
            return SparseType(name)
    return None


def _load(spec: Spec) -> ValueType:
    if spec[1] not in (*_CLASSES, *_BASES):
        raise DefinitionError(f"{_LIBRARY}.{spec[1]} is no matrix")
    return SparseType(spec[1])


register(
    _match,
    {"sparse": _load},
    (
        Row(
            "scipy.sparse.csr_array, csr_matrix, … (all formats), sparray, spmatrix",
            "an instance; it keeps its format",
            "sparse",
            "shape, dtype, entries, statistics",
        ),
    ),
)
