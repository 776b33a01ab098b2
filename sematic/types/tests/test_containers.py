from __future__ import annotations

import json
import math
from collections import OrderedDict, defaultdict
from typing import Any

import numpy
import pytest

from sematic.errors import ArtifactError, ConversionError, EncodingError, GraphError
from sematic.types.artifact import MemoryStore, compose, converted, encode, load, project
from sematic.types.base import CompositeType
from sematic.types.registry import flows, of
from sematic.types.tests.helpers import DictStore, loaded, round_trip, stored
from sematic.types.tests.samples import Base, Custom, Derived, Hostile, HostileDict, ListSub, Pair, StrSub


@pytest.mark.parametrize(
    ("annotation", "value"),
    [
        (list[int], []),
        (list[int], [1, 1 << 3000, -(1 << 3000)]),
        (list[int], [1 << 2047, -1]),
        (list[float], [1.5, -0.0, math.inf]),
        (list[str], ["a", "\ud83d" + "\ude00", "x" * 5000]),
        (list[bool], [True, False]),
        (list[None], [None, None]),
        (list[bytes], [b"", b"a", b"a", b"b" * 10_000]),
        (list[list[int]], [[], list(range(5000))]),
        (tuple[int, str], (1, "a")),
        (tuple[int, ...], ()),
        (tuple[()], ()),
        (set[int], {3, 1, 2}),
        (frozenset[str], frozenset("abc")),
        (set[bytes], {b"b", b"a", b"z" * 5000}),
        (dict[str, int], {"b": 1, "a": 2}),
        (dict[bytes, bytes], {b"\xff": b"\xfe"}),
        (dict[tuple[int, str], dict[int, None]], {(1, "a"): {2: None}}),
        (dict[frozenset[bytes], int], {frozenset({b"a"}): 1}),
    ],
)
def test_round_trip(annotation: Any, value: Any) -> None:
    result = round_trip(annotation, value)
    assert repr(result) == repr(value) if not isinstance(value, (set, frozenset)) else result == value
    assert type(result) is type(value)


def test_dict_keeps_its_order_and_sets_have_one() -> None:
    assert list(round_trip(dict[str, int], {"b": 1, "a": 2})) == ["b", "a"]
    kind, store = of(set[str]), MemoryStore()
    forward, backward = [str(n) for n in range(50)], [str(n) for n in reversed(range(50))]
    assert encode(kind, set(forward), store).id == encode(kind, set(backward), store).id
    one, other = {"a": 1, "b": 2}, {"b": 2, "a": 1}
    assert encode(of(dict[str, int]), one, store).id != encode(of(dict[str, int]), other, store).id


@pytest.mark.parametrize(
    ("annotation", "value", "expected"),
    [
        (list[float], [1, 2.5], [1.0, 2.5]),
        (list[float], [1.5, 2, 3], [1.5, 2.0, 3.0]),
        (list[int], ListSub([1]), [1]),
        (tuple[float, str], (1, "a"), (1.0, "a")),
        (tuple[int, str], Pair(1, "a"), (1, "a")),
        (set[float], {1, 2}, {1.0, 2.0}),
        (dict[str, float], OrderedDict(b=1, a=2), {"b": 1.0, "a": 2.0}),
        (dict[str, list[int]], defaultdict(list, a=[1]), {"a": [1]}),
        (dict[float, int], {1: 1}, {1.0: 1}),
    ],
)
def test_converts_elements_into_a_new_container(annotation: Any, value: Any, expected: Any) -> None:
    before = repr(value)
    result = of(annotation).convert(value)
    assert repr(result) == repr(expected)
    assert type(result) is type(expected)
    assert repr(value) == before


def test_order_of_an_ordered_dict() -> None:
    value = OrderedDict(a=1, b=2)
    value.move_to_end("a")
    assert list(of(dict[str, int]).convert(value)) == ["b", "a"]


def test_unchanged_containers_are_the_same_object() -> None:
    for annotation, value in [
        (list[int], [1]),
        (list[list[int]], [[1]]),
        (tuple[int, ...], (1,)),
        (set[int], {1}),
        (set[tuple[int, int]], {(1, 2)}),
        (dict[str, list[int]], {"a": [1]}),
    ]:
        assert of(annotation).convert(value) is value


