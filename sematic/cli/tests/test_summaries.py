"""Values and types on one line, from what types record of them."""

from __future__ import annotations

import enum
from collections import Counter, OrderedDict, deque
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
import pytest

from sematic.cli.summaries import brief, brief_id, type_name
from sematic.cli.tests.pipelines import Config
from sematic.errors import ArtifactError
from sematic.types.artifact import MemoryStore, encode
from sematic.types.registry import of
from sematic.types.tests.samples_generic import Box, Movie


class Colour(enum.Enum):
    """Two."""

    RED = 1


class Pair(NamedTuple):
    """Two."""

    first: int
    second: str


class Odd:
    """Of no family."""

    def __repr__(self) -> str:
        return "Odd()"


class Broken(Odd):
    """Cannot say what it is."""

    def __repr__(self) -> str:
        raise ValueError


CASES: list[tuple[Any, Any, str]] = [
    (int, 5, "5"),
    (int, 10**2000, "an integer of 6,644 bits"),
    (float, float("nan"), "NaN"),
    (complex, 1 + 2j, "(1+2j)"),
    (str, "a\n\x1b", '"a\\n\\u001b"'),
    (str, "x" * 5000, '"' + "x" * 46 + "…"),
    (bytes, b"abc", "3 bytes: 61 62 63"),
    (int | None, None, "None"),
    (list[int], [1, 2], "[1, 2]"),
    (list[Colour], [Colour.RED], "[RED]"),
    (list[int], list(range(100)), "[0, 1, 2, … 100 in all]"),
    (tuple[int, str], (1, "a"), '(1, "a")'),
    (tuple[date, ...], (date(2020, 1, 2),), "(2020-01-02)"),
    (set[int], {1}, "{1}"),
    (dict[str, float], {"a": 1.5}, '{"a": 1.5}'),
    (Config, Config(1, "a"), 'Config(width=1, label="a")'),
    (Pair, Pair(1, "a"), 'Pair(first=1, second="a")'),
    (datetime, datetime(2020, 1, 2, tzinfo=UTC), "2020-01-02 00:00:00+00:00"),
    (timedelta, timedelta(1), "1 day, 0:00:00"),
    (Path, Path("a/b"), "a/b"),
    (np.ndarray, np.zeros((2, 3)), "float64 2 x 3"),
    (np.float32, np.float32(1.5), "1.5"),
    (Literal["a", 3], 3, "3"),
    (Odd, Odd(), "Odd()"),
    (Box[int], Box(1), "Box(content=1)"),
    (Movie, {"title": "a"}, 'Movie(title="a")'),
    (deque[date], deque([date(2020, 1, 2)]), "[2020-01-02]"),
    (OrderedDict[str, Path], OrderedDict(a=Path("b")), '{"a": b}'),
    (Counter[str], Counter("aab"), '{"a": 2, "b": 1}'),
    (Sequence[int], (1, 2), "[1, 2]"),
    (Decimal, Decimal("1.50"), "1.50"),
    (type[int | str], bool, "builtins:bool"),
    (Odd, Broken(), "(its repr raised ValueError)"),
]


@pytest.mark.parametrize(("annotation", "value", "shown"), CASES)
def test_brief(annotation: Any, value: Any, shown: str) -> None:
    artifact = encode(of(annotation), of(annotation).convert(value), MemoryStore())
    assert brief(artifact) == shown


@pytest.mark.parametrize("annotation", dict.fromkeys(annotation for annotation, _, _ in CASES))
def test_types_are_written_as_their_families_do(annotation: Any) -> None:
    assert type_name(of(annotation).spec) == of(annotation).name


class Reader:
    """Of artifacts that cannot be read."""

    def __init__(self, error: Exception) -> None:
        self.error = error

    def artifact(self, id: str) -> Any:
        raise self.error


def test_what_cannot_be_read_is_said() -> None:
    assert brief_id(Reader(KeyError("id")), "id") == "(gone)"  # type: ignore[arg-type]
    assert brief_id(Reader(ArtifactError("id")), "id") == "(corrupt)"  # type: ignore[arg-type]
