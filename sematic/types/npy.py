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
_X87_MANTISSA = 63
_X87_BYTES = 10
"""A long double of x86 has 10 bytes of value in 16 bytes of memory."""


def unsupported(dtype: Any) -> str:
    """Why arrays of `dtype` cannot be stored; empty when they can."""
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
    """Header and memory of an array. Only one whose elements are scattered in memory is copied."""
    import numpy

    fortran = array.flags.f_contiguous and not array.flags.c_contiguous
    yield _header(array, fortran)
    if array.nbytes:
        flat = (array.T if fortran else numpy.ascontiguousarray(array)).reshape(-1)
        yield _without_padding(flat, array.dtype).data


def _without_padding(flat: Any, dtype: Any) -> Any:
    """The bytes of contiguous elements; those that belong to no field hold whatever was in memory, and become 0."""
    import numpy

    memory = flat.view(numpy.uint8)
    if dtype.names is None and dtype.char not in "gG":
        return memory
    used = _used(dtype)
    return memory if used.all() else numpy.where(used, memory.reshape(-1, dtype.itemsize), 0).reshape(-1)


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


def _header(array: Any, fortran: bool) -> bytes:
    shape = tuple(map(int, array.shape))
    entries = {"descr": _description(array.dtype), "fortran_order": bool(fortran), "shape": shape}
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
