"""deque, the kinds of dict, and what collections.abc declares."""

from __future__ import annotations

import collections.abc as abc
import itertools
import json
import typing
from collections import Counter, OrderedDict, UserList, defaultdict, deque
from collections.abc import Iterator
from typing import Any

import pytest

from sematic.errors import ArtifactError, ConversionError, DefinitionError, GraphError
from sematic.types.artifact import compose, encode, load, project
from sematic.types.base import CompositeType
from sematic.types.registry import flows, from_spec, of
from sematic.types.tests.helpers import DictStore, loaded, round_trip, stored
from sematic.types.tests.same import same
from sematic.types.tests.samples import Point


def new_point() -> Point:
    return Point(7)


class Lying(dict[str, int]):
    """A dict that says it is empty."""

    def __len__(self) -> int:
        return 0

    def __iter__(self) -> Iterator[str]:
        return iter(())


CASES = [
    (deque[int], deque([1, 2])),
    (deque[str], deque(["x" * 9000], maxlen=2)),
    (deque[int], deque(maxlen=0)),
    (deque[deque[int]], deque([deque([1])])),
    (OrderedDict[str, int], OrderedDict(b=1, a=2)),
    (Counter[str], Counter("abca")),
    (Counter[tuple[int, str]], Counter({(1, "a"): -2})),
    (defaultdict[str, list[int]], defaultdict(list, a=[1])),
    (defaultdict[str, Point], defaultdict(new_point, a=Point(1))),
    (defaultdict[str, Point], defaultdict(Point)),
    (defaultdict[str, int], defaultdict(None, a=1)),
    (abc.Sequence[int], [1, 2]),
    (abc.Sequence[int], (1, 2)),
    (abc.Sequence[int], range(10)),
    (abc.Sequence[str], deque("ab")),
    (typing.Sequence[int], [1]),
    (abc.MutableSequence[int], deque([1])),
    (abc.Collection[int], {1, 2}),
    (abc.Iterable[int], frozenset({1})),
    (abc.Iterable[int], range(10**12)),
    (abc.Set[int], {1}),
    (abc.Set[int], frozenset({1})),
    (abc.MutableSet[int], {1}),
    (abc.Mapping[str, int], {"a": 1}),
    (abc.Mapping[str, int], OrderedDict(a=1)),
    (abc.Mapping[str, int], Counter("aab")),
    (abc.Mapping[str, int], defaultdict(int, a=1)),
    (abc.Mapping[str, abc.Sequence[int]], {"a": [1], "b": (2,)}),
    (list[abc.Sequence[int] | None], [[1], None, (2,)]),
]


@pytest.mark.parametrize(("annotation", "value"), CASES)
def test_a_value_keeps_its_class(annotation: Any, value: Any) -> None:
    result = round_trip(annotation, value)
    assert same(result, value)
    for name in ("maxlen", "default_factory"):
        assert getattr(result, name, None) is getattr(value, name, None) or name == "maxlen"
    assert getattr(result, "maxlen", None) == getattr(value, "maxlen", None)


def generator() -> Iterator[int]:
    raise AssertionError("it was read")
    yield 1


@pytest.mark.parametrize(
    ("annotation", "value", "message"),
    [
        (deque[int], [1], "expected deque[int], got list"),
        (deque[int], deque(["a"]), "[0]: expected int"),
        (OrderedDict[str, int], {"a": 1}, "expected OrderedDict[str, int], got dict"),
        (Counter[str], {"a": 1}, "expected Counter[str], got dict"),
        (Counter[str], Counter({"a": 1.5}), "['a']: expected int"),
        (defaultdict[str, int], {"a": 1}, "expected defaultdict[str, int], got dict"),
        (defaultdict[str, int], defaultdict(lambda: 3), "expected defaultdict[str, int], got defaultdict"),
        (abc.Sequence[str], "abc", "expected Sequence[str], got str 'abc' (a text is no container of texts here"),
        (abc.Sequence[int], b"abc", "expected Sequence[int], got bytes"),
        (abc.Sequence[int], {1}, "expected Sequence[int], got set"),
        (abc.Sequence[int], ["a"], "[0]: expected int"),
        (abc.Sequence[float], range(3), "expected Sequence[float], got range"),
        (abc.Sequence[int], UserList([1]), "expected Sequence[int], got UserList"),
        (abc.Iterable[str], {"a": 1}, "expected Iterable[str], got dict {'a': 1} (write list(value) for its keys"),
        (abc.Iterable[int], generator(), "expected Iterable[int], got generator"),
        (abc.Iterable[int], itertools.count(), "expected Iterable[int], got count count(0) (its values can be read"),
        (abc.Iterable[int], iter([1]), "expected Iterable[int], got list_iterator"),
        (abc.Mapping[str, int], [("a", 1)], "expected Mapping[str, int], got list"),
        (abc.Mapping[str, int], {"a": "b"}, "['a']: expected int"),
        (abc.MutableSet[int], frozenset({1}), "expected MutableSet[int], got frozenset"),
        (list[int], generator(), "expected list[int], got generator"),
        (list[int], (index for index in range(10**9)), "expected list[int], got generator"),
    ],
)
def test_refuses_with_a_path(annotation: Any, value: Any, message: str) -> None:
    with pytest.raises(ConversionError) as caught:
        of(annotation).convert(value)
    assert str(caught.value).startswith(message)


