"""What a PIL image carries beside its pixels, as JSON and byte strings."""

from __future__ import annotations

import math
from typing import Any

from sematic.errors import ConversionError
from sematic.types.base import Json

_PLAIN = (type(None), bool, int, str)


def pack(value: Any, where: str, found: list[bytes]) -> Json:
    """`value` as JSON that `unpack` reads; byte strings are put in `found`. Raises ConversionError."""
    kind = type(value)
    if kind in _PLAIN:
        return {"text": value.encode("utf-8", "surrogatepass").hex()} if kind is str and _is_odd(value) else value
    if kind is bytes:
        found.append(value)
        return {"bytes": len(found) - 1}
    if kind is float:
        return {"float": value.hex()}
    if kind in (list, tuple):
        return {kind.__name__: [pack(item, where, found) for item in value]}
    if kind is dict:
        return {"dict": [[pack(each, where, found) for each in item] for item in value.items()]}
    return _special(value, where)


def _is_odd(text: str) -> bool:
    """Two lone surrogates in a row would be read back from JSON as one character."""
    return any("\ud800" <= letter <= "\udfff" for letter in text)


def _special(value: Any, where: str) -> Json:
    from PIL.PngImagePlugin import iTXt
    from PIL.TiffImagePlugin import IFDRational

    if type(value) is iTXt:
        return {"itxt": [str(value), value.lang, value.tkey]}
    if type(value) is IFDRational:
        return {"rational": [_part(value.numerator), _part(value.denominator)]}
    problem = f"expected texts, numbers, bytes and containers of them, got a {type(value).__qualname__}; delete it there"
    raise ConversionError(problem, (where,))


def _part(value: Any) -> Json:
    number = float(value)
    return int(value) if math.isfinite(number) and number == int(value) else {"float": number.hex()}


def unpack(data: Json, found: list[bytes]) -> Any:
    """What `pack` was given."""
    if not isinstance(data, dict):
        return data
    ((word, inner),) = data.items()
    return _READERS[word](inner, found)


def _rational(data: Json, found: list[bytes]) -> Any:
    from PIL.TiffImagePlugin import IFDRational

    return IFDRational(*(unpack(each, found) for each in data))


def _itxt(data: Json, found: list[bytes]) -> Any:
    from PIL.PngImagePlugin import iTXt

    return iTXt(*data)


_READERS: Any = {
    "bytes": lambda data, found: found[data],
    "text": lambda data, found: bytes.fromhex(data).decode("utf-8", "surrogatepass"),
    "float": lambda data, found: float.fromhex(data),
    "list": lambda data, found: [unpack(each, found) for each in data],
    "tuple": lambda data, found: tuple(unpack(each, found) for each in data),
    "dict": lambda data, found: {unpack(key, found): unpack(value, found) for key, value in data},
    "rational": _rational,
    "itxt": _itxt,
}
