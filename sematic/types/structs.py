"""Classes with declared fields: a JSON object of these. Dataclasses and NamedTuples here, attrs and pydantic beside it.

An instance of a subclass stays one: its class goes into the text, as ``$class``. Attributes that are no fields are not
kept. A value is rebuilt from its fields without running `__init__` or `__post_init__`: they ran when it was made, and
running them on their own results could change them (a field that is scaled, a counter, a timestamp).
"""

from __future__ import annotations

import dataclasses
import typing
from collections.abc import Callable, Iterable, Mapping
from functools import cached_property
from typing import Any, NamedTuple

from sematic.errors import ArtifactError, ConversionError, DefinitionError, GraphError
from sematic.types import hints
from sematic.types.artifact import Artifact, PartReader, PartWriter, element
from sematic.types.base import CompositeType, Json, ValueType, describe
from sematic.types.registry import Row, announce, flows, import_class, load_class, of, path_of, register
from sematic.types.scalars import quote
from sematic.types.sequences import Split, as_index
from sematic.types.summaries import FIELDS, summaries

_HEAP_TYPE = 1 << 9


class Record(NamedTuple):
    """How the classes of one kind are taken apart and put together."""

    word: str
    names: Callable[[Any], Iterable[str]]
    hints: Callable[[Any, Mapping[Any, Any]], Mapping[str, Any]]
    make: Callable[[Any, dict[str, Any]], Any]
    default: Callable[[Any, str], Any]
    """The value of a field that a recorded value lacks; raises LookupError when there is none."""


class StructType(CompositeType):
    """A class whose values are what is in their declared fields."""

    python: type

    def __init__(self, record: Record, cls: type, arguments: tuple[ValueType, ...]) -> None:
        self.path = path_of(cls)
        given = f"[{', '.join(argument.name for argument in arguments)}]" if arguments else ""
        super().__init__([record.word, self.path, *(argument.spec for argument in arguments)], cls.__qualname__ + given)
        self.python = cls
        self.arguments = arguments
        self._record = record
        self._kinds: dict[type, StructType] = {}

    @cached_property
    def fields(self) -> dict[str, ValueType]:
        """The type of each field. Looked up late, for a class may refer to itself."""
        found = self._record.hints(self.python, bound(self.python, self.arguments))
        return {name: field_type(f"{self.name}.{name}", found.get(name)) for name in self._record.names(self.python)}

    @cached_property
    def _layout(self) -> list[tuple[str, str, ValueType]]:
        """Each field with the text that goes in front of it."""
        texts = [quote(name) for name in self.fields]
        return [
            (f"{'{' if index == 0 else ','}{text}:", name, kind)
            for index, (text, (name, kind)) in enumerate(zip(texts, self.fields.items(), strict=True))
        ]

    def accepts(self, source: ValueType) -> bool:
        if not isinstance(source, StructType) or not issubclass(source.python, self.python):
            return False
        return not self.arguments or all(map(flows, source.arguments_of(self.python), self.arguments))

    def arguments_of(self, base: type) -> list[ValueType]:
        """The type arguments that a generic base of this class has here."""
        seen = hints.bindings(self.python, bound(self.python, self.arguments))[base]
        return [of(seen.get(variable, variable)) for variable in hints.variables(base)]

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
        values = {name: changed[name] if name in changed else self._get(value, name) for name in self.fields}
        return self._record.make(self.python, values)

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
        return kind._record.make(kind.python, values)

    def summarise(self, value: Any) -> Json:
        kind = self._kind(type(value))
        names = [name for name in kind.fields if not name.startswith("__")]  # what pydantic knows is for nobody
        seen = summaries([kind.fields[name] for name in names], [getattr(value, name) for name in names], FIELDS)
        return {"class": kind.path, "fields": dict(zip(names, seen, strict=False))}

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
        seen = {name: each for name, each in zip(kind.fields, summaries, strict=False) if not name.startswith("__")}
        return {"class": kind.path, "fields": seen}

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

    def _default(self, name: str) -> Any:
        try:
            return self._record.default(self.python, name)
        except LookupError:
            raise ArtifactError(f"a recorded {self.name} has no field {name!r}, which has no default") from None

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
        found = self._kinds.get(cls)
        if found is None:
            found = self._kinds[cls] = self._below(cls)
        return found

    def _below(self, cls: type) -> StructType:
        annotation = hints.below(cls, self.python, self.arguments)
        if annotation is None:
            problem = f"what {', '.join(map(repr, hints.variables(cls)))} stands for does not follow from {self.name}"
            raise ConversionError(f"expected {self.name}, got its subclass {cls.__qualname__} ({problem})")
        try:
            found = of(annotation)
        except (DefinitionError, NameError) as error:
            raise ConversionError(f"expected {self.name}, got its subclass {cls.__qualname__} ({error})") from error
        if not isinstance(found, StructType) or found._record is not self._record:
            problem = f"which is no {self._record.word}"
            raise ConversionError(f"expected {self.name}, got its subclass {cls.__qualname__}, {problem}")
        if not self.accepts(found):
            raise ConversionError(f"expected {self.name}, got its subclass {found.name}, which is none of it")
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
    """A typing.NamedTuple: its fields can be taken by index too."""

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