@pytest.mark.parametrize(
    ("annotation", "value", "path"),
    [
        (list[str], "abc", ""),
        (list[int], (1, 2), ""),
        (list[int], {1: 2}, ""),
        (list[int], [1, "a"], "[1]: "),
        (list[list[int]], [[1], [2, None]], "[1][1]: "),
        (tuple[int, str], [1, "a"], ""),
        (tuple[int, str], (1,), ""),
        (tuple[int, str], (1, 2), "[1]: "),
        (tuple[int, ...], (1, "a"), "[1]: "),
        (set[int], frozenset({1}), ""),
        (frozenset[int], {1}, ""),
        (set[int], {"a"}, "['a']: "),
        (dict[str, int], [("a", 1)], ""),
        (dict[str, int], {"a": "b"}, "['a']: "),
        (dict[str, int], {1: 1}, "[key 1]: "),
        (dict[str, dict[str, int]], {"a": {"b": None}}, "['a']['b']: "),
        (dict[str, int], HostileDict(a=1), ""),
        (list[int], Hostile(), ""),
        (list[int], [Hostile()], "[0]: "),
    ],
)
def test_refuses_with_a_path(annotation: Any, value: Any, path: str) -> None:
    with pytest.raises(ConversionError) as caught:
        of(annotation).convert(value)
    assert str(caught.value).startswith(f"{path}expected ")


class Odd(str):
    """A str that equals no other."""

    def __eq__(self, other: object) -> bool:
        return self is other

    def __hash__(self) -> int:
        return id(self)


def test_elements_that_become_equal_are_refused() -> None:
    with pytest.raises(ConversionError, match="keys that differ are the same as str"):
        of(dict[str, int]).convert({Odd("a"): 1, Odd("a"): 2})
    with pytest.raises(ConversionError, match="elements that differ are the same as str"):
        of(set[str]).convert({Odd("a"), Odd("a")})
    assert of(dict[str, int]).convert({StrSub("a"): 1}) == {"a": 1}


def test_a_list_that_contains_itself() -> None:
    loop: list[Any] = []
    loop.append(loop)
    with pytest.raises(ConversionError):
        of(list[list[int]]).convert(loop)
    with pytest.raises(ConversionError):
        converted(of(list[list[list[str]]]), loop, "argument")
    artifact = encode(of(object), loop, MemoryStore())
    again = load(artifact, MemoryStore())
    assert again[0] is again


@pytest.mark.parametrize(
    ("annotation", "payload"),
    [
        (list[int], b"{}"),
        (list[int], b"[1.0]"),
        (list[int], b'["a"]'),
        (list[int], b"[1,[]]"),
        (list[str], b"[1]"),
        (tuple[int, int], b"[1]"),
        (tuple[int, ...], b"null"),
        (set[int], b"[1,1]"),
        (set[int], b"{}"),
        (set[list[int]], b"[[1]]"),
        (dict[str, int], b"{}"),
        (dict[str, int], b'[["a",1],["a",2]]'),
        (dict[str, int], b'[["a"]]'),
        (dict[str, int], b"[[1,1]]"),
        (dict[bytes, int], b"[[1,1]]"),
        (list[bytes], b'["a"]'),
    ],
)
def test_corrupt_payloads(annotation: Any, payload: bytes) -> None:
    with pytest.raises(ArtifactError):
        loaded(annotation, payload)


def test_summaries_are_capped() -> None:
    deep: Any = 1
    annotation: Any = int
    for _ in range(8):
        deep, annotation = [deep] * 20, list[annotation]
    for kind, value in [
        (annotation, deep),
        (list[str], ["x" * 1000] * 1000),
        (dict[str, list[str]], {str(n): ["y" * 1000] * 99 for n in range(99)}),
        (set[int], set(range(1000))),
        (tuple[int, ...], tuple(range(1000))),
    ]:
        summary = of(kind).summarise(value)
        assert summary["length"] == len(value)
        assert len(json.dumps(summary)) < 60_000
    assert of(list[int]).summarise(list(range(100)))["elements"] == list(range(10))
    assert of(dict[str, int]).summarise({"a": 1}) == {"length": 1, "items": [["a", 1]]}


def test_summaries_never_fail() -> None:
    artifact = encode(of(list[object]), [print, Custom(1)], MemoryStore())
    json.dumps(artifact.summary)


def test_items_of_futures() -> None:
    assert of(list[int]).item(-1) is of(list[int]).item(None) is of(int)
    assert of(list[int]).item(numpy.int64(1)) is of(int)
    assert of(tuple[int, str]).item(-1) is of(str)
    assert of(tuple[int, int]).item(None) is of(int)
    assert of(tuple[int, ...]).item(5) is of(tuple[int, ...]).item(None) is of(int)
    assert of(dict[str, int]).item("a") is of(dict[str, int]).item(None) is of(int)
    assert of(dict[int | None, str]).item(None) is of(str)


