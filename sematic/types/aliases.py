"""Types that refer to themselves by name: ``type Json = int | list[Json]``, or ``Json = int | list["Json"]``.

An alias that does not is what it stands for. One that does needs its name: the type it stands for has no end.
"""

from __future__ import annotations

import sys
import threading
import typing
from typing import Any

from sematic import entry
from sematic.errors import ConversionError, DefinitionError
from sematic.types import hints
from sematic.types.artifact import Artifact, PartReader, PartWriter
from sematic.types.base import CompositeType, Json, JsonType, Spec, ValueType
from sematic.types.registry import Row, announce, flows, from_spec, import_class, of, register
from sematic.types.sequences import Split


class _Asked(threading.local):
    def __init__(self) -> None:
        self.sources: set[tuple[ValueType, ValueType]] = set()


_asked = _Asked()


class AliasType(CompositeType):
    """A type that refers to itself, by its name."""

    def __init__(self, module: str, name: str, arguments: tuple[ValueType, ...] = ()) -> None:
        given = f"[{', '.join(argument.name for argument in arguments)}]" if arguments else ""
        path = f"{entry.real_module(module)}:{name}"
        super().__init__(["alias", path, *(argument.spec for argument in arguments)], name + given)
        self.target: ValueType | None = None

    @property
    def members(self) -> tuple[ValueType, ...]:  # type: ignore[override]
        if self.target is None:  # it is being defined
            return ()
        return self.target.members or (self.target,)

    def accepts(self, source: ValueType) -> bool:
        if (source, self) in _asked.sources:
            return True  # unless another part says no
        _asked.sources.add((source, self))
        try:
            return flows(source, self._json)
        finally:
            _asked.sources.discard((source, self))

    def convert(self, value: Any) -> Any:
        return self._json.convert(value)

    def to_json(self, value: Any, parts: PartWriter) -> str:
        return self._json.to_json(value, parts)

    def from_json(self, data: Json, parts: PartReader | None) -> Any:
        return self._json.from_json(data, parts)

    def summarise(self, value: Any) -> Json:
        return self._json.summarise(value)

    def split(self, value: Any) -> Split:
        if not isinstance(self.target, CompositeType):
            raise ConversionError(f"expected {self.name}, got a container")
        return self.target.split(value)

    def compose(self, shape: Json, children: list[Artifact], parts: PartWriter) -> str:
        return self._composite.compose(shape, children, parts)

    def compose_summary(self, shape: Json, summaries: list[Json], length: int) -> Json:
        return self._composite.compose_summary(shape, summaries, length)

    def select(self, data: Json, key: Any) -> tuple[ValueType, Json]:
        return self._composite.select(data, key)

    def item(self, key: Any) -> ValueType:
        return self._json.item(key)

    def field(self, name: str) -> ValueType:
        return self._json.field(name)

    @property
    def _json(self) -> JsonType:
        assert isinstance(self.target, JsonType)
        return self.target

    @property
    def _composite(self) -> CompositeType:
        assert isinstance(self.target, CompositeType)
        return self.target


def is_alias(annotation: Any) -> bool:
    """Whether it was made by ``type X = …`` (Python 3.12), or by typing_extensions before."""
    return type(annotation).__name__ == "TypeAliasType"


def _match(annotation: Any) -> ValueType | None:
    if not _is_any_alias(annotation):
        return None
    value = _value(annotation)
    if not _refers(value, annotation):
        return of(value)
    arguments = tuple(map(of, typing.get_args(annotation)))
    known = typing.get_origin(annotation)[arguments] if arguments else annotation
    return _itself(known, arguments, _value(known)) if known == annotation else of(known)


def _is_any_alias(annotation: Any) -> bool:
    return isinstance(annotation, hints.Alias) or is_alias(typing.get_origin(annotation) or annotation)


def _itself(annotation: Any, arguments: tuple[ValueType, ...], value: Any) -> ValueType:
    made = AliasType(*_place(annotation), arguments)
    announce(annotation, made)
    made.target = of(value)
    if not isinstance(made.target, JsonType):
        raise DefinitionError(f"{made.name} is not supported: it refers to itself and to nothing else")
    if made in _reached(made):
        problem = f"{made.name} is not supported: it is itself one of what it is; put a container between"
        raise DefinitionError(f"{problem}: {made.name} = int | list[{made.name}]")
    return made


def _reached(alias: AliasType) -> set[ValueType]:
    """What a value of an alias may be without being in a container."""
    found: set[ValueType] = set()
    stack: list[ValueType] = [alias]
    while stack:
        new = [member for member in stack.pop().members if member not in found]
        found.update(new)
        stack += new
    return found


def _place(annotation: Any) -> tuple[str, str]:
    """The module and name of an alias."""
    if isinstance(annotation, hints.Alias):
        return annotation.module, annotation.name
    alias = typing.get_origin(annotation) or annotation
    return alias.__module__, alias.__name__


def _value(annotation: Any) -> Any:
    """What an alias stands for."""
    module, name = _place(annotation)
    if not isinstance(annotation, hints.Alias):
        alias = typing.get_origin(annotation) or annotation
        bound = dict(zip(alias.__type_params__, typing.get_args(annotation), strict=False))
        return hints.substituted(hints.in_module(alias.__value__, module), bound)
    if not name.isidentifier():
        raise DefinitionError(f"{name!r} is not supported: it refers to itself; give the whole of it a name of its own")
    if not hasattr(sys.modules[module], name):
        raise NameError(f"name {name!r} is not defined yet", name=name)
    return hints.in_module(getattr(sys.modules[module], name), module)


def _refers(value: Any, alias: Any) -> bool:
    """Whether an alias is met again in what it stands for, without looking into classes: these have names already."""
    seen: list[Any] = []
    stack = [value]
    while stack:
        item = stack.pop()
        if item == alias:
            return True
        if _is_any_alias(item) and item not in seen:
            seen.append(item)
            stack.append(_value(item))
        if len(seen) > _MOST:
            raise DefinitionError(f"{_place(alias)[1]} is not supported: it refers to itself without end")
        if typing.get_origin(item) is not typing.Literal:
            stack.extend(typing.get_args(item))
    return False


_MOST = 100
"""More aliases in one are those of one that stands for ever others: ``type X[T] = list[X[list[T]]]``."""


def _load(spec: Spec) -> ValueType:
    module, _, name = spec[1].partition(":")
    found = import_class(spec[1])
    if not is_alias(found):
        return of(hints.Alias(module, name))
    return of(found[tuple(map(from_spec, spec[2:]))] if len(spec) > 2 else found)


register(
    _match,
    {"alias": _load},
    (Row("an alias that refers to itself", "what it stands for", "json", "that of the value"),),
)
