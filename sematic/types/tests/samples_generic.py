"""Classes with type variables, protocols, TypedDicts and types that refer to themselves, for the tests."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import InitVar, dataclass, field
from typing import (
    Annotated,
    ClassVar,
    Final,
    Generic,
    NamedTuple,
    NotRequired,
    Protocol,
    Required,
    Self,
    TypedDict,
    TypeVar,
    TypeVarTuple,
    Union,
    runtime_checkable,
)

import numpy
from numpy.typing import NDArray
from typing_extensions import ReadOnly, TypeAliasType
from typing_extensions import TypedDict as OtherTypedDict

T = TypeVar("T")
U = TypeVar("U")
Ts = TypeVarTuple("Ts")


@dataclass
class Box(Generic[T]):
    content: T


N = TypeVar("N", bound=numpy.generic)


@dataclass
class Grid(Generic[N]):
    cells: NDArray[N]


@dataclass
class IntBox(Box[int]):
    label: str = ""


@dataclass
class NamedBox(Box[U], Generic[U]):
    name: str
    more: list[U] = field(default_factory=list)


@dataclass
class ListBox(Box[list[T]], Generic[T]):
    """Its T does not follow from what it is a Box of."""


@dataclass
class TwoBoxes(Generic[T, U]):
    left: Box[T]
    right: Box[U] | None
    both: dict[T, list[U]]


@dataclass
class Link(Generic[T]):
    value: T
    next: Link[T] | None = None


@dataclass
class Endless(Generic[T]):
    next: Endless[list[T]] | None


@dataclass
class Row(Generic[*Ts]):
    cells: tuple[*Ts]


class Pair(NamedTuple, Generic[T]):
    left: T
    right: list[T]


class Page(TypedDict, Generic[T]):
    items: list[T]
    next: NotRequired[int]


class LongPage(Page[U], Generic[U]):
    first: U


class Movie(TypedDict):
    title: str
    year: NotRequired[int]


class Partial(TypedDict, total=False):
    a: int
    b: Required[Annotated[str, "b"]]


class More(Partial):
    c: float


class Other(OtherTypedDict):
    a: ReadOnly[int]
    b: NotRequired[str]


class Tree(TypedDict):
    name: str
    children: list[Tree]


Odd = TypedDict("Odd", {"$": "int", "$class": "int", "a b": "int"})


@dataclass
class Ping:
    pong: Pong | None = None


@dataclass
class Pong:
    ping: Ping | None = None


@dataclass
class Constants:
    size: Final[int]
    seen: ClassVar[int] = 0
    factor: InitVar[int] = 2


@dataclass
class Bare:
    size: Final = 3


@dataclass
class Itself:
    parent: Self | None


Json = Union[bool, int, float, str, list["Json"], dict[str, "Json"], None]  # noqa: UP007
Nest = list["Nest"]
Loop = Union[int, "Loop"]
Ints = TypeAliasType("Ints", list[int])
Both = TypeAliasType("Both", tuple[T, list[T]], type_params=(T,))
Tree2 = TypeAliasType("Tree2", "T | list[Tree2[T]]", type_params=(T,))
Growing = TypeAliasType("Growing", "list[Growing[list[T]]]", type_params=(T,))
NewJson = TypeAliasType("NewJson", "int | list[NewJson] | dict[str, Node]")
Even = TypeAliasType("Even", "list[Uneven] | None")
Uneven = TypeAliasType("Uneven", "tuple[int, Even]")
Forest = TypeAliasType("Forest", "Node | list[int]")


@dataclass
class Node:
    """Refers to itself through an alias that is none of itself."""

    below: Forest | None
    extra: NewJson | None = None


@dataclass
class Document:
    body: Json
    nest: Nest = field(default_factory=list)


class Shape(ABC):
    @abstractmethod
    def area(self) -> float: ...


@dataclass
class Square(Shape):
    side: float

    def area(self) -> float:
        return self.side**2


class Disc(Shape):
    def __init__(self, radius: float) -> None:
        self.radius = radius

    def area(self) -> float:
        return 3 * self.radius**2

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Disc) and other.radius == self.radius

    __hash__ = None  # type: ignore[assignment]


class Service(ABC):
    """Abstract by name only: it has instances."""

    def __eq__(self, other: object) -> bool:
        return type(other) is Service

    __hash__ = None  # type: ignore[assignment]


@runtime_checkable
class Named(Protocol):
    name: str


@runtime_checkable
class Runs(Protocol):
    callback: Callable[[], int]

    def run(self) -> int: ...


@dataclass
class Person:
    name: str


@dataclass
class Numbered:
    name: int


class Checked(Protocol):
    name: str
