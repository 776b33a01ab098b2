"""Sequence, Mapping, Iterable and their like: one or another of the builtin containers that are of the kind.

A value keeps its class: a tuple that was given for a Sequence is a tuple in the next function too.
"""

from __future__ import annotations

import collections.abc as abc
import typing
from collections import Counter, OrderedDict, defaultdict, deque
from typing import Any

from sematic.errors import ConversionError
from sematic.types.base import Spec, ValueType
from sematic.types.registry import Row, from_spec, of, register
from sematic.types.scalars import INT
from sematic.types.unions import UnionType

_TUPLE: Any = tuple
_SEQUENCES: tuple[Any, ...] = (list, tuple, deque, range)
_SETS: tuple[Any, ...] = (set, frozenset)
_DICTS: tuple[Any, ...] = (dict, OrderedDict, defaultdict, Counter)

_KINDS: dict[Any, tuple[Any, ...]] = {
    abc.Sequence: _SEQUENCES,
    abc.MutableSequence: (list, deque),
    abc.Collection: (*_SEQUENCES, *_SETS),
    abc.Iterable: (*_SEQUENCES, *_SETS),
    abc.Container: (*_SEQUENCES, *_SETS),
    abc.Reversible: _SEQUENCES,
    abc.Set: _SETS,
    abc.MutableSet: (set,),
    abc.Mapping: _DICTS,
    abc.MutableMapping: _DICTS,
}

_NOT_ELEMENTS: dict[Any, str] = {
    str: "a text is no container of texts here; write list(value) if its characters are meant",
    bytes: "write list(value) if the numbers are meant",
    dict: "write list(value) for its keys, or Mapping[…, …] in the annotation",
}


class AnyOfType(UnionType):
    """Sequence[T], Mapping[K, V], …"""

    def refuse(self, value: Any, reason: str = "") -> ConversionError:
        if not reason and hasattr(type(value), "__next__"):
            reason = "its values can be read only once; pass a list of them"
        return super().refuse(value, reason or _NOT_ELEMENTS.get(type(value), ""))


def _match(annotation: Any) -> ValueType | None:
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin not in _KINDS or not arguments:
        return None
    types = tuple(map(of, arguments))
    members = [of(made) for kind in _KINDS[origin] if (made := _applied(kind, types)) is not None]
    return AnyOfType(members, f"{origin.__name__}[{', '.join(type.name for type in types)}]")


def _applied(kind: Any, types: tuple[ValueType, ...]) -> Any:
    """A builtin container of elements of these types; None when it never holds any."""
    if kind is range:
        return range if types[0] == INT else None
    if kind is Counter:
        return Counter[types[0]] if types[1] == INT else None  # type: ignore[valid-type]
    return _TUPLE[types[0], ...] if kind is tuple else kind[types]


def _load(spec: Spec) -> ValueType:
    return AnyOfType(list(map(from_spec, spec[2:])), spec[1])


register(
    _match,
    {"any": _load},
    (
        Row(
            "Sequence[T], MutableSequence[T], Collection[T], Iterable[T]",
            "a list, tuple, deque, range, set or frozenset, as far as it is one; it keeps its class",
            "json",
            "length, first elements",
        ),
        Row("collections.abc.Set[T], MutableSet[T]", "a set or frozenset; it keeps its class", "json", "elements"),
        Row(
            "Mapping[K, V], MutableMapping[K, V]",
            "a dict, OrderedDict, defaultdict or Counter; it keeps its class",
            "json",
            "items",
        ),
    ),
)
