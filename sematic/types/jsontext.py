"""Canonical JSON text, and the placeholders in it that stand for parts."""

from __future__ import annotations

import json
import json.encoder
from collections.abc import Iterator
from typing import Any

from sematic.types.base import Json

_ENCODER = json.JSONEncoder(ensure_ascii=True, allow_nan=False, check_circular=False, separators=(",", ":"))
_MAKE: Any = getattr(json.encoder, "c_make_encoder", None)
_QUOTE = json.encoder.encode_basestring_ascii
_QUICK: Any = _MAKE and _MAKE(None, _ENCODER.default, _QUOTE, None, ":", ",", False, False, False)


def dumps(data: Json) -> str:
    """Canonical JSON. JSONEncoder makes the C encoder anew for every call; here it is made once."""
    return "".join(_QUICK(data, 0)) if _QUICK else _ENCODER.encode(data)


def _refuse_constant(text: str) -> None:
    raise ValueError(f"{text} is not JSON")


_DECODER = json.JSONDecoder(parse_constant=_refuse_constant)


def loads(text: str) -> Json:
    """Parsed JSON; raises ValueError for what is none, NaN and infinities included."""
    return _DECODER.decode(text)


def is_placeholder(data: Json) -> bool:
    return data.__class__ is dict and "$" in data


def placeholders(data: Json) -> Iterator[str]:
    """The ids of all placeholders in parsed text, in order of appearance."""
    stack = [data]
    while stack:
        item = stack.pop()
        if is_placeholder(item):
            yield item["$"]
        elif item.__class__ is list:
            stack.extend(reversed(item))
        elif item.__class__ is dict:
            stack.extend(reversed(item.values()))
