"""collections.deque: a JSON array, of which the first element is the greatest length."""

from __future__ import annotations

import operator
import typing
from collections import deque
from itertools import repeat
from typing import Any

from sematic.errors import ArtifactError
from sematic.types.artifact import Artifact, PartReader, PartWriter, element
from sematic.types.base import CompositeType, Json, Spec, ValueType, describe
from sematic.types.jsontext import dumps
from sematic.types.registry import Row, flows, from_spec, of, register
from sematic.types.sequences import Split, as_index, converted_elements
from sematic.types.summaries import summaries


class DequeType(CompositeType):
    """deque[T]."""

    python = deque

    def __init__(self, element: ValueType) -> None:
        super().__init__(["deque", element.spec], f"deque[{element.name}]")
        self.element = element

    def accepts(self, source: ValueType) -> bool:
        return isinstance(source, DequeType) and flows(source.element, self.element)

    def convert(self, value: Any) -> deque[Any]:
        items = self._checked(value)
        changed = converted_elements(repeat(self.element), items)
        if changed is None and type(value) is deque:
            return value
        return deque(items if changed is None else changed, _longest(value))

    def to_json(self, value: deque[Any], parts: PartWriter) -> str:
        return self._joined(_longest(value), [parts.element(self.element, item) for item in list(value)])

    def from_json(self, data: Json, parts: PartReader | None) -> deque[Any]:
        longest, items = self._recorded(data)
        return deque([element(self.element, item, parts) for item in items], longest)

    def summarise(self, value: deque[Any]) -> Json:
        return {"length": len(value), "elements": summaries(repeat(self.element), list(value))}

    def split(self, value: Any) -> Split:
        items = self._checked(value)
        return _longest(value), [(f"[{index}]", self.element, item) for index, item in enumerate(items)]

    def compose(self, shape: Json, children: list[Artifact], parts: PartWriter) -> str:
        return self._joined(shape, list(map(parts.adopt, children)))

    def select(self, data: Json, key: Any) -> tuple[ValueType, Json]:
        return self.element, self._recorded(data)[1][operator.index(key)]

    def item(self, key: Any) -> ValueType:
        if key is not None:
            as_index(self, key)
        return self.element

    def _checked(self, value: Any) -> list[Any]:
        if not issubclass(type(value), deque):
            raise self.refuse(value)
        try:  # in one go, where it can be: another thread may append to it
            return list(value if type(value) is deque else deque.__iter__(value))
        except RuntimeError as error:
            raise self.refuse(value, str(error)) from None

    def _joined(self, longest: int | None, texts: list[str]) -> str:
        return f"[{','.join([dumps(longest), *texts])}]"

    def _recorded(self, data: Json) -> tuple[int | None, list[Json]]:
        known = data.__class__ is list and data and (data[0] is None or (data[0].__class__ is int and data[0] >= 0))
        if not known or (data[0] is not None and len(data) - 1 > data[0]):
            raise ArtifactError(f"{describe(data)} is no recorded {self.name}")
        return data[0], data[1:]


def _longest(value: Any) -> int | None:
    return deque.maxlen.__get__(value)  # type: ignore[no-any-return]


def _match(annotation: Any) -> ValueType | None:
    arguments = typing.get_args(annotation)
    return DequeType(of(arguments[0])) if typing.get_origin(annotation) is deque and arguments else None


def _load(spec: Spec) -> ValueType:
    return DequeType(from_spec(spec[1]))


register(
    _match,
    {"deque": _load},
    (Row("deque[T]", "a deque, with its maxlen; each element converted", "json", "length, first elements"),),
)