def make_plain(cls: Any, values: dict[str, Any]) -> Any:
    """An instance with these attributes, without running anything of its class."""
    made: Any = object.__new__(cls)
    for name, value in values.items():
        object.__setattr__(made, name, value)  # a frozen class's own __setattr__ refuses
    return made


def _dataclass_default(cls: Any, name: str) -> Any:
    field = {each.name: each for each in dataclasses.fields(cls)}[name]
    if field.default is not dataclasses.MISSING:
        return field.default
    if field.default_factory is not dataclasses.MISSING:
        return field.default_factory()
    raise LookupError(name)


DATACLASS = Record(
    "dataclass",
    names=lambda cls: [field.name for field in dataclasses.fields(cls)],
    hints=hints.of_class,
    make=make_plain,
    default=_dataclass_default,
)

NAMED_TUPLE = Record(
    "namedtuple",
    names=lambda cls: cls._fields,
    hints=hints.of_class,
    make=lambda cls, values: tuple.__new__(cls, values.values()),
    default=lambda cls, name: cls._field_defaults[name],
)


def bound(cls: Any, arguments: tuple[ValueType, ...]) -> dict[Any, Any]:
    """What the type variables of a generic class stand for."""
    own = hints.variables(cls)
    given = arguments or [hints.default(variable) for variable in own]
    return dict(zip(own, given, strict=False))


def field_type(where: str, hint: Any) -> ValueType:
    """The type of a declared field; `where` is its name in the error when it cannot be supported."""
    if typing.get_origin(hint) is typing.Final:
        (hint,) = typing.get_args(hint)
    try:
        return of(hint)
    except DefinitionError as error:
        raise DefinitionError(f"{where}: {error}") from None


def generic(annotation: Any) -> tuple[Any, tuple[ValueType, ...], Any]:
    """The class of an annotation, its type arguments, and the annotation by which it is known: ``Box[int]``, with
    types for arguments, whatever way they were written."""
    cls = typing.get_origin(annotation) or annotation
    given = typing.get_args(annotation)
    if given and not all(isinstance(variable, typing.TypeVar) for variable in hints.variables(cls)):
        name = cls.__qualname__
        raise DefinitionError(f"{name} is not supported: how many types it takes varies; write a class for each use")
    arguments = tuple(map(of, given))
    return cls, arguments, cls[arguments] if arguments else cls


def struct_matcher(record: Record, is_own: Callable[[type], bool], kind: Any = StructType) -> Callable[[Any], Any]:
    """The matcher of a family of classes with fields."""

    def match(annotation: Any) -> ValueType | None:
        cls = typing.get_origin(annotation) or annotation
        if not isinstance(cls, type) or not is_own(cls):
            return None
        cls, arguments, known = generic(annotation)
        if known != annotation:
            return of(known)
        made = kind(record, cls, arguments)
        announce(known, made)
        assert made.fields is not None  # so that one that cannot be supported is said when a function is decorated
        return made  # type: ignore[no-any-return]

    return match


def _is_dataclass(cls: type) -> bool:
    return dataclasses.is_dataclass(cls) and not extends_builtin(cls)


def _is_named_tuple(cls: type) -> bool:
    if not issubclass(cls, tuple) or not hasattr(cls, "_field_defaults"):
        return False
    if typing.get_type_hints(cls).keys() >= set(getattr(cls, "_fields", ())):
        return True
    name = cls.__qualname__
    raise DefinitionError(f"{name} is not supported: its fields have no types; write a typing.NamedTuple")


def extends_builtin(cls: type) -> bool:
    """An exception or a dict that is a dataclass too holds more than its fields."""
    return any(not base.__flags__ & _HEAP_TYPE for base in cls.__mro__ if base not in (object, typing.Generic))


register(
    struct_matcher(DATACLASS, _is_dataclass),
    {"dataclass": load_class},
    (
        Row(
            "dataclass",
            "an instance, or one of a dataclass below it, which is kept; each field converted",
            "json",
            "class, fields",
        ),
    ),
)
register(
    struct_matcher(NAMED_TUPLE, _is_named_tuple, NamedTupleType),
    {"namedtuple": load_class},
    (Row("NamedTuple", "an instance; each field converted", "json", "class, fields"),),
)
