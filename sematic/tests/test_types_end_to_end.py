"""Types of all families through whole pipelines, the same in this process, on record, and in worker processes."""

from __future__ import annotations

from collections import Counter, OrderedDict, defaultdict, deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any, Union

import pytest

import sematic
from sematic.types.tests import samples_attrs, samples_custom, samples_generic, samples_pydantic
from sematic.types.tests.same import same
from sematic.types.tests.samples_generic import Box, IntBox, Movie, Shape, Square

Json = Union[None, bool, int, float, str, list["Json"], dict[str, "Json"]]  # noqa: UP007


@pytest.fixture(params=["silent", "local", "workers"])
def resolver(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv("SEMATIC_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("SEMATIC_PROGRESS", "quiet")
    if request.param == "silent":
        return sematic.SilentResolver()
    return sematic.LocalResolver(max_parallelism=2 if request.param == "workers" else None)


@sematic.func(inline=False)
def boxes(value: Box[int]) -> Box[int]:
    return value


@sematic.func(inline=False)
def documents(value: Json) -> Json:
    return value


@sematic.func(inline=False)
def movies(value: Movie) -> Movie:
    return value


@sematic.func(inline=False)
def shapes(value: Shape) -> Shape:
    return value


@sematic.func(inline=False)
def molecules(value: samples_custom.Molecule) -> samples_custom.Molecule:
    return value


@sematic.func(inline=False)
def models(value: samples_pydantic.Plain) -> samples_pydantic.Plain:
    return value


@sematic.func(inline=False)
def attrs(value: samples_attrs.Plain) -> samples_attrs.Plain:
    return value


@sematic.func(inline=False)
def mappings(value: Mapping[str, Sequence[int]]) -> Mapping[str, Sequence[int]]:
    return value


@sematic.func(inline=False)
def queues(value: deque[Decimal]) -> deque[Decimal]:
    return value


@sematic.func(inline=False)
def classes(value: type[Shape]) -> type[Shape]:
    return value


CASES: list[tuple[Callable[[Any], Any], Any]] = [
    (boxes, IntBox(1, "a")),
    (documents, [1, {"a": [None, 2.5]}]),
    (movies, {"title": "x" * 9000}),
    (shapes, Square(2.0)),
    (shapes, samples_generic.Disc(2.0)),
    (molecules, samples_custom.Molecule("H2O")),
    (models, samples_pydantic.Derived(x=1, z="a")),
    (attrs, samples_attrs.Derived(1, z="a")),
    (mappings, OrderedDict(b=(1, 2), a=[3])),
    (mappings, defaultdict(list, a=[1])),
    (queues, deque([Decimal("1.50")], 3)),
    (classes, Square),
]


def test_values_come_back_as_they_were(resolver: Any) -> None:
    for function, value in CASES:
        assert same(sematic.resolve(function(value), resolver), value)


@sematic.func
def number(value: int) -> int:
    return value


@sematic.func
def numbers(count: int) -> list[int]:
    return [number(i) for i in range(count)]


@sematic.func
def total(values: Iterable[float], scale: Mapping[str, float], extra: Json) -> float:
    return sum(values) * scale["a"]


@sematic.func
def gathered(count: int) -> Mapping[str, Sequence[int]]:
    return {"all": numbers(count), "one": (number(7),)}


@sematic.func
def described(title: str) -> Movie:
    return {"year": number(3), "title": title}


@sematic.func
def shaped(side: float) -> Shape:
    return Square(scaled(side))


@sematic.func
def scaled(side: float) -> float:
    return side * 2


@sematic.func
def nested() -> Json:
    return [number(1), {"a": numbers(2)}, "b"]


@sematic.func
def counted() -> Counter[str]:
    return Counter(a=number(3))


@sematic.func
def boxed(box: Box[list[int]], title: str) -> OrderedDict[str, int]:
    return OrderedDict([(title, box.content[0])])


def test_futures_inside_of_all_kinds(resolver: Any) -> None:
    def run(future: Any) -> Any:
        return sematic.resolve(future, resolver)

    assert run(total(numbers(4), {"a": number(2)}, [number(1)])) == 12.0
    assert same(run(gathered(2)), {"all": [0, 1], "one": (7,)})
    assert run(described("a")) == {"title": "a", "year": 3}
    assert run(shaped(1.5)) == Square(3.0)
    assert same(run(nested()), [1, {"a": [0, 1]}, "b"])
    assert same(run(counted()), Counter(a=3))
    assert same(run(boxed(Box(numbers(3)), described("t")["title"])), OrderedDict(t=0))
    assert run(number(boxes(Box(number(3))).content)) == 3


def test_errors_name_the_place() -> None:
    with pytest.raises(sematic.ConversionError, match=r"^boxes\(value\).content: expected int, got str 'a'"):
        boxes(Box("a"))  # type: ignore[arg-type]
    with pytest.raises(sematic.ConversionError, match=r"^documents\(value\)\[0\]\['a'\]: expected "):
        documents([{"a": b"x"}])  # type: ignore[dict-item]
    with pytest.raises(sematic.ConversionError, match=r"expected Box\[int\], got .* a future of list\[int\]"):
        boxes(numbers(1))  # type: ignore[arg-type]
    with pytest.raises(sematic.GraphError, match=r"a Movie future has no key str 'x'; it declares 'title', 'year'"):
        described("a")["x"]  # type: ignore[typeddict-item]
    with pytest.raises(sematic.ConversionError, match=r"its values can be read only once"):
        total((i for i in range(10**9)), {}, None)  # type: ignore[arg-type]
