"""type[X]: a class as a value, by the path by which another process imports it."""

from __future__ import annotations

import types
import typing
from typing import Any

from sematic.errors import ArtifactError, DefinitionError
from sematic.types.artifact import PartReader, PartWriter
from sematic.types.base import Json, JsonType, Spec, ValueType, describe
from sematic.types.registry import Row, import_class, path_of, register
from sematic.types.scalars import quote


class ClassType(JsonType):
    """type[X], and type[X | Y]: one of these classes, or one below."""

    scalar = True
    python = type

    def __init__(self, bases: tuple[type, ...]) -> None:
        paths = sorted(map(path_of, bases))
        names = " | ".join(sorted(base.__qualname__ for base in bases))
        super().__init__(["type", *paths], f"type[{names}]")
        self.bases = bases

    def accepts(self, source: ValueType) -> bool:
        return isinstance(source, ClassType) and all(issubclass(base, self.bases) for base in source.bases)

    def convert(self, value: Any) -> Any:
        if not issubclass(type(value), type) or typing.get_origin(value) is not None or not self._is_below(value):
            raise self.refuse(value)
        try:
            path_of(value)
        except DefinitionError as error:
            raise self.refuse(value, str(error)) from None
        return value

    def to_json(self, value: type, parts: PartWriter) -> str:
        return quote(path_of(value))

    def from_json(self, data: Json, parts: PartReader | None) -> Any:
        if data.__class__ is not str:
            raise ArtifactError(f"{describe(data)} is no recorded {self.name}")
        found = import_class(data)
        if not isinstance(found, type) or not self._is_below(found):
            raise ArtifactError(f"{data} was recorded as {self.name}, but is none")
        return found

    def summarise(self, value: type) -> Json:
        return {"repr": path_of(value)}

    def _is_below(self, value: type) -> bool:
        try:
            return issubclass(value, self.bases)
        except Exception:  # a metaclass may raise anything; so does a protocol with attributes
            return False


def _bases(argument: Any) -> tuple[type, ...]:
    """The classes that X of type[X] allows."""
    if argument is Any:
        return (object,)
    if typing.get_origin(argument) in (typing.Union, types.UnionType):
        return tuple(base for each in typing.get_args(argument) for base in _bases(each))
    found = argument.python if isinstance(argument, ValueType) else argument
    if not isinstance(found, type) or typing.get_origin(found) is not None:
        raise DefinitionError(f"type[{argument!r}] is not supported: write type[…] of a class without parameters")
    return (found,)


def _match(annotation: Any) -> ValueType | None:
    if annotation is type or annotation is typing.Type:  # noqa: UP006
        return ClassType((object,))
    if typing.get_origin(annotation) is not type:
        return None
    return ClassType(_bases(*typing.get_args(annotation)))


def _load(spec: Spec) -> ValueType:
    return ClassType(tuple(map(import_class, spec[1:])))


register(
    _match, {"type": _load}, (Row("type[X]", "X or a class below it that another process can import", "json", "path"),)
)
