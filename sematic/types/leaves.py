"""Immutable values of the standard library that have an exact text: Decimal, UUID, Fraction, addresses, patterns, …

A class is looked up when an annotation names it: none of these modules is imported to find out.
"""

from __future__ import annotations

import sys
import typing
from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple

from sematic.errors import ArtifactError
from sematic.types.artifact import PartReader, PartWriter
from sematic.types.base import Json, JsonType, Spec, ValueType, describe
from sematic.types.datetimes import read_zone, zone_json
from sematic.types.jsontext import dumps, loads
from sematic.types.registry import Row, import_class, register
from sematic.types.scalars import INT, STR, read_text, write_text


class Leaf(NamedTuple):
    """How a value of one class becomes JSON and comes back. Unless all can be kept, `write` raises ValueError for what
    cannot."""

    path: str
    write: Callable[[Any], Json]
    read: Callable[[Any, Json], Any]
    bounded: bool = False
    all: bool = True


class LeafType(JsonType):
    """One of these classes."""

    scalar = True
    python: type

    def __init__(self, word: str, leaf: Leaf) -> None:
        super().__init__([word], word)
        self.python = import_class(leaf.path)
        self.bounded = leaf.bounded
        self.exact = leaf.all
        self._leaf = leaf

    def accepts(self, source: ValueType) -> bool:
        return source.python is not None and issubclass(source.python, self.python)

    def convert(self, value: Any) -> Any:
        """An instance of a subclass becomes one of the class itself, unless something of it would be lost."""
        if self.exact and type(value) is self.python:
            return value
        if not issubclass(type(value), self.python):
            raise self.refuse(value)
        try:
            data = self._leaf.write(value)
            if type(value) is self.python:
                return value
            plain = self._leaf.read(self.python, data)
            if plain != value and plain == plain:
                raise ValueError("it is more than that")
        except Exception as error:  # a user's subclass may raise anything
            raise self.refuse(value, str(error)) from error
        return value if type(plain) is type(value) else plain

    def to_json(self, value: Any, parts: PartWriter) -> str:
        return dumps(self._leaf.write(value))

    def from_json(self, data: Json, parts: PartReader | None) -> Any:
        try:
            return self._leaf.read(self.python, data)
        except (ArithmeticError, LookupError, TypeError, ValueError) as error:
            raise ArtifactError(f"{describe(data)} is no recorded {self.name}: {error}") from error

    def summarise(self, value: Any) -> Json:
        return STR.summarise(str(value))


def _decimal(value: Any) -> Json:
    """Its text; `str` would write it as the thread's context says."""
    return _context().to_sci_string(value)


@cache
def _context() -> Any:
    import decimal

    return decimal.Context(capitals=1)


def _number(value: int) -> Json:
    """Python may refuse to read decimals of more than 640 digits."""
    number = int.__int__(value)
    return number if number.bit_length() <= 2048 else hex(number)


def _read_number(data: Json) -> int:
    return INT.from_json(data, None)


def _fraction(value: Any) -> Json:
    return [_number(value.numerator), _number(value.denominator)]


def _read_fraction(cls: Any, data: Json) -> Any:
    return cls(_read_number(data[0]), _read_number(data[1]))


def _steps(value: Any) -> Json:
    """Of a range, or of a slice, where each may be None."""
    return [each if each is None else _step(each) for each in (value.start, value.stop, value.step)]


def _step(value: Any) -> Json:
    if not isinstance(value, int):
        raise ValueError(f"it holds {describe(value)}; only numbers are supported")
    return _number(value)


def _read_steps(cls: Any, data: Json) -> Any:
    return cls(*(each if each is None else _read_number(each) for each in data))


def _zone(value: Any) -> Json:
    found = zone_json(value)
    if found is None:
        raise ValueError("it has no name that another machine knows; write zoneinfo.ZoneInfo(name)")
    return found


