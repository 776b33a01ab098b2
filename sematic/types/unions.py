"""Unions and optionals: ``[index of the member, element]``.

Python takes `int | str` and `str | int` for the same type, and typing's own caches hand out the one for the other. So
the members have one order here, whatever was written, and which of them a value becomes does not depend on it:
the one that takes it as it is, else the one nearest to its class that can convert it.
"""

from __future__ import annotations

import types
import typing
from collections.abc import Iterable, Iterator
from typing import Any

from sematic.errors import ArtifactError, ConversionError, GraphError
from sematic.types.artifact import Artifact, PartReader, PartWriter, Store, compose, element, from_text
from sematic.types.base import CompositeType, Json, JsonType, Spec, ValueType, describe
from sematic.types.jsontext import dumps
from sematic.types.registry import Row, flows, from_spec, of, register
from sematic.types.sequences import Split

_ORDER = ("bool", "int", "float", "complex")


class UnionType(CompositeType):
    """A | B."""

    def __init__(self, members: list[ValueType], name: str = "") -> None:
        """`name`: of what the members are all kinds of, where that is how it was declared."""
        self.members = tuple(sorted(members, key=_place))
        head = ["any", name] if name else ["union"]
        super().__init__([*head, *(member.spec for member in self.members)], name or _name(self.members))
        self.scalar = all(member.scalar and isinstance(member, JsonType) for member in self.members)
        self.bounded = all(member.bounded for member in self.members)
        self._exact = {member.python: index for index, member in enumerate(self.members) if member.exact}
        self._sure = self._exact | _unambiguous(self.members)

    def accepts(self, source: ValueType) -> bool:
        return any(flows(source, member) for member in self.members)

    def convert(self, value: Any) -> Any:
        return value if type(value) in self._exact else self._find(value)[1]

    def to_json(self, value: Any, parts: PartWriter) -> str:
        index = self._index(value)
        member = self.members[index]
        if member.scalar and isinstance(member, JsonType):
            return f"[{index},{member.to_json(value, parts)}]"  # a long str goes with its union, which has no parts
        return f"[{index},{parts.element(member, value)}]"

    def from_json(self, data: Json, parts: PartReader | None) -> Any:
        return element(self._recorded(data), data[1], parts)

    def summarise(self, value: Any) -> Json:
        return self.members[self._index(value)].summarise(value)

    def split(self, value: Any) -> Split:
        """As the member that the whole value would be; with futures in it none takes it, so the one most of whose
        elements fit. Of two members that differ in nothing but the type of a future the first is taken."""
        try:
            order: Iterable[int] = (self._find(value)[0],)
        except ConversionError:
            order = self._nearest(value)
        splits = [split for index in order if (split := self._split_as(index, value)) is not None]
        if not splits:
            raise self.refuse(value)
        return min(splits, key=lambda split: sum(not _fits(type, item) for _, type, item in split[1]))

    def _split_as(self, index: int, value: Any) -> Split | None:
        member = self.members[index]
        if not isinstance(member, CompositeType):
            return None
        try:
            shape, elements = member.split(value)
        except ConversionError:
            return None
        return [index, shape], elements

    def compose(self, shape: Json, children: list[Artifact], parts: PartWriter) -> str:
        index, inner = shape
        member = self.members[index]
        assert isinstance(member, CompositeType)
        return f"[{index},{parts.adopt(compose(member, inner, children, parts.store))}]"

    def compose_summary(self, shape: Json, summaries: list[Json], length: int) -> Json:
        index, inner = shape
        member = self.members[index]
        assert isinstance(member, CompositeType)
        return member.compose_summary(inner, summaries, length)

    def around(self, artifact: Artifact, store: Store) -> Artifact | None:
        """The artifact of this union for a value whose artifact as one of its members is there, decoding nothing;
        None when `artifact` is of no member, or of one that is not kept apart in a union."""
        for index, member in enumerate(self.members):
            if member.spec == artifact.spec and not (member.scalar and isinstance(member, JsonType)):
                parts = PartWriter(store)
                return from_text(self, f"[{index},{parts.adopt(artifact)}]", parts, artifact.summary)
        return None

    def select(self, data: Json, key: Any) -> tuple[ValueType, Json]:
        raise TypeError(f"a {self.name} is not indexed before it is known which of them it is")

    def item(self, key: Any) -> ValueType:
        raise GraphError(f"a {self.name} future cannot be indexed: it may be any of them; do it in a function")

    def _index(self, value: Any) -> int:
        """The member that a converted value belongs to."""
        index = self._sure.get(type(value))
        return self._find(value)[0] if index is None else index

    def _find(self, value: Any) -> tuple[int, Any]:
        """The member that `value` belongs to, and the converted value."""
        found: tuple[int, Any] | None = None
        problem = self.refuse(value)
        for index in self._nearest(value):
            try:
                new = self.members[index].convert(value)
            except ConversionError as error:
                problem = max(problem, error, key=lambda each: len(each.path))
                continue
            if new is value:
                return index, new
            found = found or (index, new)
        if found is None:
            raise problem
        return found

    def _nearest(self, value: Any) -> Iterator[int]:
        """The members by the distance of their class from the value's own; those that any class may fit come last."""
        classes = type(value).__mro__
        ranks = [classes.index(member.python) if member.python in classes else len(classes) for member in self.members]
        return iter(sorted(range(len(ranks)), key=ranks.__getitem__))

    def _recorded(self, data: Json) -> ValueType:
        if data.__class__ is list and len(data) == 2 and data[0].__class__ is int and 0 <= data[0] < len(self.members):
            return self.members[data[0]]
        raise ArtifactError(f"{describe(data)} is no recorded {self.name}")


def _fits(type: ValueType, value: Any) -> bool:
    try:
        type.convert(value)
    except ConversionError:
        return False
    return True


def _place(member: ValueType) -> tuple[int, bool, str]:
    word = member.spec[0]
    return (_ORDER.index(word) if word in _ORDER else len(_ORDER), word == "None", dumps(member.spec))


def _name(members: tuple[ValueType, ...]) -> str:
    names = [member.name for member in members if member.spec[0] != "None"]
    return " | ".join(names + ["None"] * (len(names) < len(members)))


def _unambiguous(members: tuple[ValueType, ...]) -> dict[Any, int]:
    """Classes whose converted instances can only belong to one member."""
    classes = [member.python for member in members]
    if None in classes:
        return {}
    bases = [[other for other in classes if other in kind.__mro__] for kind in classes if kind is not None]
    return {kind: index for index, kind in enumerate(classes) if bases[index] == [kind]}


def _match(annotation: Any) -> ValueType | None:
    if typing.get_origin(annotation) not in (typing.Union, types.UnionType):
        return None
    members = list(dict.fromkeys(_flat(map(of, typing.get_args(annotation)))))
    return UnionType(members) if len(members) > 1 else members[0]


def _flat(members: Iterable[ValueType]) -> Iterator[ValueType]:
    """NewType and Annotated may hide unions in unions. An alias that refers to itself stays one."""
    for member in members:
        yield from member.members if isinstance(member, UnionType) else (member,)


def _load(spec: Spec) -> ValueType:
    return UnionType(list(map(from_spec, spec[1:])))


register(
    _match,
    {"union": _load},
    (
        Row(
            "A | B, A | None",
            "a value of a member; of several, the one nearest to its class",
            "json",
            "that of the value",
        ),
    ),
)
