"""Arrays of texts, and of Python objects, as pieces.

Texts are one piece of UTF-8 and one of lengths. Of objects a byte each says which they are; texts and bytes are kept
as such, the usual missing values need no more, and everything else is JSON.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from typing import Any

from sematic.errors import ArtifactError, EncodingError
from sematic.types import labels, npy
from sematic.types.base import Buffer, Json
from sematic.types.jsontext import dumps, loads
from sematic.types.pieces import Reader, Writer

_ROWS = 1 << 10
_TEXT, _BYTES, _NONE, _NAN, _NA, _OTHER = range(6)
_ABSENT = -1


def texts_to_json(values: Iterable[Any], writer: Writer) -> Json:
    """Texts, in chunks of arrays of str; whatever is no str counts as missing."""
    lengths: list[Any] = []
    return {"text": writer.piece(_texts(values, lengths)), "lengths": writer.piece(_late(lengths, "<i8"))}


def _texts(chunks: Iterable[Any], lengths: list[Any]) -> Iterator[Buffer]:
    import numpy

    for chunk in chunks:
        encoded = [_utf8(text) if isinstance(text, str) else None for text in chunk]
        lengths.append(numpy.array([_ABSENT if text is None else len(text) for text in encoded], "<i8"))
        yield b"".join(filter(None, encoded))


def _late(arrays: list[Any], dtype: str) -> Iterator[Buffer]:
    """An array whose parts are known only when it is written."""
    import numpy

    array = numpy.concatenate(arrays) if arrays else numpy.zeros(0, dtype)
    yield from npy.write(array)


def _utf8(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def texts_from_json(data: Json, reader: Reader, missing: Any) -> Any:
    """A numpy array of str objects, with `missing` where there is no text."""
    import numpy

    lengths = _lengths(data, reader)
    text = reader.bytes(data["text"])
    result = numpy.full(len(lengths), missing, object)
    start = 0
    for index, length in enumerate(lengths.tolist()):
        if length >= 0:
            result[index] = str(text[start : start + length], "utf-8", "surrogatepass")
            start += length
    return result


def _lengths(data: Json, reader: Reader) -> Any:
    lengths = reader.array(data["lengths"])
    known = lengths[lengths >= 0]
    if lengths.dtype.str != "<i8" or lengths.ndim != 1 or lengths.min(initial=0) < _ABSENT:
        raise ArtifactError("its lengths of texts are malformed")
    if sum(known.tolist()) != len(reader.bytes(data["text"])):
        raise ArtifactError("its texts are not as long as it says")
    return lengths


def problem(array: Any) -> tuple[int, str] | None:
    """The first object of an array that cannot be kept: its index and why."""
    for index, value in enumerate(array):
        if _kind(value) == _OTHER:
            try:
                labels.to_json(value)
            except EncodingError as error:
                return index, str(error)
            except RecursionError:
                return index, "it contains itself, or is nested too deeply"
    return None


def objects_to_json(array: Any, writer: Writer) -> Json:
    """A numpy array of Python objects."""
    lengths: list[Any] = []
    others: list[Json] = []
    return {
        "kinds": writer.piece(npy.write(_kinds(array))),
        "text": writer.piece(_payloads(array, lengths, others)),
        "lengths": writer.piece(_late(lengths, "<i8")),
        "others": writer.piece(_later(others)),
    }


def _later(others: list[Json]) -> Iterator[Buffer]:
    yield dumps(others).encode("ascii")


def _kinds(array: Any) -> Any:
    import numpy

    return numpy.fromiter(map(_kind, array), numpy.uint8, len(array))


def _kind(value: Any) -> int:
    if value.__class__ is str:
        return _TEXT
    if value is None:
        return _NONE
    if value.__class__ is float and value != value:
        return _NAN
    if value.__class__ is bytes:
        return _BYTES
    pandas: Any = sys.modules.get("pandas")
    return _NA if pandas is not None and value is pandas.NA else _OTHER


def _payloads(array: Any, lengths: list[Any], others: list[Json]) -> Iterator[Buffer]:
    import numpy

    for start in range(0, len(array), _ROWS):
        found: list[bytes] = []
        for value in array[start : start + _ROWS]:
            kind = _kind(value)
            if kind in (_TEXT, _BYTES):
                found.append(_utf8(value) if kind == _TEXT else value)
            elif kind == _OTHER:
                others.append(labels.to_json(value))
        lengths.append(numpy.fromiter(map(len, found), "<i8", len(found)))
        yield b"".join(found)


def objects_from_json(data: Json, reader: Reader) -> Any:
    """The numpy array of objects back."""
    import numpy

    kinds = reader.array(data["kinds"])
    if kinds.dtype != numpy.uint8 or kinds.ndim != 1:
        raise ArtifactError("its kinds of objects are malformed")
    payloads = _split(reader.bytes(data["text"]), _lengths(data, reader).tolist())
    others = iter(loads(bytes(reader.bytes(data["others"])).decode("ascii")))
    result = numpy.empty(len(kinds), object)
    for index, kind in enumerate(kinds.tolist()):
        result[index] = _object(kind, payloads, others)
    if next(payloads, None) is not None or next(others, None) is not None:
        raise ArtifactError("it has more objects than it says")
    return result


def _split(text: memoryview, lengths: list[int]) -> Iterator[bytes]:
    start = 0
    for length in lengths:
        yield bytes(text[start : start + length])
        start += length


def _object(kind: int, payloads: Iterator[bytes], others: Iterator[Json]) -> Any:
    if kind == _TEXT:
        return next(payloads).decode("utf-8", "surrogatepass")
    if kind == _BYTES:
        return next(payloads)
    if kind == _NONE:
        return None
    if kind == _NAN:
        return float("nan")
    if kind == _NA:
        return labels.from_json(["NA"])
    return labels.from_json(next(others))
