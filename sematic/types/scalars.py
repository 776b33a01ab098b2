"""None, bool, int, float, complex, str and bytes."""

from __future__ import annotations

import json.encoder
import re
import sys
from collections.abc import Callable, Iterator
from typing import Any

from sematic.errors import ArtifactError
from sematic.types.artifact import PartReader, PartWriter
from sematic.types.base import BinaryType, Buffer, Json, JsonType, ValueType, describe
from sematic.types.registry import Row, register

TEXT_SHOWN = 200
quote: Callable[[str], str] = json.encoder.encode_basestring_ascii
_BIG = 1 << 2048
"""From here on an int is written in hexadecimal: Python may refuse decimals of more than 640 digits."""

_NON_FINITE = {"nan": '"NaN"', "inf": '"Infinity"', "-inf": '"-Infinity"'}
_SPELLED = frozenset(("NaN", "Infinity", "-Infinity"))
_PIECE = 1 << 20
_PAIR = re.compile("(?<=[\ud800-\udbff])(?=[\udc00-\udfff])")


class ScalarType(JsonType):
    """An exact immutable leaf."""

    scalar = True
    bounded = True
    exact = True
    python: type

    def __init__(self, python: type, name: str) -> None:
        super().__init__([name], name)
        self.python = python

    def accepts(self, source: ValueType) -> bool:
        return source.python is not None and issubclass(source.python, self.python)

    def convert(self, value: Any) -> Any:
        if type(value) is self.python:
            return value
        plain = _without_numpy(value)
        if issubclass(type(plain), self.python):  # isinstance believes what a value says of itself
            return self._exactly(plain)
        return self._widened(plain, value)

    def summarise(self, value: Any) -> Json:
        return value

    def _exactly(self, value: Any) -> Any:
        """The value of the class itself that an instance of a subclass holds; no user code decides it."""
        return value

    def _widened(self, plain: Any, value: Any) -> Any:
        raise self.refuse(value)

    def _corrupt(self, data: Json) -> ArtifactError:
        return ArtifactError(f"{describe(data)} is no recorded {self.name}")


class NoneType(ScalarType):
    """None."""

    def to_json(self, value: None, parts: PartWriter) -> str:
        return "null"

    def from_json(self, data: Json, parts: PartReader | None) -> None:
        if data is not None:
            raise self._corrupt(data)


class BoolType(ScalarType):
    """True or False; 0 and 1 are no bools."""

    def accepts(self, source: ValueType) -> bool:
        return super().accepts(source) or _numpy_kind(source) == "b"

    def to_json(self, value: bool, parts: PartWriter) -> str:
        return "true" if value else "false"

    def from_json(self, data: Json, parts: PartReader | None) -> bool:
        if data is True or data is False:
            return bool(data)
        raise self._corrupt(data)


class IntType(ScalarType):
    """An int of any size; a bool becomes 0 or 1."""

    def accepts(self, source: ValueType) -> bool:
        return super().accepts(source) or _numpy_kind(source) in ("b", "i", "u")

    def to_json(self, value: int, parts: PartWriter) -> str:
        return int.__repr__(value) if -_BIG < value < _BIG else f'"{hex(value)}"'

    def from_json(self, data: Json, parts: PartReader | None) -> int:
        if data.__class__ is int:
            return int(data)
        if data.__class__ is str and data.lstrip("-").startswith("0x"):
            return int(data, 16)
        raise self._corrupt(data)

    def summarise(self, value: int) -> Json:
        return value if -_BIG < value < _BIG else {"bits": value.bit_length(), "negative": value < 0}

    def _exactly(self, value: int) -> int:
        return int.__int__(value)


class FloatType(ScalarType):
    """A float; an int where it is the same number."""

    def accepts(self, source: ValueType) -> bool:
        number = source.python in (int, bool) or (source.python is not None and issubclass(source.python, int))
        return number or super().accepts(source) or _numpy_kind(source) in ("b", "i", "u", "f")

    def to_json(self, value: float, parts: PartWriter) -> str:
        text = float.__repr__(value)
        return _NON_FINITE.get(text, text)

    def from_json(self, data: Json, parts: PartReader | None) -> float:
        if data.__class__ is float:
            return float(data)
        if data.__class__ is str and data in _SPELLED:
            return float(data)
        raise self._corrupt(data)

    def summarise(self, value: float) -> Json:
        text = float.__repr__(value)
        return _NON_FINITE[text].strip('"') if text in _NON_FINITE else value

    def _exactly(self, value: float) -> float:
        return float.__float__(value)

    def _widened(self, plain: Any, value: Any) -> float:
        if not issubclass(type(plain), int):
            raise self.refuse(value)
        number = int.__int__(plain)
        try:
            result = float(number)
        except OverflowError:
            raise self.refuse(value, "it is too large") from None
        if int(result) != number:
            raise self.refuse(value, "no float is exactly this number")
        return result


