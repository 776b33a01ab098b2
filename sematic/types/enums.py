"""Enums, by the name of their member; flags, by their number."""

from __future__ import annotations

import enum
from typing import Any

from sematic.errors import ArtifactError
from sematic.types.artifact import PartReader, PartWriter
from sematic.types.base import Json, JsonType, ValueType, describe
from sematic.types.registry import Row, load_class, path_of, register
from sematic.types.scalars import INT, quote


class EnumType(JsonType):
    """One Enum class."""

    scalar = True
    bounded = True
    exact = True
    python: type[enum.Enum]

    def __init__(self, cls: type[enum.Enum]) -> None:
        super().__init__(["enum", path_of(cls)], cls.__qualname__)
        self.python = cls

    def accepts(self, source: ValueType) -> bool:
        return False

    def convert(self, value: Any) -> Any:
        if issubclass(type(value), self.python):
            return value
        raise self.refuse(value)

    def to_json(self, value: Any, parts: PartWriter) -> str:
        return quote(value.name)

    def from_json(self, data: Json, parts: PartReader | None) -> Any:
        members = self.python.__members__
        if data.__class__ is not str or data not in members:
            raise ArtifactError(f"{describe(data)} is no member of {self.name}, which has {', '.join(members)}")
        return members[data]

    def summarise(self, value: Any) -> Json:
        return value.name


class FlagType(EnumType):
    """One Flag class: its values may be combinations, which have no name of their own."""

    def to_json(self, value: Any, parts: PartWriter) -> str:
        return INT.to_json(value.value, parts)

    def from_json(self, data: Json, parts: PartReader | None) -> Any:
        number = INT.from_json(data, parts)
        try:
            found = self.python(number)
        except ValueError as error:
            raise ArtifactError(f"{describe(data)} is no value of {self.name}: {error}") from error
        if found.value != number:  # Python 3.11.2 drops what a flag does not have
            raise ArtifactError(f"{describe(data)} is no value of {self.name}")
        return found

    def summarise(self, value: Any) -> Json:
        return str(value)


def _match(annotation: Any) -> ValueType | None:
    if not isinstance(annotation, type) or not issubclass(annotation, enum.Enum):
        return None
    return FlagType(annotation) if issubclass(annotation, enum.Flag) else EnumType(annotation)


register(_match, {"enum": load_class}, (Row("an Enum or Flag class", "a member of it", "json", "its name"),))