def _pattern(kinds: Any) -> Callable[[Any], Json]:
    def write(value: Any) -> Json:
        text: Any = value.pattern
        if not isinstance(text, kinds):
            raise ValueError(f"it is a pattern of {type(text).__name__}")
        if value.flags & 128:
            raise ValueError("it was compiled with re.DEBUG")
        shown = loads(write_text(text)) if isinstance(text, str) else [None, text.decode("latin-1")]
        return [value.flags, shown]

    return write


def _read_pattern(cls: Any, data: Json) -> Any:
    import re

    flags, text = data
    is_bytes = text.__class__ is list and text[:1] == [None]
    return re.compile(_text(text[1]).encode("latin-1") if is_bytes else read_text(text), flags)


def _text_leaf(path: str) -> Leaf:
    def write(value: Any) -> Json:
        return import_class(path).__str__(value)  # a subclass may have its own, which may say anything

    return Leaf(path, write, lambda cls, data: cls(_text(data)), bounded=True)


def _text(data: Json) -> str:
    if data.__class__ is not str:
        raise TypeError("it is no text")
    return str(data)


_LEAVES = {
    "Decimal": Leaf("decimal:Decimal", _decimal, lambda cls, data: cls(_text(data))),
    "Fraction": Leaf("fractions:Fraction", _fraction, _read_fraction),
    "UUID": _text_leaf("uuid:UUID"),
    "IPv4Address": _text_leaf("ipaddress:IPv4Address"),
    "IPv6Address": _text_leaf("ipaddress:IPv6Address"),
    "IPv4Network": _text_leaf("ipaddress:IPv4Network"),
    "IPv6Network": _text_leaf("ipaddress:IPv6Network"),
    "IPv4Interface": _text_leaf("ipaddress:IPv4Interface"),
    "IPv6Interface": _text_leaf("ipaddress:IPv6Interface"),
    "range": Leaf("builtins:range", _steps, _read_steps),
    "slice": Leaf("builtins:slice", _steps, _read_steps, all=False),
    "tzinfo": Leaf("datetime:tzinfo", _zone, lambda cls, data: read_zone(data), all=False),
    "timezone": Leaf("datetime:timezone", _zone, lambda cls, data: read_zone(data)),
    "ZoneInfo": Leaf("zoneinfo:ZoneInfo", _zone, lambda cls, data: read_zone(data), all=False),
    "Pattern": Leaf("re:Pattern", _pattern((str, bytes)), _read_pattern, all=False),
    "Pattern[str]": Leaf("re:Pattern", _pattern((str,)), _read_pattern, all=False),
    "Pattern[bytes]": Leaf("re:Pattern", _pattern((bytes,)), _read_pattern, all=False),
}
_PATTERNS = {str: "Pattern[str]", bytes: "Pattern[bytes]", typing.AnyStr: "Pattern"}


def _class_of(annotation: Any) -> Any:
    return typing.get_origin(annotation) or annotation


def _match(annotation: Any) -> ValueType | None:
    cls: Any = _class_of(annotation)
    if not isinstance(cls, type) or cls.__name__ not in _LEAVES:
        return None
    leaf = _LEAVES[cls.__name__]
    module, _, name = leaf.path.partition(":")
    if getattr(sys.modules.get(module), name, None) is not cls:
        return None
    arguments = typing.get_args(annotation)
    word = _PATTERNS.get(arguments[0]) if arguments else name
    return None if word is None else _made(word)


def _made(word: str) -> ValueType:
    return LeafType(word, _LEAVES[word])


def _load(spec: Spec) -> ValueType:
    return _made(spec[0])


register(
    _match,
    dict.fromkeys(_LEAVES, _load),
    (
        Row("Decimal, Fraction", "an instance, exact to the last digit, NaN and -0 included", "json", "the number"),
        Row("UUID, the addresses and networks of ipaddress", "an instance", "json", "the text"),
        Row("range, slice", "an instance, of whole numbers", "json", "the text"),
        Row("tzinfo, timezone, ZoneInfo", "a timezone, or a ZoneInfo that has a name", "json", "the name"),
        Row("re.Pattern, re.Pattern[str]", "a compiled pattern, with its flags", "json", "the pattern"),
    ),
)