class ComplexType(ScalarType):
    """A complex number."""

    def to_json(self, value: complex, parts: PartWriter) -> str:
        return f"[{FLOAT.to_json(value.real, parts)},{FLOAT.to_json(value.imag, parts)}]"

    def from_json(self, data: Json, parts: PartReader | None) -> complex:
        real, imaginary = data
        return complex(FLOAT.from_json(real, None), FLOAT.from_json(imaginary, None))

    def summarise(self, value: complex) -> Json:
        return repr(value)

    def _exactly(self, value: complex) -> complex:
        return complex.__complex__(value)


class StrType(ScalarType):
    """Text, lone surrogates included."""

    bounded = False

    def to_json(self, value: str, parts: PartWriter) -> str:
        return write_text(value)

    def from_json(self, data: Json, parts: PartReader | None) -> str:
        return read_text(data)

    def summarise(self, value: str) -> Json:
        return value if len(value) <= TEXT_SHOWN else {"text": value[:TEXT_SHOWN], "length": len(value)}

    def _exactly(self, value: str) -> str:
        return str.__str__(value)


class BytesType(BinaryType):
    """Bytes, as they are."""

    codec = "bytes"
    scalar = True
    exact = True
    python = bytes

    def __init__(self) -> None:
        super().__init__(["bytes"], "bytes")

    def accepts(self, source: ValueType) -> bool:
        return source.python is not None and issubclass(source.python, bytes)

    def convert(self, value: Any) -> bytes:
        if type(value) is bytes:
            return value
        if not issubclass(type(value), bytes):
            raise self.refuse(value)
        return b"".join((value, b""))

    def to_chunks(self, value: bytes) -> tuple[Buffer, ...]:
        return (value,)

    def from_buffer(self, buffer: Buffer) -> bytes:
        return bytes(buffer)

    def summarise(self, value: bytes) -> Json:
        return {"length": len(value), "start": value[:32].hex(" ")}


class BytearrayType(BinaryType):
    """A bytearray: bytes that can be changed in place."""

    codec = "bytes"
    exact = True
    python = bytearray

    def __init__(self) -> None:
        super().__init__(["bytearray"], "bytearray")

    def accepts(self, source: ValueType) -> bool:
        return source.python is not None and issubclass(source.python, bytearray)

    def convert(self, value: Any) -> bytearray:
        if type(value) is bytearray:
            return value
        if not issubclass(type(value), bytearray):
            raise self.refuse(value)
        return bytearray().join((value, b""))

    def to_chunks(self, value: bytearray) -> Iterator[Buffer]:
        """In pieces: a view of the whole would keep another thread from changing its length."""
        for start in range(0, len(value), _PIECE):
            yield bytes(value[start : start + _PIECE])

    def from_buffer(self, buffer: Buffer) -> bytearray:
        return bytearray(buffer)

    def summarise(self, value: bytearray) -> Json:
        return {"length": len(value), "start": value[:32].hex(" ")}


def write_text(value: str) -> str:
    """JSON text of a str. Two lone surrogates in a row would be read back as one character: they go in two pieces."""
    text = quote(value)
    if "\\ud" not in text or not _PAIR.search(value):
        return text
    return f"[{','.join(map(quote, _PAIR.split(value)))}]"


def read_text(data: Json) -> str:
    """A str from parsed JSON."""
    if data.__class__ is str:
        return str(data)
    if data.__class__ is list and all(piece.__class__ is str for piece in data):
        return "".join(data)
    raise ArtifactError(f"{describe(data)} is no recorded str")


def _without_numpy(value: Any) -> Any:
    """The Python number or text that a numpy scalar holds exactly; anything else as it is."""
    numpy = sys.modules.get("numpy")
    if numpy is None or not issubclass(type(value), numpy.generic) or value.dtype.kind not in "biuf":
        return value
    plain = value.item()
    if isinstance(plain, numpy.generic) and float(plain) == plain:  # a long double that needs no more than a double
        return float(plain)
    return plain


def _numpy_kind(source: ValueType) -> str:
    return getattr(source, "kind", "")


NONE = NoneType(type(None), "None")
BOOL = BoolType(bool, "bool")
INT = IntType(int, "int")
FLOAT = FloatType(float, "float")
COMPLEX = ComplexType(complex, "complex")
STR = StrType(str, "str")
BYTES = BytesType()
BYTEARRAY = BytearrayType()

_SCALARS: dict[Any, ValueType] = {
    kind.python: kind for kind in (NONE, BOOL, INT, FLOAT, COMPLEX, STR, BYTES, BYTEARRAY)
}
_NAMES = {kind.name: kind for kind in _SCALARS.values()}


def _match(annotation: Any) -> ValueType | None:
    return _SCALARS.get(annotation) if isinstance(annotation, type) else None


register(
    _match,
    {name: lambda spec: _NAMES[spec[0]] for name in _NAMES},
    (
        Row("None, bool", "the value; a numpy bool", "json", "the value"),
        Row("int", "an int of any size; a bool; a whole number of numpy", "json", "the value"),
        Row(
            "float",
            "a float, NaN and infinities too; an int or numpy number that is exactly one",
            "json",
            "the value",
        ),
        Row("complex", "a complex number", "json", "the value"),
        Row("str", "a str, lone surrogates included", "json", "the start, length"),
        Row("bytes, bytearray", "an instance", "bytes", "the start, length"),
    ),
)
