"""Dataclasses and NamedTuples: a JSON object of their declared fields.

An instance of a subclass stays one: its class goes into the text, as ``$class``. Attributes that are no fields are not
kept. A value is rebuilt from its fields without running `__init__` or `__post_init__`: they ran when it was made, and
running them on their own results could change them (a field that is scaled, a counter, a timestamp).
"""

from __future__ import annotations

import dataclasses
import typing
from functools import cached_property
from typing import Any

from sematic.errors import ArtifactError, ConversionError, DefinitionError, GraphError
from sematic.types.artifact import Artifact, PartReader, PartWriter, element
from sematic.types.base import CompositeType, Json, ValueType, describe
from sematic.types.registry import announce, import_class, load_class, of, path_of, register
from sematic.types.scalars import quote
from sematic.types.sequences import Split, as_index
from sematic.types.summaries import FIELDS, summaries

_HEAP_TYPE = 1 << 9


class StructType(CompositeType):
    """A dataclass."""

    word = "dataclass"
    python: type

    def __init__(self, cls: type) -> None:
        self.path = path_of(cls)
        super().__init__([self.word, self.path], cls.__qualname__)
        self.python = cls
        self._names = self._declared()

    @cached_property
    def fields(self) -> dict[str, ValueType]:
        """The type of each field. Looked up late, for a class may refer to itself."""
        hints = typing.get_type_hints(self.python, include_extras=True)
        return {name: self._field_type(name, hints[name]) for name in self._names}

    @cached_property
    def _layout(self) -> list[tuple[str, str, ValueType]]:
        """Each field with the text that goes in front of it."""
        texts = [quote(name) for name in self.fields]
        return [
            (f"{'{' if index == 0 else ','}{text}:", name, kind)
            for index, (text, (name, kind)) in enumerate(zip(texts, self.fields.items(), strict=True))
        ]

    def accepts(self, source: ValueType) -> bool:
        return isinstance(source, StructType) and issubclass(source.python, self.python)

    def convert(self, value: Any) -> Any:
        if type(value) is not self.python:
            if not issubclass(type(value), self.python):
                raise self.refuse(value)
            return self._kind(type(value)).convert_own(value)
        return self.convert_own(value)

    def convert_own(self, value: Any) -> Any:
        """Convert the fields of an instance of exactly this class."""
        changed = {}
        for name, kind in self.fields.items():
            old = self._get(value, name)
            try:
                new = kind.convert(old)
            except ConversionError as error:
                raise error.within(f".{name}") from None
            if new is not old:
                changed[name] = new
        if not changed:
            return value
        return self._make({name: changed[name] if name in changed else self._get(value, name) for name in self.fields})

    def to_json(self, value: Any, parts: PartWriter) -> str:
        if type(value) is self.python:
            return self._write(value, parts)
        kind = self._kind(type(value))
        return self._with_class(kind, kind._write(value, parts))

    def from_json(self, data: Json, parts: PartReader | None) -> Any:
        kind = self._recorded(data)
        values = {}
        for name, type in kind.fields.items():
            values[name] = element(type, data[name], parts) if name in data else kind._default(name)
        return kind._make(values)

    def summarise(self, value: Any) -> Json:
        kind = self._kind(type(value))
        seen = summaries(kind.fields.values(), [getattr(value, name) for name in kind.fields], FIELDS)
        return {"class": kind.path, "fields": dict(zip(kind.fields, seen, strict=False))}

    def split(self, value: Any) -> Split:
        if not issubclass(type(value), self.python):
            raise self.refuse(value)
        kind = self._kind(type(value))
        shape = None if kind is self else kind.path
        return shape, [(f".{name}", field, self._get(value, name)) for name, field in kind.fields.items()]

    def compose(self, shape: Json, children: list[Artifact], parts: PartWriter) -> str:
        kind = self if shape is None else self._subclass(shape)
        texts = [prefix + parts.adopt(child) for (prefix, _, _), child in zip(kind._layout, children, strict=True)]
        text = "".join([*texts, "}"]) if texts else "{}"
        return text if shape is None else self._with_class(kind, text)

    def compose_summary(self, shape: Json, summaries: list[Json], length: int) -> Json:
        kind = self if shape is None else self._subclass(shape)
        return {"class": kind.path, "fields": dict(zip(kind.fields, summaries, strict=False))}

    def select(self, data: Json, key: Any) -> tuple[ValueType, Json]:
        kind = self._recorded(data)
        if key not in kind.fields:
            raise KeyError(key)
        if key not in data:
            raise ArtifactError(f"a recorded {kind.name} has no field {key!r}")
        return kind.fields[key], data[key]

    def field(self, name: str) -> ValueType:
        found = self.fields.get(name)
        if found is None:
            known = ", ".join(self.fields) or "none"
            raise AttributeError(f"{self.name} has no field {name!r}; it declares {known}", name=name)
        return found

    def _declared(self) -> dict[str, dataclasses.Field[Any]]:
        return {field.name: field for field in dataclasses.fields(self.python)}

    def _make(self, values: dict[str, Any]) -> Any:
        made: Any = object.__new__(self.python)
        for name, value in values.items():
            object.__setattr__(made, name, value)  # a frozen class's own __setattr__ refuses
        return made

    def _default(self, name: str) -> Any:
        field = self._names[name]
        if field.default is not dataclasses.MISSING:
            return field.default
        if field.default_factory is not dataclasses.MISSING:
            return field.default_factory()
        raise ArtifactError(f"a recorded {self.name} has no field {name!r}, which has no default")

    def _field_type(self, name: str, annotation: Any) -> ValueType:
        try:
            return of(annotation)
        except DefinitionError as error:
            raise DefinitionError(f"{self.name}.{name}: {error}") from None

    def _get(self, value: Any, name: str) -> Any:
        try:
            return getattr(value, name)
        except Exception as error:  # a user's property may raise anything
            problem = self.refuse(value, f"reading it raised {type(error).__name__}: {error}")
            raise problem.within(f".{name}") from error

    def _kind(self, cls: type) -> StructType:
        """The type of an instance's own class, which is this class or below it."""
        if cls is self.python:
            return self
        try:
            found = of(cls)
        except (DefinitionError, NameError) as error:
            raise ConversionError(f"expected {self.name}, got its subclass {cls.__qualname__} ({error})") from error
        if not isinstance(found, StructType):
            raise ConversionError(f"expected {self.name}, got its subclass {cls.__qualname__}, which is no {self.word}")
        return found

    def _write(self, value: Any, parts: PartWriter) -> str:
        texts = []
        for prefix, name, kind in self._layout:
            texts.append(prefix)
            item = getattr(value, name)
            # what element() does with a bounded type; said twice, for records of numbers are the most common values
            texts.append(kind.to_json(item, parts) if kind.bounded else parts.element(kind, item))  # type: ignore[attr-defined]
        return "".join([*texts, "}"]) if texts else "{}"

    def _with_class(self, kind: StructType, text: str) -> str:
        return f'{{"$class":{quote(kind.path)}{"," if kind.fields else ""}{text[1:]}'

    def _recorded(self, data: Json) -> StructType:
        """The type whose fields `data` holds."""
        if data.__class__ is not dict:
            raise ArtifactError(f"{describe(data)} is no recorded {self.name}")
        kind = self if "$class" not in data else self._subclass(data["$class"])
        unknown = data.keys() - kind.fields.keys() - {"$class"}
        if unknown:
            raise ArtifactError(f"a recorded {self.name} has a field {min(unknown)!r}, which it declares no longer")
        return kind

    def _subclass(self, path: Json) -> StructType:
        cls = import_class(path)
        if not isinstance(cls, type) or not issubclass(cls, self.python):
            raise ArtifactError(f"{path} is recorded as a subclass of {self.name}, but is none")
        return self._kind(cls)


