"""dict: a JSON array of pairs, in the order of insertion, which is part of a dict's value.

Keys are never split off, so that an element is found without opening anything else.
"""

from __future__ import annotations

import json
import typing
from itertools import chain, cycle
from typing import Any

from sematic.errors import ArtifactError, ConversionError, GraphError
from sematic.types.artifact import Artifact, MemoryStore, PartReader, PartWriter, element
from sematic.types.base import BinaryType, CompositeType, Json, JsonType, Spec, ValueType, describe, look
from sematic.types.registry import Row, flows, from_spec, of, register
from sematic.types.scalars import STR
from sematic.types.sequences import Split
from sematic.types.summaries import ELEMENTS, summaries


class DictType(CompositeType):
    """dict[K, V]."""

    python: type[dict[Any, Any]] = dict

    def __init__(self, key: ValueType, value: ValueType) -> None:
        word = self.python.__name__
        super().__init__([word, key.spec, value.spec], f"{word}[{key.name}, {value.name}]")
        self.key = key
        self.value = value

    def accepts(self, source: ValueType) -> bool:
        fields: Any = getattr(source, "fields", None)
        if fields is not None and self.spec[0] == "dict" and source.spec[0] == "typeddict":
            return flows(STR, self.key) and all(flows(kind, self.value) for kind in fields.values())
        if not isinstance(source, DictType) or not issubclass(source.python, self.python):
            return False
        return flows(source.key, self.key) and flows(source.value, self.value)

    def convert(self, value: Any) -> Any:
        plain = self._checked(value)
        items = list(plain.items())
        pairs = [(self._key(key), self._value(key, item)) for key, item in items]
        if all(new[0] is old[0] and new[1] is old[1] for new, old in zip(pairs, items, strict=True)):
            return plain
        result = dict(pairs)
        if len(result) != len(pairs):
            raise self.refuse(value, f"keys that differ are the same as {self.key.name}")
        return self._made(result, plain)

    def to_json(self, value: dict[Any, Any], parts: PartWriter) -> str:
        keys = KeyWriter(parts.store)
        items = list(value.items())  # in one go: another thread may add to it
        return (
            f"[{','.join(f'[{keys.element(self.key, key)},{parts.element(self.value, item)}]' for key, item in items)}]"
        )

    def from_json(self, data: Json, parts: PartReader | None) -> Any:
        result = {self._read_key(key): element(self.value, item, parts) for key, item in self._pairs(data)}
        if len(result) != len(data):
            raise ArtifactError(f"a recorded {self.name} holds a key twice")
        return self._made(result)

    def summarise(self, value: dict[Any, Any]) -> Json:
        seen = summaries(cycle((self.key, self.value)), chain.from_iterable(value.items()), 2 * ELEMENTS)
        return {"length": len(value), "items": [list(pair) for pair in zip(seen[::2], seen[1::2], strict=False)]}

    def split(self, value: Any) -> Split:
        value = self._checked(value)
        keys = KeyWriter(MemoryStore())
        shape = [json.loads(keys.element(self.key, self._key(key))) for key in value]
        return shape, [(f"[{look(key)}]", self.value, item) for key, item in value.items()]

    def compose(self, shape: Json, children: list[Artifact], parts: PartWriter) -> str:
        keys = KeyWriter(parts.store)
        texts = [keys.element(self.key, self._read_key(key)) for key in shape]
        return f"[{','.join(f'[{key},{parts.adopt(child)}]' for key, child in zip(texts, children, strict=True))}]"

    def compose_summary(self, shape: Json, summaries: list[Json], length: int) -> Json:
        keys = [self.key.summarise(self._read_key(key)) for key in shape[: len(summaries)]]
        return {"length": length, "items": [list(pair) for pair in zip(keys, summaries, strict=True)]}

    def select(self, data: Json, key: Any) -> tuple[ValueType, Json]:
        try:
            wanted = self.key.convert(key)
        except ConversionError:
            raise KeyError(key) from None
        for text, item in self._pairs(data):
            if self._read_key(text) == wanted:
                return self.value, item
        raise KeyError(key)

    def item(self, key: Any) -> ValueType:
        try:
            if key is not None or flows(of(None), self.key):
                self.key.convert(key)
        except ConversionError as error:
            raise GraphError(f"a {self.name} future has no such key: {error}") from None
        return self.value

    def _checked(self, value: Any) -> dict[Any, Any]:
        if not issubclass(type(value), self.python):
            raise self.refuse(value)
        try:
            return value if type(value) is self.python else self._made(dict(value), value)
        except Exception as error:  # a user's class may raise anything
            raise self.refuse(value, f"it raised {type(error).__name__}: {error}") from error

    def _made(self, pairs: dict[Any, Any], like: Any = None) -> Any:
        """A value of the class itself, with what else than its pairs `like` has."""
        return pairs if self.python is dict else self.python(pairs)

    def _key(self, key: Any) -> Any:
        try:
            return self.key.convert(key)
        except ConversionError as error:
            raise error.within(f"[key {look(key)}]") from None

    def _value(self, key: Any, value: Any) -> Any:
        try:
            return self.value.convert(value)
        except ConversionError as error:
            raise error.within(f"[{look(key)}]") from None

    def _read_key(self, data: Json) -> Any:
        return _KEYS.element(self.key, data)

    def _pairs(self, data: Json) -> list[list[Json]]:
        if data.__class__ is list and all(pair.__class__ is list and len(pair) == 2 for pair in data):
            return list(data)
        raise ArtifactError(f"{describe(data)} is no recorded {self.name}")


class KeyWriter(PartWriter):
    """Writes keys: all in place, binary ones as text of one character a byte."""

    __slots__ = ()

    def element(self, type: ValueType, value: Any) -> str:
        if isinstance(type, BinaryType):
            return json.dumps(b"".join(type.to_chunks(value)).decode("latin-1"))
        assert isinstance(type, JsonType)
        return type.to_json(value, self)


class KeyReader(PartReader):
    """Reads what KeyWriter wrote."""

    __slots__ = ()

    def __init__(self) -> None:
        """There is no artifact to open: keys have no parts."""

    def element(self, type: ValueType, data: Json) -> Any:
        if isinstance(type, BinaryType):
            return type.from_buffer(data.encode("latin-1"))
        assert isinstance(type, JsonType)
        return type.from_json(data, self)


_KEYS = KeyReader()


def _match(annotation: Any) -> ValueType | None:
    arguments = typing.get_args(annotation)
    return DictType(*map(of, arguments)) if typing.get_origin(annotation) is dict and arguments else None


def _load(spec: Spec) -> ValueType:
    return DictType(from_spec(spec[1]), from_spec(spec[2]))


register(
    _match,
    {"dict": _load},
    (Row("dict[K, V]", "a dict, in its order; keys and values converted", "json", "length, first items"),),
)
