"""set and frozenset: JSON arrays, sorted by the text of their elements."""

from __future__ import annotations

import typing
from itertools import repeat
from typing import Any

from sematic.errors import ArtifactError, ConversionError
from sematic.types.artifact import PartReader, PartWriter, element
from sematic.types.base import Json, JsonType, Spec, ValueType, describe, look
from sematic.types.registry import Row, flows, from_spec, of, register
from sematic.types.summaries import summaries


class SetType(JsonType):
    """set[T] and frozenset[T]."""

    python: type[set[Any]] | type[frozenset[Any]]

    def __init__(self, python: type[set[Any]] | type[frozenset[Any]], element: ValueType) -> None:
        super().__init__([python.__name__, element.spec], f"{python.__name__}[{element.name}]")
        self.python = python
        self.element = element

    def accepts(self, source: ValueType) -> bool:
        return isinstance(source, SetType) and source.python is self.python and flows(source.element, self.element)

    def convert(self, value: Any) -> Any:
        if not issubclass(type(value), self.python):
            raise self.refuse(value)
        if type(value) is not self.python:
            value = self.python(value)
        if self.element.exact and set(map(type, value)) <= {self.element.python}:
            return value
        return self._rebuilt(value)

    def _rebuilt(self, value: Any) -> Any:
        items = list(value)  # in one go: another thread may add to it
        elements = [self._converted(item) for item in items]
        if all(new is old for new, old in zip(elements, items, strict=True)):
            return value
        result = self.python(elements)
        if len(result) != len(elements):
            raise self.refuse(value, f"elements that differ are the same as {self.element.name}")
        return result

    def _converted(self, item: Any) -> Any:
        try:
            return self.element.convert(item)
        except ConversionError as error:
            raise error.within(f"[{look(item)}]") from None

    def to_json(self, value: Any, parts: PartWriter) -> str:
        if self.element.bounded:
            return f"[{','.join(sorted(parts.element(self.element, item) for item in list(value)))}]"
        texts = []
        for text, inner in sorted((self._alone(item, parts) for item in list(value)), key=lambda pair: pair[0]):
            texts.append(text)
            parts.inline.update(inner.inline)  # in the order of the texts: parts go by their first appearance
            parts.children.update(inner.children)
        return f"[{','.join(texts)}]"

    def _alone(self, item: Any, parts: PartWriter) -> tuple[str, PartWriter]:
        inner = type(parts)(parts.store)
        return inner.element(self.element, item), inner

    def from_json(self, data: Json, parts: PartReader | None) -> Any:
        if data.__class__ is not list:
            raise ArtifactError(f"{describe(data)} is no recorded {self.name}")
        result = self.python([element(self.element, item, parts) for item in data])
        if len(result) != len(data):
            raise ArtifactError(f"a recorded {self.name} holds an element twice")
        return result

    def summarise(self, value: Any) -> Json:
        return {"length": len(value), "elements": summaries(repeat(self.element), value)}


def _match(annotation: Any) -> ValueType | None:
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    return SetType(origin, of(arguments[0])) if origin in (set, frozenset) and arguments else None


def _load(spec: Spec) -> ValueType:
    return SetType(set if spec[0] == "set" else frozenset, from_spec(spec[1]))


register(
    _match,
    {"set": _load, "frozenset": _load},
    (Row("set[T], frozenset[T]", "an instance; each element converted", "json", "length, some elements"),),
)
