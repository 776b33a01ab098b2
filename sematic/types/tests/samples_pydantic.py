"""Models of pydantic, for the tests."""

from __future__ import annotations

from typing import Annotated, Any, Dict, Generic, List, Literal, Optional, TypeVar  # noqa: UP035

from pydantic import BaseModel, ConfigDict, Field, PositiveInt, PrivateAttr, RootModel, field_validator
from pydantic.dataclasses import dataclass

T = TypeVar("T")
runs: list[str] = []


class Plain(BaseModel):
    x: int
    y: float = 0.5
    names: list[str] = []


class Frozen(BaseModel):
    model_config = ConfigDict(frozen=True)
    x: int


class Derived(Plain):
    z: str = "z"


class Careful(BaseModel):
    """A validator that would change a value that was made already."""

    count: PositiveInt
    name: str = Field(default="n", alias="the-name")

    @field_validator("count")
    @classmethod
    def times_ten(cls, value: int) -> int:
        runs.append("validator")
        return value * 10


class Private(BaseModel):
    x: int
    _kept: list[int] = PrivateAttr(default_factory=list)
    _lost: Any = PrivateAttr(default=None)
    _untyped = PrivateAttr(default=7)


class Open(BaseModel):
    model_config = ConfigDict(extra="allow")
    x: int


class OpenInts(BaseModel):
    model_config = ConfigDict(extra="allow")
    __pydantic_extra__: Dict[str, int]  # noqa: UP006
    x: int


class Cat(BaseModel):
    kind: Literal["cat"]
    lives: int


class Dog(BaseModel):
    kind: Literal["dog"]
    name: str


class Owner(BaseModel):
    pet: Annotated[Cat | Dog, Field(discriminator="kind")]
    others: Optional[List[Cat]] = None  # noqa: UP006, UP045


class Node(BaseModel):
    value: int
    next: Node | None = None


class First(BaseModel):
    second: Second | None = None


class Second(BaseModel):
    first: First | None = None


class Box(BaseModel, Generic[T]):
    content: T


class IntBox(Box[int]):
    pass


class Numbers(RootModel[list[int]]):
    pass


@dataclass
class Point:
    x: int


class Bad(BaseModel):
    anything: Any
