"""Classes that the tests use: another process must be able to import them."""

from __future__ import annotations

import collections
import enum
from abc import ABC
from collections.abc import Iterator
from dataclasses import KW_ONLY, InitVar, dataclass, field
from typing import Any, ClassVar, Generic, NamedTuple, Protocol, TypedDict, TypeVar, runtime_checkable

T = TypeVar("T")


class Color(enum.Enum):
    RED = 1
    ROUGE = 1
    BLUE = "b"


class Word(str, enum.Enum):
    YES = "yes"
    NO = "no"


class Unpicklable(enum.Enum):
    GENERATOR = (iter(()), object())
    OTHER = 2


class Right(enum.Flag):
    READ = 1
    WRITE = 2


@dataclass
class Point:
    x: int
    y: float = 0.5
    label: str = "p"


@dataclass(frozen=True)
class Frozen:
    a: int
    b: tuple[int, ...] = ()


@dataclass(slots=True)
class Slots:
    a: int
    b: list[str] = field(default_factory=list)


@dataclass
class Base:
    name: str


@dataclass
class Derived(Base):
    size: float = 1.0


class Plain(Base):
    """Inherits the fields and adds none."""


@dataclass
class Holder:
    base: Base
    points: list[Point]


@dataclass
class Node:
    value: int
    next: Node | None = None
    children: list[Node] = field(default_factory=list)


@dataclass
class Scaled:
    """Its __post_init__ would give another value when run on its own result."""

    factor: InitVar[int]
    value: int
    _: KW_ONLY
    log: list[str] = field(default_factory=list)
    derived: int = field(init=False)
    seen: ClassVar[int] = 0

    def __post_init__(self, factor: int) -> None:
        self.value *= factor
        self.derived = self.value + 1
        type(self).seen += 1


@dataclass
class Empty:
    pass


@dataclass
class Unset:
    value: int = field(init=False)


@dataclass
class Later:
    other: NotDefinedAnywhere  # type: ignore[name-defined]  # noqa: F821


@dataclass
class Bad:
    anything: Any


@dataclass
class Indirect:
    bad: Bad | None
    self: Indirect | None


@dataclass
class Box(Generic[T]):
    content: T


class Generic1(Generic[T]):
    """No dataclass: it is pickled."""


@dataclass
class Problem(Exception):
    code: int


@dataclass
class Meters:
    values: dict[str, list[Point]]
    best: Point | None = None
    raw: bytes = b""


class Pair(NamedTuple):
    left: int
    right: str = "r"


class Same(NamedTuple):
    left: float
    right: float


Untyped = collections.namedtuple("Untyped", ["a"])
Renamed = type("Other", (), {"__module__": __name__})


class Movie(TypedDict):
    title: str


class Custom:
    def __init__(self, value: Any) -> None:
        self.value = value

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Custom) and self.value == other.value

    def __hash__(self) -> int:
        return hash(self.value)


class Hostile:
    """Everything raises."""

    def __repr__(self) -> str:
        raise RuntimeError("no repr")

    def __eq__(self, other: object) -> bool:
        raise RuntimeError("no eq")

    def __len__(self) -> int:
        raise RuntimeError("no len")

    def __bool__(self) -> bool:
        raise RuntimeError("no bool")

    def __reduce__(self) -> str:
        raise RuntimeError("no reduce")

    __hash__ = None  # type: ignore[assignment]


class HostileDict(dict[Any, Any]):
    def __iter__(self) -> Iterator[Any]:
        raise RuntimeError("no iteration")

    def keys(self) -> Any:
        raise RuntimeError("no keys")


class Abstract(ABC):
    pass


class Concrete(Abstract):
    pass


@runtime_checkable
class Sized(Protocol):
    def __len__(self) -> int: ...


class Unchecked(Protocol):
    def run(self) -> int: ...


class IntSub(int):
    pass


class FloatSub(float):
    pass


class StrSub(str):
    def __str__(self) -> str:
        return "lie"


class BytesSub(bytes):
    def __bytes__(self) -> bytes:
        return b"lie"


class ListSub(list[Any]):
    pass


def outer() -> type:
    @dataclass
    class Local:
        a: int

    return Local
