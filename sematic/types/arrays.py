"""numpy arrays and scalars, as npy: a short header, then the array's own memory.

numpy is recognised when the user has imported it, never imported to find out.
"""

from __future__ import annotations

import sys
import typing
from collections.abc import Iterator
from typing import Any

from sematic.errors import DefinitionError, EncodingError
from sematic.types import npy
from sematic.types.base import BinaryType, Buffer, Json, Spec, ValueType
from sematic.types.registry import Row, register
from sematic.types.statistics import EXACT, numbers, sampled, shown

_SHOWN = 10
_REFUSED = {
    "MaskedArray": "write numpy.ndarray and pass value.filled(...), or pass value.data and value.mask",
    "matrix": "write numpy.ndarray and pass numpy.asarray(value)",
    "recarray": "write numpy.ndarray and pass value.view(numpy.ndarray)",
    "memmap": "write numpy.ndarray; a memmap goes for one",
}


class ArrayType(BinaryType):
    """numpy.ndarray, and numpy.typing.NDArray[T] of one scalar class."""

    codec = "npy"
    python: type

    def __init__(self, scalar: type | None) -> None:
        import numpy

        name = None if scalar is None else _name(scalar)
        super().__init__(["array", name], "numpy.ndarray" if name is None else f"NDArray[{name}]")
        self.python = numpy.ndarray
        self.element = scalar

    def accepts(self, source: ValueType) -> bool:
        if not isinstance(source, ArrayType):
            return False
        return self.element is None or issubclass(source.element or object, self.element)

    def convert(self, value: Any) -> Any:
        kind = type(value)
        if kind is not self.python:
            return self.convert(self._plain(value))
        problem = npy.unsupported(value.dtype)
        if problem:
            raise self.refuse(value, problem)
        if self.element is not None and not _is_of(value.dtype, self.element):
            raise self.refuse(value, f"its dtype is {value.dtype}; write value.astype(...) where it is made")
        return value

    def _plain(self, value: Any) -> Any:
        """The array that an instance of a subclass is, where that is all of it."""
        import numpy

        if isinstance(value, numpy.memmap):
            return numpy.asarray(value)
        if not issubclass(type(value), self.python):
            raise self.refuse(value)
        if isinstance(value, numpy.ma.MaskedArray):
            raise self.refuse(value, "write value.filled(...), or pass value.data and value.mask")
        raise self.refuse(value, "write numpy.asarray(value), if it is all of it")

    def to_chunks(self, value: Any) -> Iterator[Buffer]:
        return npy.write(value)

    def from_buffer(self, buffer: Buffer) -> Any:
        value = npy.read(buffer)
        self.convert(value)
        return value

    def summarise(self, value: Any) -> Json:
        summary = {"shape": list(value.shape), "dtype": str(value.dtype)}
        if value.size:
            summary |= _statistics(value)
        return summary | {"first": [shown(item) for item in value.flat[:_SHOWN]]}


class NumpyScalarType(BinaryType):
    """One class of numpy scalars, as an array without dimensions."""

    codec = "npy"
    exact = True
    python: type

    def __init__(self, python: type) -> None:
        super().__init__(["numpy", _name(python)], f"numpy.{_name(python)}")
        import numpy

        self.python = python
        self.kind = numpy.dtype(python).kind
        self.scalar = not issubclass(python, numpy.void)  # a record can be changed in place

    def accepts(self, source: ValueType) -> bool:
        return source.python is not None and issubclass(source.python, self.python)

    def convert(self, value: Any) -> Any:
        if type(value) is not self.python:
            raise self.refuse(value)
        return value

    def to_chunks(self, value: Any) -> Iterator[Buffer]:
        problem = npy.unsupported(value.dtype)
        if problem:
            raise EncodingError(f"a {self.name} of dtype {value.dtype} cannot be stored: {problem}")
        import numpy

        return npy.write(numpy.asarray(value))

    def from_buffer(self, buffer: Buffer) -> Any:
        value = npy.read(buffer)[()]
        if type(value) is not self.python:
            raise ValueError(f"it holds a {type(value).__name__}")
        return value

    def summarise(self, value: Any) -> Json:
        return shown(value)


def _is_of(dtype: Any, scalar: type) -> bool:
    """Two C types of one size (long and long long) are the same dtype under two scalar classes."""
    import numpy

    if issubclass(dtype.type, scalar):
        return True
    concrete = not scalar.__subclasses__() and not issubclass(scalar, (numpy.flexible, numpy.datetime64))
    return bool(concrete and numpy.dtype(dtype.type) == numpy.dtype(scalar))


def _statistics(value: Any) -> dict[str, Json]:
    """Of a large array they are those of a sample, which is said."""
    seen = value if value.size <= EXACT else sampled(value.flat)
    summary = numbers(seen)
    return summary | {"sampled": seen.size} if summary and seen is not value else summary


def _match(annotation: Any) -> ValueType | None:
    numpy = sys.modules.get("numpy")
    if numpy is None:
        return None
    if annotation is numpy.ndarray:
        return ArrayType(None)
    if isinstance(annotation, type) and annotation.__name__ in _REFUSED and issubclass(annotation, numpy.ndarray):
        raise DefinitionError(f"numpy.{annotation.__name__} is not supported: {_REFUSED[annotation.__name__]}")
    if typing.get_origin(annotation) is numpy.ndarray:
        return ArrayType(_scalar_of(numpy, typing.get_args(annotation)[-1]))
    is_scalar = isinstance(annotation, type) and issubclass(annotation, numpy.generic)
    return NumpyScalarType(annotation) if is_scalar and _is_concrete(annotation) else None


def _scalar_of(numpy: Any, dtype: Any) -> Any:
    """T of ``ndarray[shape, dtype[T]]``; None for any."""
    found = next(iter(typing.get_args(dtype)), None)
    found = getattr(found, "python", found)  # a type, where it stands for the T of a generic class
    known = isinstance(found, type) and issubclass(found, numpy.generic) and found is not numpy.generic
    return found if known else None


def _is_concrete(scalar: type) -> bool:
    import numpy

    return scalar in numpy.sctypeDict.values() and scalar is not numpy.object_


def _name(scalar: type) -> str:
    """Its class is called bool in numpy 2, bool_ in numpy 1; both know it by the latter."""
    return "bool_" if scalar.__name__ == "bool" else scalar.__name__


def _load_array(spec: Spec) -> ValueType:
    return ArrayType(None if spec[1] is None else _class(spec[1]))


def _load_scalar(spec: Spec) -> ValueType:
    return NumpyScalarType(_class(spec[1]))


def _class(name: str) -> type:
    import numpy

    found = getattr(numpy, name)
    if not isinstance(found, type) or not issubclass(found, numpy.generic):
        raise ValueError(f"numpy.{name} is no class of scalars")
    return found


register(
    _match,
    {"array": _load_array, "numpy": _load_scalar},
    (
        Row(
            "numpy.ndarray, NDArray[T]",
            "an array, of that dtype",
            "npy",
            "shape, dtype, statistics, first elements",
        ),
        Row("a scalar class of numpy", "an instance", "npy", "the value"),
    ),
)
