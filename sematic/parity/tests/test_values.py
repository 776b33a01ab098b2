"""What is called lost of a value that was stored, and what is not; bodies that run a second time."""

from __future__ import annotations

import dataclasses
import decimal
import functools
import importlib
import math
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import sematic
from sematic.parity.replaying import packed, replay
from sematic.parity.values import lost
from sematic.types.artifact import MemoryStore, encode
from sematic.types.registry import of


class Plain:
    def __init__(self, **state: Any) -> None:
        vars(self).update(state)


class Forgetful(Plain):
    def __reduce__(self) -> Any:
        return (Forgetful, ())


class Careful(Plain):
    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if name not in ("_cache", "size")}

    @functools.cached_property
    def size(self) -> int:
        return 3


class Changing(Plain):
    def __reduce__(self) -> Any:
        return (list, ())


class Unreadable(Plain):
    def __reduce__(self) -> Any:
        return (int, ("x",))


class Unequal:
    """Says of its copies that they are others; has no attributes to compare."""

    __slots__ = ()

    def __eq__(self, other: object) -> bool:
        return self is other

    __hash__ = None  # type: ignore[assignment]


@dataclasses.dataclass
class Config:
    rows: list[float]

    def __post_init__(self) -> None:
        self.total = sum(self.rows)


def loss(annotation: Any, value: Any) -> str:
    kind = of(annotation)
    return lost(kind, value, encode(kind, kind.convert(value), MemoryStore()))


def with_cache() -> Careful:
    made = Careful(_cache={1: 2}, n=1)
    assert made.size == 3
    return made


def in_a_circle() -> Plain:
    made = Plain(n=1)
    made.itself = made  # type: ignore[attr-defined]
    return made


@pytest.mark.parametrize(
    ("annotation", "value"),
    [
        (int, 3),
        (float, math.nan),
        (float, np.float64(2.5)),
        (list[float], [math.nan, 1]),
        (dict[str, tuple[int, ...]], {"a": (1, 2)}),
        (np.ndarray, np.array([1.0, math.nan])),
        (decimal.Decimal, decimal.Decimal("NaN")),
        (Plain, Plain(array=np.array([1.0, math.nan]), number=math.nan, names={"a", "b"})),
        (Careful, with_cache()),
        (Plain, in_a_circle()),
        (Unequal, Unequal()),
        (object, [Plain(n=1), None]),
    ],
)
def test_nothing_is_lost(annotation: Any, value: Any) -> None:
    assert loss(annotation, value) == ""


@pytest.mark.parametrize(
    ("annotation", "value", "sentence"),
    [
        (Forgetful, Forgetful(weights=[1]), "it has no attribute weights afterwards"),
        (Plain, Plain(parts=[Forgetful(weights=[1])]), "it.parts[0] has no attribute weights afterwards"),
        (object, {"a": Changing(n=1)}, "it['a'] is list [] afterwards, not Changing object"),
        (Config, Config([1.0]), "it has no attribute total afterwards"),
        (list[Config], [Config([1.0])], "it[0] has no attribute total afterwards"),
        (Unreadable, Unreadable(n=1), "invalid literal for int()"),
    ],
)
def test_what_is_lost(annotation: Any, value: Any, sentence: str) -> None:
    assert sentence in loss(annotation, value)


CALLS: list[int] = []


@sematic.func
def positive(n: int, /, *, least: int = 0) -> int:
    CALLS.append(n)
    if n < least:
        raise ValueError(f"{n} is less than {least}")
    return n


@sematic.func(retry=sematic.RetrySettings(exceptions=(ValueError,), retries=2, backoff=0.0))
def third_time(n: int) -> int:
    CALLS.append(n)
    if len(CALLS) < 3:
        raise ValueError("not yet")
    return n


@pytest.fixture(autouse=True)
def no_calls() -> None:
    CALLS.clear()


def test_a_body_runs_again_with_its_arguments() -> None:
    arguments = packed({"n": 3, "least": 1})
    assert arguments is not None
    assert replay(positive.path, arguments) is None
    assert CALLS == [3]


def test_a_body_that_fails_is_a_problem_where_it_is_written() -> None:
    problem = replay(positive.path, packed({"n": 3, "least": 4}) or b"")
    assert problem is not None
    assert problem.what == "positive fails in a process of its own"
    assert (problem.file, problem.line) == (__file__, positive.body.__code__.co_firstlineno)
    assert str(problem.error) == "3 is less than 4"


def test_a_body_may_be_tried_again() -> None:
    assert replay(third_time.path, packed({"n": 1}) or b"") is None
    assert CALLS == [1, 1, 1]


def test_arguments_that_cannot_be_read() -> None:
    problem = replay(positive.path, packed({"n": Unreadable()}) or b"")
    assert problem is not None and problem.what == "positive cannot read its arguments"


def test_arguments_that_cannot_be_packed() -> None:
    assert packed({"n": threading.Lock()}) is None


def test_a_function_that_is_gone_is_nobodys_problem_here() -> None:
    assert replay("sematic.parity.tests.test_values:gone", packed({}) or b"") is None


def test_what_a_librarys_class_leaves_behind_is_its_own_business(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "site-packages").mkdir()
    (tmp_path / "site-packages/a_library.py").write_text(
        "class Figure:\n    def __init__(self):\n        self.window = print\n        self.title = 'a'\n"
        "    def __getstate__(self):\n        return {'title': self.title}\n"
    )
    monkeypatch.syspath_prepend(tmp_path / "site-packages")
    figure = importlib.import_module("a_library").Figure
    kind = of(figure)
    assert lost(kind, figure(), encode(kind, figure(), MemoryStore())) == ""
    holder = of(Plain)
    value = Plain(figure=figure(), title="b")
    assert lost(holder, value, encode(holder, value, MemoryStore())) == ""