class NamedTupleType(StructType):
    """A typing.NamedTuple."""

    word = "namedtuple"

    def select(self, data: Json, key: Any) -> tuple[ValueType, Json]:
        if isinstance(key, str):
            return super().select(data, key)
        return super().select(data, list(self._recorded(data).fields)[as_index(self, key)])

    def item(self, key: Any) -> ValueType:
        kinds = list(self.fields.values())
        if key is None:
            if len(set(kinds)) != 1:
                raise GraphError(f"a {self.name} future can only be indexed by a constant: its fields differ in type")
            return kinds[0]
        try:
            return kinds[as_index(self, key)]
        except IndexError:
            raise GraphError(f"a {self.name} future has no element {key}") from None

    def _declared(self) -> dict[str, Any]:
        return dict.fromkeys(self.python._fields)  # type: ignore[attr-defined]

    def _make(self, values: dict[str, Any]) -> Any:
        return tuple.__new__(self.python, values.values())

    def _default(self, name: str) -> Any:
        defaults = self.python._field_defaults  # type: ignore[attr-defined]
        if name not in defaults:
            raise ArtifactError(f"a recorded {self.name} has no field {name!r}, which has no default")
        return defaults[name]


def _match(annotation: Any) -> ValueType | None:
    if not isinstance(annotation, type) or typing.get_origin(annotation) is not None:
        return None
    if dataclasses.is_dataclass(annotation) and not _extends_builtin(annotation):
        return _prepared(StructType(annotation))
    if issubclass(annotation, tuple) and hasattr(annotation, "_field_defaults"):
        if typing.get_type_hints(annotation).keys() >= set(getattr(annotation, "_fields", ())):
            return _prepared(NamedTupleType(annotation))
        name = annotation.__qualname__
        raise DefinitionError(f"{name} is not supported: its fields have no types; write a typing.NamedTuple")
    return None


def _extends_builtin(cls: type) -> bool:
    """An exception or a dict that is a dataclass too holds more than its fields."""
    return any(not base.__flags__ & _HEAP_TYPE for base in cls.__mro__ if base is not object)


def _prepared(made: StructType) -> StructType:
    """Look at the fields now, so that one that cannot be supported is said when a function is decorated."""
    announce(made.python, made)
    assert made.fields is not None
    return made


register(_match, {"dataclass": load_class, "namedtuple": load_class})
