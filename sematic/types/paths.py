"""pathlib paths, as text."""

from __future__ import annotations

import pathlib
from typing import Any

from sematic.types.artifact import PartReader, PartWriter
from sematic.types.base import Json, JsonType, Spec, ValueType
from sematic.types.registry import Row, register
from sematic.types.scalars import STR, read_text, write_text


class PathType(JsonType):
    """pathlib.Path and its relatives. The file itself is not stored."""

    scalar = True
    exact = True
    python: type

    def __init__(self, declared: type[pathlib.PurePath]) -> None:
        super().__init__(["path", declared.__name__], declared.__name__)
        self.declared = declared
        self.python = type(declared("."))

    def accepts(self, source: ValueType) -> bool:
        return isinstance(source, PathType) and issubclass(source.declared, self.declared)

    def convert(self, value: Any) -> Any:
        if type(value) is self.python:
            return value
        if not issubclass(type(value), self.python):
            raise self.refuse(value)
        return self.declared(value)

    def to_json(self, value: pathlib.PurePath, parts: PartWriter) -> str:
        return write_text(str(value))

    def from_json(self, data: Json, parts: PartReader | None) -> Any:
        return self.declared(read_text(data))

    def summarise(self, value: pathlib.PurePath) -> Json:
        return STR.summarise(str(value))


_NATIVE = type(pathlib.Path())
_DECLARED = (pathlib.Path, _NATIVE, pathlib.PurePath, pathlib.PurePosixPath, pathlib.PureWindowsPath)
_TYPES: dict[Any, PathType] = {declared: PathType(declared) for declared in _DECLARED}
_NAMES = {kind.name: kind for kind in _TYPES.values()}


def _match(annotation: Any) -> ValueType | None:
    return _TYPES.get(annotation) if isinstance(annotation, type) else None


_ROW = Row("the classes of pathlib", "a path; the file itself is not stored", "json", "the text")


def _load(spec: Spec) -> ValueType:
    return _NAMES[spec[1]]


register(
    _match,
    {"path": _load},
    (_ROW,),
)
