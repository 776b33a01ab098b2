"""Loose trees of lists, dicts and leaves, which no annotation describes: what a figure or an image carries along.

They become JSON as anybody would write it. Only what JSON has no word for is marked: ``{"$value": [spec, json]}`` is a
leaf of a type of ours, ``{"$part": [spec, n]}`` one that is kept in section n, ``{"$tuple": [...]}``, ``{"$dict":
[[key, value]...]}`` and ``{"$objects": [shape, [...]]}`` (an array of numpy) are what they say.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Any

from sematic.errors import ConversionError, DefinitionError
from sematic.types.base import BinaryType, Buffer, Json, JsonType, ValueType
from sematic.types.registry import from_spec, of
from sematic.types.sections import Section, checked

_PLAIN = frozenset({type(None), bool, int})


def pack(value: Any, sections: list[Section], where: str = "") -> Json:
    """`value` as JSON that `unpack` reads; what is binary is added to `sections`.

    Raises ConversionError, with a path that begins with `where`, for what cannot be kept without pickling it.
    """
    kind = type(value)
    if kind in _PLAIN or (kind is float and math.isfinite(value)) or (kind is str and _is_plain(value)):
        return value
    if kind is list:
        return _items(value, sections, where)
    if kind is tuple:
        return {"$tuple": _items(value, sections, where)}
    if kind is dict:
        return _dict(value, sections, where)
    return _leaf(value, sections, where)


def _is_plain(text: str) -> bool:
    """Two lone surrogates in a row would be read back from JSON as one character."""
    return text.isascii() or not any("\ud800" <= letter <= "\udfff" for letter in text)


def _items(items: Sequence[Any], sections: list[Section], where: str) -> list[Json]:
    return [pack(item, sections, f"{where}[{index}]") for index, item in enumerate(items)]


def _dict(value: dict[Any, Any], sections: list[Section], where: str) -> Json:
    if all(type(key) is str and not key.startswith("$") and _is_plain(key) for key in value):
        return {key: pack(item, sections, f"{where}.{key}") for key, item in value.items()}
    items = value.items()
    return {"$dict": [[pack(key, sections, where), pack(item, sections, f"{where}[{key!r}]")] for key, item in items]}


def _leaf(value: Any, sections: list[Section], where: str) -> Json:
    for word, (path, write) in _FOREIGN.items():
        if type(value) is _loaded(path):
            return {word: [pack(each, sections, where) for each in write(value)]}
    numpy = sys.modules.get("numpy")
    if numpy is not None and type(value) is numpy.ndarray and value.dtype == object:
        return {"$objects": [list(value.shape), _items(value.ravel().tolist(), sections, where)]}
    kind = _type_of(value, where)
    if isinstance(kind, JsonType) and kind.scalar:
        return {"$value": [kind.spec, _parsed(kind, value)]}
    if not isinstance(kind, BinaryType) or "pickle" in kind.codec:
        raise _refusal(value, where)
    sections.append(_section(kind, value))
    return {"$part": [kind.spec, len(sections) - 1]}


def _type_of(value: Any, where: str) -> ValueType:
    try:
        kind = of(type(value))
        if kind.convert(value) is not value:
            raise _refusal(value, where)
    except DefinitionError:
        raise _refusal(value, where) from None
    return kind


def _refusal(value: Any, where: str) -> ConversionError:
    problem = f"expected numbers, texts, arrays, dates and containers of them, got a {type(value).__qualname__}"
    return ConversionError(problem, (where,) if where else ())


def _parsed(kind: JsonType, value: Any) -> Json:
    from sematic.types.artifact import MemoryStore, PartWriter
    from sematic.types.jsontext import loads

    return loads(kind.to_json(value, PartWriter(MemoryStore())))


def _section(kind: BinaryType, value: Any) -> Section:
    chunks = list(kind.to_chunks(value))
    if len(chunks) == 1:
        return checked(chunks[0])
    return Section(chunks, sum(memoryview(chunk).nbytes for chunk in chunks), None)


def unpack(data: Json, sections: Sequence[Buffer]) -> Any:
    """What `pack` was given."""
    if isinstance(data, list):
        return [unpack(item, sections) for item in data]
    if not isinstance(data, dict):
        return data
    word = next(iter(data), "")
    if not word.startswith("$"):
        return {key: unpack(item, sections) for key, item in data.items()}
    if word in _FOREIGN:
        return _imported(_FOREIGN[word][0])(*unpack(data[word], sections))
    return _READERS[word](data[word], sections)


def _objects(data: Json, sections: Sequence[Buffer]) -> Any:
    import numpy

    array = numpy.empty(math.prod(data[0]), object)
    for index, item in enumerate(data[1]):
        array[index] = unpack(item, sections)
    return array.reshape(data[0])


_READERS: Any = {
    "$tuple": lambda data, sections: tuple(unpack(item, sections) for item in data),
    "$dict": lambda data, sections: {unpack(key, sections): unpack(item, sections) for key, item in data},
    "$objects": _objects,
    "$value": lambda data, sections: from_spec(data[0]).from_json(data[1], None),  # type: ignore[attr-defined]
    "$part": lambda data, sections: from_spec(data[0]).from_buffer(sections[data[1]]),  # type: ignore[attr-defined]
}


def _number(value: Any) -> Any:
    """A part of a rational number: exact, or the float it is."""
    return float(value) if not math.isfinite(value) or value != int(value) else int(value)


_FOREIGN: dict[str, tuple[str, Any]] = {
    "$itxt": ("PIL.PngImagePlugin:iTXt", lambda value: [str(value), value.lang, value.tkey]),
    "$rational": (
        "PIL.TiffImagePlugin:IFDRational",
        lambda value: [_number(value.numerator), _number(value.denominator)],
    ),
}
"""Leaves of Pillow, by the words that mark them: their class, and what it is called with to make them again."""


def _loaded(path: str) -> Any:
    module, _, name = path.partition(":")
    return getattr(sys.modules.get(module), name, None)


def _imported(path: str) -> Any:
    module, _, name = path.partition(":")
    return getattr(import_module(module), name)