def test_why_a_generator_is_refused() -> None:
    with pytest.raises(ConversionError, match=r"\(its values can be read only once; pass a list of them\)$"):
        of(abc.Iterable[int]).convert(generator())


def test_the_way_out_of_a_factory_that_has_no_path() -> None:
    def local() -> int:
        return 1

    for factory in (local, lambda: 1, Point(1).__eq__, [].copy):
        with pytest.raises(ConversionError, match="its default_factory is .*write a function or class of a module"):
            of(defaultdict[str, int]).convert(defaultdict(factory))  # type: ignore[arg-type]


def test_elements_are_converted() -> None:
    assert same(of(deque[float]).convert(deque([1], 3)), deque([1.0], 3))
    assert same(of(OrderedDict[str, float]).convert(OrderedDict(a=1)), OrderedDict(a=1.0))
    converted = of(defaultdict[str, float]).convert(defaultdict(float, a=1))
    assert same(converted, defaultdict(float, a=1.0))
    assert converted.default_factory is float
    assert same(of(abc.Sequence[float]).convert((1, 2)), (1.0, 2.0))
    assert same(of(dict[str, int]).convert(Counter("aa")), {"a": 2})
    value = deque([1])
    assert of(deque[int]).convert(value) is value


def test_a_dict_that_lies() -> None:
    value = Lying(a=1)
    assert of(dict[str, int]).convert(value) in ({}, {"a": 1})


def test_flows() -> None:
    assert flows(of(list[int]), of(abc.Sequence[float]))
    assert flows(of(tuple[int, ...]), of(abc.Sequence[int]))
    assert flows(of(tuple[int, int]), of(abc.Sequence[int]))
    assert flows(of(range), of(abc.Iterable[int]))
    assert flows(of(abc.Sequence[int]), of(abc.Iterable[int]))
    assert not flows(of(abc.Iterable[int]), of(abc.Sequence[int]))
    assert not flows(of(abc.Sequence[int]), of(list[int]))
    assert not flows(of(list[str]), of(abc.Sequence[int]))
    assert not flows(of(str), of(abc.Sequence[str]))
    assert flows(of(OrderedDict[str, int]), of(dict[str, int]))
    assert not flows(of(dict[str, int]), of(OrderedDict[str, int]))
    assert flows(of(Counter[str]), of(abc.Mapping[str, int]))
    assert flows(of(dict[str, int]), of(abc.Mapping[str, float]))


def test_specs() -> None:
    for annotation, _ in CASES:
        kind = of(annotation)
        again = from_spec(json.loads(json.dumps(kind.spec)))
        assert (again, again.name) == (kind, kind.name)
        assert of(annotation).name == kind.name


@pytest.mark.parametrize(
    ("annotation", "way_out"),
    [
        (deque, r"write deque\[int\]"),
        (Counter, r"write Counter\[str\]"),
        (OrderedDict, r"write OrderedDict\[str, int\]"),
        (defaultdict, r"write defaultdict\[str, int\]"),
        (abc.Sequence, r"write Sequence\[int\]"),
        (typing.Iterable, r"write Iterable\[int\]"),
        (abc.Mapping, r"write Mapping\[str, int\]"),
        (abc.KeysView[int], r"write list"),
        (typing.ChainMap[str, int], r"pass dict\(value\)"),
    ],
)
def test_bare_containers_are_refused(annotation: Any, way_out: str) -> None:
    with pytest.raises(DefinitionError, match=way_out):
        of(annotation)


def test_parts_and_futures() -> None:
    store = DictStore()
    queue = stored(deque[str], deque(["x" * 9000, "b"], 5), store)
    assert load(project(queue, -1, store), store) == "b"
    assert of(deque[str]).item(0) is of(str)
    with pytest.raises(GraphError):
        of(deque[str]).item("a")
    with pytest.raises(IndexError):
        project(queue, 2, store)
    default = stored(defaultdict[str, int], defaultdict(int, a=1), store)
    assert load(project(default, "a", store), store) == 1
    for annotation, value in CASES:
        kind = of(annotation)
        if isinstance(kind, CompositeType) and len(value) < 5:
            try:
                shape, elements = kind.split(value)
            except ConversionError:
                continue
            children = [encode(type, type.convert(item), store) for _, type, item in elements]
            made = compose(kind, json.loads(json.dumps(shape)), children, store)
            whole = encode(kind, value, store)
            assert (made.id, made.summary) == (whole.id, whole.summary)


@pytest.mark.parametrize("annotation", [deque[int], Counter[str], defaultdict[str, int], abc.Sequence[int]])
@pytest.mark.parametrize(
    "payload", [b"[]", b"{}", b"1", b"[-1]", b"[1,2,3]", b'["a"]', b'["no_such:x"]', b"[true,1]", b"[[]]", b"[9,[1]]"]
)
def test_corrupt_payloads(annotation: Any, payload: bytes) -> None:
    try:
        result = loaded(annotation, payload)
    except ArtifactError:
        return
    assert of(annotation).convert(result) is result


def test_summaries() -> None:
    assert of(deque[int]).summarise(deque(range(99))) == {"length": 99, "elements": list(range(10))}
    assert of(Counter[str]).summarise(Counter("aab")) == {"length": 2, "items": [["a", 2], ["b", 1]]}
    assert of(abc.Mapping[str, int]).summarise({"a": 1}) == {"length": 1, "items": [["a", 1]]}
    assert of(abc.Iterable[int]).summarise(range(10**12)) == "range(0, 1000000000000)"
