"""Literal: the number of the value among the declared ones.

As with unions, Python takes two orders of the same values for one type, so there is one order here.
"""

from __future__ import annotations

import enum
import json
import typing
from typing import Any

from sematic.errors import ArtifactError
from sematic.types.artifact import MemoryStore, PartReader, PartWriter
from sematic.types.base import Json, JsonType, Spec, ValueType, describe
from sematic.types.dicts import KeyReader, KeyWriter
from sematic.types.jsontext import dumps
from sematic.types.registry import Row, from_spec, of, register


class LiteralType(JsonType):
    """Literal['a', 1, None]."""

    scalar = True
    bounded = True

    def __init__(self, values: list[Any]) -> None:
        self.values = sorted(values, key=lambda value: dumps(_spec_of(value)))
        super().__init__(["literal", *map(_spec_of, self.values)], f"Literal[{', '.join(map(_shown, self.values))}]")
        kinds = set(map(type, self.values))
        self.python = kinds.pop() if len(kinds) == 1 else None
        self._places = {_key(value): index for index, value in enumerate(self.values)}

    def accepts(self, source: ValueType) -> bool:
        return isinstance(source, LiteralType) and source._places.keys() <= self._places.keys()

    def convert(self, value: Any) -> Any:
        try:
            return self.values[self._places[_key(value)]]
        except (KeyError, TypeError):
            raise self.refuse(value) from None

    def to_json(self, value: Any, parts: PartWriter) -> str:
        return str(self._places[_key(value)])

    def from_json(self, data: Json, parts: PartReader | None) -> Any:
        if data.__class__ is int and 0 <= data < len(self.values):
            return self.values[data]
        raise ArtifactError(f"{describe(data)} is no recorded {self.name}")

    def summarise(self, value: Any) -> Json:
        return of(type(value)).summarise(value)


def _key(value: Any) -> tuple[type, Any]:
    """1, True and 1.0 are equal, but only one of them is declared."""
    return type(value), value


def _shown(value: Any) -> str:
    return str(value) if isinstance(value, enum.Enum) else repr(value)


def _spec_of(value: Any) -> Spec:
    kind = of(type(value))
    return [kind.spec, json.loads(_WRITER.element(kind, value))]


def _value_of(spec: Spec) -> Any:
    return _READER.element(from_spec(spec[0]), spec[1])


_WRITER = KeyWriter(MemoryStore())
_READER = KeyReader()


def _match(annotation: Any) -> ValueType | None:
    values = typing.get_args(annotation)
    return LiteralType(list(values)) if typing.get_origin(annotation) is typing.Literal and values else None


def _load(spec: Spec) -> ValueType:
    return LiteralType(list(map(_value_of, spec[1:])))


register(
    _match,
    {"literal": _load},
    (Row('Literal["a", 1]', "one of the values, and of its class", "json", "the value"),),
)
