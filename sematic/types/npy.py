"""The npy format, versions 1 to 3: written without copying, read in place where the memory is private.

The header is written here, not by numpy, whose padding has changed between versions: equal arrays give equal bytes.
"""

from __future__ import annotations

import ast
import math
import warnings
from collections.abc import Iterator
from typing import Any

from sematic.types.base import Buffer

_MAGIC = b"\x93NUMPY"
_ALIGNMENT = 64
_LONGEST_HEADER = 1 << 20
_PIECE = 1 << 22
_X87_MANTISSA = 63
_X87_BYTES = 10
"""A long double of x86 has 10 bytes of value in 16 bytes of memory."""


def unsupported(dtype: Any) -> str:
    """Why arrays of `dtype` cannot be stored; empty when they can."""
    if dtype.char == "T":
        return f"its dtype is {dtype}, whose texts are elsewhere in memory; write value.astype(str), or list[str]"
    if dtype.hasobject:
        return f"its dtype is {dtype}, which holds Python objects; give it a dtype, or write list[...]"
    if dtype.isbuiltin == 1:
        return ""
    try:
        same = _dtype(_description(dtype)) == dtype
    except (TypeError, ValueError):
        same = False
    return "" if same else f"its dtype is {dtype}, which the npy format cannot say"


def write(array: Any) -> Iterator[Buffer]:
    """Header and memory of an array. One whose elements are scattered in memory is copied, a piece at a time."""
    fortran = array.flags.f_contiguous and not array.flags.c_contiguous
    yield header(array.dtype, array.shape, fortran)
    if array.nbytes:
        yield from _elements(array.T if fortran else array)


def write_masked(array: Any, mask: Any) -> Iterator[Buffer]:
    """An array of one dimension, with zeros where `mask` is true: what is there is no part of the value."""
    import numpy

    yield header(array.dtype, array.shape, False)
    step = _rows(array)
    for start in range(0, len(array), step):
        yield from _elements(numpy.where(mask[start : start + step], array.dtype.type(), array[start : start + step]))


def _elements(array: Any) -> Iterator[Buffer]:
    """The bytes of the elements, in the order of their indices."""
    if array.flags.c_contiguous and not _has_padding(array.dtype):
        yield _memory(array).data
    elif array.ndim == 0 or (len(array) == 1 and array.ndim == 1):
        yield _without_padding(array).data
    elif len(array) == 1:
        yield from _elements(array[0])
    else:
        step = _rows(array)
        for start in range(0, len(array), step):
            piece = array[start : start + step]
            yield from (_elements(piece) if step == 1 else (_without_padding(piece).data,))


def _rows(array: Any) -> int:
    """How many indices of the first dimension make a piece."""
    return max(1, _PIECE * len(array) // max(1, int(array.nbytes)))


def _memory(array: Any) -> Any:
    import numpy

    return numpy.ascontiguousarray(array).reshape(-1).view(numpy.uint8)


def _without_padding(array: Any) -> Any:
    """The bytes of elements; those that belong to no field hold whatever was in memory, and become 0."""
    import numpy

    if not _has_padding(array.dtype):
        return _memory(array)
    memory = _memory(array).reshape(-1, array.dtype.itemsize)
    return numpy.where(_used(array.dtype), memory, numpy.uint8(0)).reshape(-1)


def _has_padding(dtype: Any) -> bool:
    return (dtype.names is not None or dtype.char in "gG") and not _used(dtype).all()


def _used(dtype: Any) -> Any:
    """For each byte of an element, whether it is part of its value."""
    import numpy

    if dtype.subdtype is not None:
        inner, shape = dtype.subdtype
        return numpy.tile(_used(inner), math.prod(shape))
    if dtype.names is not None:
        used = numpy.zeros(dtype.itemsize, bool)
        for field, offset, *_ in dtype.fields.values():
            used[offset : offset + field.itemsize] |= _used(field)
        return used
    used = numpy.ones(dtype.itemsize, bool)
    if dtype.char in "gG" and numpy.finfo(numpy.longdouble).nmant == _X87_MANTISSA:
        used.reshape(1 + (dtype.char == "G"), -1)[:, _X87_BYTES:] = False
    return used


def read(buffer: Buffer) -> Any:
    """The array: over `buffer` itself when that is writable, else a copy. Raises ValueError for anything else."""
    import numpy

    dtype, fortran, shape, start = _parse(memoryview(buffer))
    size = math.prod(shape) * dtype.itemsize
    if size != len(buffer) - start:
        raise ValueError(f"{len(buffer) - start} bytes where {size} were expected")
    order: Any = "F" if fortran else "C"
    if not size:
        return numpy.zeros(shape, dtype, order)
    array = numpy.frombuffer(buffer, numpy.uint8, offset=start).view(dtype).reshape(shape, order=order)
    return array if array.flags.writeable else array.copy(order="K")


def header(dtype: Any, shape: tuple[int, ...], fortran: bool) -> bytes:
    """What comes before the elements."""
    shape = tuple(map(int, shape))
    entries = {"descr": _description(dtype), "fortran_order": bool(fortran), "shape": shape}
    text = repr(entries)
    version = 3 if not text.isascii() else 1 if len(text) < 65000 else 2
    encoded = text.encode()
    width = 2 if version == 1 else 4
    padding = -(len(_MAGIC) + 2 + width + len(encoded) + 1) % _ALIGNMENT
    length = len(encoded) + padding + 1
    return b"".join([_MAGIC, bytes([version, 0]), length.to_bytes(width, "little"), encoded, b" " * padding, b"\n"])


def _parse(view: memoryview) -> tuple[Any, bool, tuple[int, ...], int]:
    if view[:6] != _MAGIC or len(view) < 12 or view[6] not in (1, 2, 3):
        raise ValueError("it is no npy file")
    width = 2 if view[6] == 1 else 4
    start = 8 + width
    end = start + int.from_bytes(view[8:start], "little")
    if end > min(len(view), _LONGEST_HEADER):
        raise ValueError("its header is truncated")
    header = ast.literal_eval(bytes(view[start:end]).decode("utf-8" if view[6] == 3 else "latin-1").strip())
    if set(header) != {"descr", "fortran_order", "shape"}:
        raise ValueError("its header is malformed")
    shape = header["shape"]
    if type(shape) is not tuple or not all(type(length) is int and length >= 0 for length in shape):
        raise ValueError(f"its shape is {shape}")
    dtype = _dtype(header["descr"])
    if dtype.hasobject or header["fortran_order"] not in (True, False):
        raise ValueError("its header is malformed")
    return dtype, header["fortran_order"], shape, end


def _description(dtype: Any) -> Any:
    import numpy

    with warnings.catch_warnings():
        warnings.simplefilter("error")  # numpy warns that it is about to lose something
        try:
            return numpy.lib.format.dtype_to_descr(dtype)
        except Warning as warning:
            raise ValueError(str(warning)) from None


def _dtype(description: Any) -> Any:
    import numpy

    return numpy.lib.format.descr_to_dtype(description)
