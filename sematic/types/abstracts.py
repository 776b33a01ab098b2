"""Abstract classes and protocols: a value is kept as what its own class is, with the type of that beside it."""

from __future__ import annotations

import inspect
import typing
from abc import ABC, ABCMeta
from functools import cached_property
from typing import Any

from sematic.errors import ArtifactError, ConversionError, DefinitionError
from sematic.types import hints
from sematic.types.artifact import Artifact, PartReader, PartWriter, compose, element
from sematic.types.base import CompositeType, Json, ValueType, describe
from sematic.types.jsontext import dumps
from sematic.types.refusals import refusal
from sematic.types.registry import ABSTRACT, Row, from_spec, load_class, of, path_of, register
from sematic.types.sequences import Split


class AbstractType(CompositeType):
    """One abstract class or protocol: ``[spec of the value's own type, element]``."""

    def __init__(self, cls: Any) -> None:
        super().__init__(["abstract", path_of(cls)], cls.__qualname__)
        self.cls = cls

    @cached_property
    def attributes(self) -> dict[str, ValueType]:
        """The attributes that a protocol declares, and their types. One of a type that cannot be stored need only be
        there: a method of the value's class may be declared like that."""
        return dict(_attributes(self.cls)) if _is_protocol(self.cls) else {}

    def accepts(self, source: ValueType) -> bool:
        kind = getattr(source, "cls", source.python)
        try:
            return kind is not None and issubclass(kind, self.cls)
        except TypeError:  # a protocol with attributes, which only a value has
            return True

    def convert(self, value: Any) -> Any:
        self._check(value)
        for name, kind in self.attributes.items():
            try:
                kind.convert(getattr(value, name))
            except ConversionError as error:
                raise error.within(f".{name}") from None
            except Exception as error:  # a property may raise anything
                raise self.refuse(value, f"reading .{name} raised {type(error).__name__}: {error}") from error
        return self._own(value).convert(value)

    def to_json(self, value: Any, parts: PartWriter) -> str:
        kind = self._own(value)
        return f"[{dumps(kind.spec)},{parts.element(kind, value)}]"

    def from_json(self, data: Json, parts: PartReader | None) -> Any:
        if data.__class__ is not list or len(data) != 2:
            raise ArtifactError(f"{describe(data)} is no recorded {self.name}")
        value = element(from_spec(data[0]), data[1], parts)
        if not isinstance(value, self.cls):
            raise ArtifactError(f"{describe(value)} was recorded as {self.name}, but is none")
        return value

    def summarise(self, value: Any) -> Json:
        return self._own(value).summarise(value)

    def split(self, value: Any) -> Split:
        self._check(value)
        kind = self._own(value)
        if not isinstance(kind, CompositeType):
            raise self.refuse(value)
        shape, elements = kind.split(value)
        return [kind.spec, shape], elements

    def compose(self, shape: Json, children: list[Artifact], parts: PartWriter) -> str:
        kind = from_spec(shape[0])
        assert isinstance(kind, CompositeType)
        return f"[{dumps(kind.spec)},{parts.adopt(compose(kind, shape[1], children, parts.store))}]"

    def compose_summary(self, shape: Json, summaries: list[Json], length: int) -> Json:
        kind = from_spec(shape[0])
        assert isinstance(kind, CompositeType)
        return kind.compose_summary(shape[1], summaries, length)

    def select(self, data: Json, key: Any) -> tuple[ValueType, Json]:
        raise TypeError(f"no part of a {self.name} is taken before it is known which class it is of")

    def _check(self, value: Any) -> None:
        try:
            fits = isinstance(value, self.cls)
        except Exception as error:  # a metaclass or a property may raise anything
            raise self.refuse(value, f"checking it raised {type(error).__name__}: {error}") from error
        if not fits:
            raise self.refuse(value)

    def _own(self, value: Any) -> Any:
        """The type of the value's own class; pickled where that has none."""
        try:
            found = of(type(value))
        except (DefinitionError, NameError):
            return of(object)
        return of(object) if isinstance(found, AbstractType) else found


def _is_protocol(cls: Any) -> bool:
    return bool(getattr(cls, "_is_protocol", False))


def _attributes(cls: Any) -> list[tuple[str, ValueType]]:
    found = []
    for name, hint in hints.of_class(cls, {}).items():
        try:
            found.append((name, of(hint)))
        except DefinitionError:
            continue
    return found


def _match(annotation: Any) -> ValueType | None:
    if not isinstance(annotation, ABCMeta) or typing.get_origin(annotation) is not None or refusal(annotation):
        return None
    abstract = _is_protocol(annotation) or inspect.isabstract(annotation) or ABC in annotation.__bases__
    return AbstractType(annotation) if abstract else None


register(
    _match,
    {"abstract": load_class},
    (
        Row(
            "an abstract class, a runtime-checkable protocol",
            "an instance, kept as what its own class is; a protocol's attributes are checked",
            "json",
            "that of the value",
        ),
    ),
    rank=ABSTRACT,
)
