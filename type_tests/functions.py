# pyright: strict
"""The functions that the other modules call."""

from dataclasses import dataclass
from typing import NamedTuple

import sematic


@dataclass(frozen=True)
class Layer:
    width: int


@dataclass(frozen=True)
class Config:
    rate: float
    layers: list[Layer]


class Scores(NamedTuple):
    train: float
    test: float


@sematic.func
def count(start: int, step: int = 1) -> int:
    return start + step


@sematic.func(inline=False, timeout=60, cache=True)
def shout(text: str, *, times: int = 1) -> str:
    return (text.upper() + "!") * times


@sematic.func
def configure(rate: float) -> Config:
    return Config(rate, [Layer(8), Layer(16)])


@sematic.func
def train(config: Config, seed: int | None = None) -> Scores:
    return Scores(config.rate, 0.5)


@sematic.func
def names(count: int) -> list[str]:
    return [f"n{index}" for index in range(count)]


@sematic.func
def table(rows: list[str]) -> dict[str, int]:
    return {row: len(row) for row in rows}


@sematic.func
def pair(number: int) -> tuple[int, str]:
    return number, str(number)


@sematic.func
def nothing() -> None:
    return None