@pytest.mark.parametrize(
    ("annotation", "key"),
    [
        (list[int], "a"),
        (list[int], slice(0, 1)),
        (tuple[int, str], 2),
        (tuple[int, str], -3),
        (tuple[int, str], None),
        (tuple[int, str], 1.0),
        (tuple[int, ...], "a"),
        (tuple[()], None),
        (dict[str, int], 1),
        (int, 0),
        (set[int], 0),
        (list[int] | int, 0),
    ],
)
def test_items_that_cannot_be(annotation: Any, key: Any) -> None:
    with pytest.raises(GraphError):
        of(annotation).item(key)


def test_fields_of_containers() -> None:
    with pytest.raises(AttributeError, match="no field 'append'"):
        of(list[int]).field("append")


def test_projection_raises_what_the_value_would() -> None:
    store = DictStore()
    numbers = stored(list[int], [1, 2], store)
    assert load(project(numbers, -1, store), store) == 2
    with pytest.raises(IndexError):
        project(numbers, 2, store)
    with pytest.raises(TypeError):
        project(numbers, "a", store)
    pairs = stored(dict[str, int], {"a": 1}, store)
    assert load(project(pairs, "a", store), store) == 1
    for key in ("b", 1):
        with pytest.raises(KeyError):
            project(pairs, key, store)
    with pytest.raises(IndexError):
        project(stored(tuple[int, str], (1, "a"), store), 2, store)
    with pytest.raises(TypeError):
        project(stored(set[int], {1}, store), 0, store)
    with pytest.raises(TypeError):
        project(stored(int | list[int], [1], store), 0, store)


@pytest.mark.parametrize(
    ("source", "target", "allowed"),
    [
        (list[int], list[float], True),
        (list[float], list[int], False),
        (list[int], tuple[int, ...], False),
        (tuple[int, int], tuple[float, ...], True),
        (tuple[int, str], tuple[int, ...], False),
        (tuple[int, ...], tuple[int, int], False),
        (tuple[int, ...], tuple[float, ...], True),
        (tuple[int], tuple[int, int], False),
        (tuple[int, int], tuple[int], False),
        (tuple[()], tuple[int, ...], True),
        (set[int], set[float], True),
        (set[int], frozenset[int], False),
        (dict[str, int], dict[str, float], True),
        (dict[int, int], dict[str, int], False),
        (list[int], object, True),
        (list[int | None], list[int], False),
        (list[int], list[int | None], True),
    ],
)
def test_flows(source: Any, target: Any, allowed: bool) -> None:
    assert flows(of(source), of(target)) is allowed


@pytest.mark.parametrize("annotation", [list[int], tuple[int, str], tuple[int, ...], dict[str, int], int | list[int]])
@pytest.mark.parametrize("value", ["abc", None, 3, Hostile()])
def test_split_refuses_what_is_no_container(annotation: Any, value: Any) -> None:
    kind = of(annotation)
    assert isinstance(kind, CompositeType)
    with pytest.raises(ConversionError):
        kind.split(value)


def test_split_lists_elements_as_they_are() -> None:
    kind = of(dict[str, int])
    assert isinstance(kind, CompositeType)
    marker = object()
    assert kind.split({"a": marker}) == (["a"], [("['a']", of(int), marker)])
    union = of(list[int] | list[str] | None)
    assert isinstance(union, CompositeType)
    _, elements = union.split([marker, "a"])
    assert [type for _, type, _ in elements] == [of(str), of(str)]


@pytest.mark.parametrize(
    ("annotation", "value"),
    [
        (list[int], [1, 2]),
        (tuple[int, str], (1, "a")),
        (dict[str, int], {"a": 1, "b": 2}),
        (list[int] | None, [1]),
        (Base, Derived("d", 1.0)),
        (Pair, Pair(1, "a")),
    ],
)
def test_composed_containers_have_the_same_summary(annotation: Any, value: Any) -> None:
    kind, store = of(annotation), MemoryStore()
    assert isinstance(kind, CompositeType)
    shape, elements = kind.split(value)
    made = compose(kind, shape, [encode(type, item, store) for _, type, item in elements], store)
    whole = encode(kind, value, store)
    assert made.id == whole.id
    assert made.summary == whole.summary


def test_elements_that_cannot_be_stored() -> None:
    with pytest.raises(EncodingError, match="Hostile cannot be stored"):
        encode(of(list[object]), [Hostile()], MemoryStore())
