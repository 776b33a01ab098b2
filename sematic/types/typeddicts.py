"""TypedDict: a JSON object of the keys that are there, in the order in which they are declared.

A TypedDict is closed here: a key that is not declared is refused, for nobody would know its type.
"""

from __future__ import annotations

import typing
from functools import cached_property
from typing import Any

from sematic.errors import ArtifactError, ConversionError, GraphError
from sematic.types import hints
from sematic.types.artifact import Artifact, PartReader, PartWriter, element
from sematic.types.base import CompositeType, Json, ValueType, describe
from sematic.types.registry import Row, announce, flows, load_class, of, path_of, register
from sematic.types.scalars import STR, quote
from sematic.types.sequences import Split
from sematic.types.structs import bound, field_type, generic
from sematic.types.summaries import FIELDS, summaries

_QUALIFIERS = ("Required", "NotRequired", "ReadOnly")


class TypedDictType(CompositeType):
    """One TypedDict class."""

    python = dict
    key = STR

    def __init__(self, cls: Any, arguments: tuple[ValueType, ...]) -> None:
        given = f"[{', '.join(argument.name for argument in arguments)}]" if arguments else ""
        super().__init__(["typeddict", path_of(cls), *(each.spec for each in arguments)], cls.__qualname__ + given)
        self.cls = cls
        self.arguments = arguments

    @cached_property
    def fields(self) -> dict[str, ValueType]:
        """The type of each key. Looked up late, for a class may refer to itself."""
        return {name: field_type(f"{self.name}[{name!r}]", _unqualified(hint)[0]) for name, hint in self._hints.items()}

    @cached_property
    def required(self) -> frozenset[str]:
        """The keys that must be there. `__required_keys__` knows nothing of what was written as text, as all
        annotations are under ``from __future__ import annotations``."""
        said = {name: _unqualified(hint)[1] for name, hint in self._hints.items()}
        known = self.cls.__required_keys__
        return frozenset(name for name, word in said.items() if word == "Required" or (not word and name in known))

    @cached_property
    def _hints(self) -> dict[str, Any]:
        return _declared(self.cls, bound(self.cls, self.arguments))

    def accepts(self, source: ValueType) -> bool:
        if not isinstance(source, TypedDictType) or not self.required <= source.required:
            return False
        return all(name in self.fields and flows(kind, self.fields[name]) for name, kind in source.fields.items())

    def convert(self, value: Any) -> Any:
        plain = self._checked(value)
        missing = self.required - plain.keys()
        if missing:
            raise self.refuse(value, f"it has no key {min(missing)!r}")
        result = {name: self._converted(name, plain[name]) for name in self.fields if name in plain}
        unchanged = plain is value and all(map(lambda one, other: one is other, result.values(), plain.values()))
        return value if unchanged and list(result) == list(plain) else result

    def to_json(self, value: dict[str, Any], parts: PartWriter) -> str:
        texts = (f"{quote(_escaped(name))}:{parts.element(self.fields[name], item)}" for name, item in value.items())
        return f"{{{','.join(texts)}}}"

    def from_json(self, data: Json, parts: PartReader | None) -> dict[str, Any]:
        items = self._items(data)
        missing = self.required - items.keys()
        if missing:
            raise ArtifactError(f"a recorded {self.name} has no key {min(missing)!r}")
        return {name: element(kind, items[name], parts) for name, kind in self.fields.items() if name in items}

    def summarise(self, value: dict[str, Any]) -> Json:
        seen = summaries([self.fields[name] for name in value], value.values(), FIELDS)
        return {"class": self.spec[1], "fields": dict(zip(value, seen, strict=False))}

    def split(self, value: Any) -> Split:
        plain = self._checked(value)
        names = [name for name in self.fields if name in plain]
        return names, [(f"[{name!r}]", self.fields[name], plain[name]) for name in names]

    def compose(self, shape: Json, children: list[Artifact], parts: PartWriter) -> str:
        missing = self.required - set(shape)
        if missing:
            raise ConversionError(f"expected {self.name}, got a dict without the key {min(missing)!r}")
        texts = (f"{quote(_escaped(name))}:{parts.adopt(child)}" for name, child in zip(shape, children, strict=True))
        return f"{{{','.join(texts)}}}"

    def compose_summary(self, shape: Json, summaries: list[Json], length: int) -> Json:
        return {"class": self.spec[1], "fields": dict(zip(shape, summaries, strict=False))}

    def select(self, data: Json, key: Any) -> tuple[ValueType, Json]:
        items = self._items(data)
        if key not in items:
            raise KeyError(key)
        return self.fields[key], items[key]

    def item(self, key: Any) -> ValueType:
        if key is None:
            raise GraphError(f"a {self.name} future can only be indexed by a constant: its values differ in type")
        if not isinstance(key, str) or key not in self.fields:
            known = ", ".join(map(repr, self.fields)) or "none"
            raise GraphError(f"a {self.name} future has no key {describe(key)}; it declares {known}")
        return self.fields[key]

    def _checked(self, value: Any) -> dict[str, Any]:
        if not issubclass(type(value), dict):
            raise self.refuse(value)
        try:
            plain = value if type(value) is dict else dict(value)
            unknown = [key for key in plain if type(key) is not str or key not in self.fields]
        except Exception as error:  # a user's class may raise anything
            raise self.refuse(value, f"it raised {type(error).__name__}: {error}") from error
        if unknown:
            raise self.refuse(value, f"it has a key {describe(unknown[0])}, which {self.cls.__qualname__} lacks")
        return plain

    def _converted(self, name: str, value: Any) -> Any:
        try:
            return self.fields[name].convert(value)
        except ConversionError as error:
            raise error.within(f"[{name!r}]") from None

    def _items(self, data: Json) -> dict[str, Json]:
        if data.__class__ is not dict:
            raise ArtifactError(f"{describe(data)} is no recorded {self.name}")
        items = {name[1:] if name.startswith("$") else name: item for name, item in data.items()}
        unknown = items.keys() - self.fields.keys()
        if unknown:
            raise ArtifactError(f"a recorded {self.name} has a key {min(unknown)!r}, which it declares no longer")
        return items


