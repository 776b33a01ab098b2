"""Classes of attrs, for the tests."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, TypeVar

import attr
import attrs

T = TypeVar("T")
runs: list[str] = []


def _note(instance: object, attribute: object, value: object) -> None:
    runs.append("validator")


@attrs.define
class Plain:
    x: int
    y: float = 0.5
    names: list[str] = attrs.Factory(list)


@attrs.frozen
class Frozen:
    x: int


@attrs.define
class Derived(Plain):
    z: str = "z"


@attrs.define
class Careful:
    """Validators, converters and __attrs_post_init__ that would change a value that was made already."""

    count: int = attrs.field(validator=_note, converter=lambda value: int(value) * 10)
    _hidden: str = attrs.field(default="h", alias="hidden")
    late: int = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        runs.append("post")
        self.late = self.count + 1


@attr.s
class Old:
    a = attr.ib(type=int)
    b = attr.ib(type="list[Plain]", default=attr.Factory(list))


@attr.s
class Untyped:
    a = attr.ib()


@attrs.frozen(cache_hash=True)
class Hashed:
    x: int


@attrs.frozen(cache_hash=True, slots=False)
class HashedDict:
    x: int


@attrs.define
class Unset:
    value: int = attrs.field(init=False)


@attrs.define
class SelfMade:
    a: int
    b: int = attrs.Factory(lambda self: self.a, takes_self=True)


@attrs.define
class Node:
    value: int
    next: Node | None = None


@attrs.define
class Box(Generic[T]):
    content: T


@attrs.define
class Problem(Exception):
    code: int


@dataclass
class Mixed(Plain):
    more: int = 0
