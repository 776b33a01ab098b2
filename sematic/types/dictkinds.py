"""OrderedDict, Counter and defaultdict: dicts with a class of their own."""

from __future__ import annotations

import sys
import types
import typing
from collections import Counter, OrderedDict, defaultdict
from typing import Any

from sematic.errors import ArtifactError
from sematic.types.artifact import Artifact, PartReader, PartWriter
from sematic.types.base import Json, Spec, ValueType, describe
from sematic.types.dicts import DictType
from sematic.types.jsontext import dumps
from sematic.types.registry import Row, from_spec, import_class, of, real_module, register
from sematic.types.scalars import INT
from sematic.types.sequences import Split


class OrderedDictType(DictType):
    """OrderedDict[K, V]."""

    python: type[dict[Any, Any]] = OrderedDict


class CounterType(DictType):
    """Counter[K]."""

    python: type[dict[Any, Any]] = Counter

    def __init__(self, key: ValueType) -> None:
        super().__init__(key, INT)
        self.spec, self.name = ["Counter", key.spec], f"Counter[{key.name}]"


class DefaultDictType(DictType):
    """defaultdict[K, V]: the path of its factory, then the pairs."""

    python: type[dict[Any, Any]] = defaultdict

    def convert(self, value: Any) -> Any:
        if issubclass(type(value), defaultdict):
            self._factory(value)
        return super().convert(value)

    def to_json(self, value: dict[Any, Any], parts: PartWriter) -> str:
        return _with_head(self._factory(value), super().to_json(value, parts))

    def from_json(self, data: Json, parts: PartReader | None) -> Any:
        factory, pairs = self._recorded(data)
        found = None if factory is None else import_class(factory)
        return defaultdict(found, super().from_json(pairs, parts))

    def split(self, value: Any) -> Split:
        shape, elements = super().split(value)
        return [self._factory(value), shape], elements

    def compose(self, shape: Json, children: list[Artifact], parts: PartWriter) -> str:
        return _with_head(shape[0], super().compose(shape[1], children, parts))

    def compose_summary(self, shape: Json, summaries: list[Json], length: int) -> Json:
        return super().compose_summary(shape[1], summaries, length)

    def select(self, data: Json, key: Any) -> tuple[ValueType, Json]:
        return super().select(self._recorded(data)[1], key)

    def _made(self, pairs: dict[Any, Any], like: Any = None) -> Any:
        return pairs if like is None else defaultdict(like.default_factory, pairs)

    def _factory(self, value: Any) -> str | None:
        factory = value.default_factory
        if factory is None:
            return None
        path = _path(factory)
        if path is None:
            reason = f"its default_factory is {describe(factory)}; write a function or class of a module"
            raise self.refuse(value, reason)
        return path

    def _recorded(self, data: Json) -> tuple[str | None, list[Json]]:
        if data.__class__ is not list or not data or not (data[0] is None or data[0].__class__ is str):
            raise ArtifactError(f"{describe(data)} is no recorded {self.name}")
        return data[0], data[1:]


def _path(factory: Any) -> str | None:
    """The path of a class or function by which another process finds it."""
    name = getattr(factory, "__qualname__", "<")
    if not isinstance(factory, (type, types.FunctionType, types.BuiltinFunctionType)) or "<" in name:
        return None
    found: Any = sys.modules.get(factory.__module__)
    for part in name.split("."):
        found = getattr(found, part, None)
    return f"{real_module(factory)}:{name}" if found is factory else None


def _with_head(head: str | None, text: str) -> str:
    return f"[{dumps(head)}{',' if len(text) > 2 else ''}{text[1:]}"


_KINDS: dict[Any, Any] = {OrderedDict: OrderedDictType, Counter: CounterType, defaultdict: DefaultDictType}


def _match(annotation: Any) -> ValueType | None:
    arguments = typing.get_args(annotation)
    kind = _KINDS.get(typing.get_origin(annotation)) if arguments else None
    return None if kind is None else kind(*map(of, arguments))


def _load(spec: Spec) -> ValueType:
    kinds = {kind.__name__: made for kind, made in _KINDS.items()}
    return kinds[spec[0]](*map(from_spec, spec[1:]))  # type: ignore[no-any-return]


register(
    _match,
    {kind.__name__: _load for kind in _KINDS},
    (
        Row("OrderedDict[K, V], Counter[K]", "an instance, in its order; keys and values converted", "json", "items"),
        Row("defaultdict[K, V]", "an instance whose factory is found by path", "json", "items"),
    ),
)