def _escaped(name: str) -> str:
    """A key may be any text, and ``$`` stands for a part."""
    return f"${name}" if name.startswith("$") else name


def _declared(cls: Any, arguments: dict[Any, Any]) -> dict[str, Any]:
    """The annotations of a TypedDict and those it extends, which are no bases of its class: only as written."""
    found: dict[str, Any] = {}
    for base in cls.__dict__.get("__orig_bases__", ()):
        origin = typing.get_origin(base) or base
        if is_typeddict(origin):
            given = (hints.substituted(each, arguments) for each in typing.get_args(base))
            found |= _declared(origin, dict(zip(hints.variables(origin), given, strict=False)))
    own = {name: hint for name, hint in hints.of_class(cls, arguments).items() if name not in found}
    return found | own


def is_typeddict(cls: Any) -> bool:
    """Of typing's, or of typing_extensions', which has a class of its own for it on older Pythons."""
    return isinstance(cls, type) and issubclass(cls, dict) and hasattr(cls, "__required_keys__")


def _unqualified(hint: Any) -> tuple[Any, str]:
    """The type of a key, and whether it is Required or NotRequired: empty when that is not said."""
    said = ""
    while (word := getattr(typing.get_origin(hint), "_name", None)) in _QUALIFIERS:
        said = said if word == "ReadOnly" else str(word)
        (hint,) = typing.get_args(hint)
    return hint, said


def _match(annotation: Any) -> ValueType | None:
    if not is_typeddict(typing.get_origin(annotation) or annotation):
        return None
    cls, arguments, known = generic(annotation)
    if known != annotation:
        return of(known)
    made = TypedDictType(cls, arguments)
    announce(known, made)
    assert made.fields is not None  # so that one that cannot be supported is said when a function is decorated
    return made


register(
    _match,
    {"typeddict": load_class},
    (Row("TypedDict", "a dict with the declared keys and no others; each value converted", "json", "class, keys"),),
)
