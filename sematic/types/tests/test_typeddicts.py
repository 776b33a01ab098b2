from __future__ import annotations

import json
from collections import OrderedDict
from collections.abc import Mapping
from typing import Any

import pytest

from sematic.errors import ArtifactError, ConversionError, DefinitionError, GraphError
from sematic.types.artifact import MemoryStore, compose, encode, load, project
from sematic.types.base import CompositeType
from sematic.types.registry import flows, from_spec, of
from sematic.types.tests import samples_generic as samples
from sematic.types.tests.helpers import DictStore, loaded, round_trip, stored
from sematic.types.tests.same import same
from sematic.types.tests.samples_generic import LongPage, More, Movie, Odd, Other, Page, Partial, Tree


@pytest.mark.parametrize(
    ("annotation", "value"),
    [
        (Movie, {"title": "a"}),
        (Movie, {"title": "a", "year": 1}),
        (Partial, {"b": ""}),
        (More, {"a": 1, "b": "", "c": 0.5}),
        (More, {"b": "", "c": 0.0}),
        (Other, {"a": 1}),
        (Tree, {"name": "a", "children": [{"name": "b", "children": []}]}),
        (Odd, {"$": 1, "$class": 2, "a b": 3}),
        (Page[int], {"items": [1]}),
        (LongPage[str], {"items": ["a"], "next": 1, "first": "b"}),
        (list[Movie | Partial], [{"title": "a"}, {"b": "x"}]),
        (Movie, {"title": "x" * 9000}),
    ],
)
def test_round_trip(annotation: Any, value: Any) -> None:
    assert same(round_trip(annotation, value), value)


@pytest.mark.parametrize(
    ("annotation", "value", "message"),
    [
        (Movie, {}, "expected Movie, got dict {} (it has no key 'title')"),
        (Movie, {"title": 1}, "['title']: expected str, got int 1"),
        (Movie, {"title": "a", "x": 1}, "expected Movie, got dict {'title': 'a', 'x': 1} (it has a key str 'x'"),
        (Movie, {"title": "a", 1: 1}, "expected Movie, got dict"),
        (Movie, [("title", "a")], "expected Movie, got list"),
        (Partial, {"a": 1}, "expected Partial, got dict {'a': 1} (it has no key 'b')"),
        (Tree, {"name": "a", "children": [{"name": 1, "children": []}]}, "['children'][0]['name']: expected str"),
        (LongPage[str], {"items": [1], "first": "a"}, "['items'][0]: expected str, got int 1"),
    ],
)
def test_refuses_with_a_path(annotation: Any, value: Any, message: str) -> None:
    with pytest.raises(ConversionError) as caught:
        of(annotation).convert(value)
    assert str(caught.value).startswith(message)


def test_keys_have_the_declared_order() -> None:
    converted = of(Movie).convert({"year": 1, "title": "a"})
    assert list(converted) == ["title", "year"]
    assert of(Movie).convert(converted) is converted
    one, other = (
        encode(of(Movie), of(Movie).convert(value), MemoryStore()).id
        for value in (converted, {"year": 1, "title": "a"})
    )
    assert one == other


def test_which_keys_are_required_is_known_from_text_too() -> None:
    assert of(Movie).required == {"title"}  # type: ignore[attr-defined]
    assert of(Partial).required == {"b"}  # type: ignore[attr-defined]
    assert of(More).required == {"b", "c"}  # type: ignore[attr-defined]
    assert of(Other).required == {"a"}  # type: ignore[attr-defined]


def test_flows() -> None:
    assert flows(of(More), of(More))
    assert not flows(of(More), of(Partial)), "it may hold c"
    assert flows(of(Page[int]), of(Page[float]))
    assert not flows(of(Page[float]), of(Page[int]))
    assert not flows(of(dict[str, int]), of(Partial))
    assert flows(of(Movie), of(dict[str, str | int]))
    assert flows(of(Movie), of(Mapping[str, object]))
    assert not flows(of(Movie), of(dict[str, str]))
    assert not flows(of(Movie), of(OrderedDict[str, object]))


def test_projections() -> None:
    kind = of(Movie)
    assert kind.item("title") is of(str)
    for key in ("x", 1, None):
        with pytest.raises(GraphError):
            kind.item(key)
    store = DictStore()
    whole = stored(Movie, {"title": "x" * 9000}, store)
    assert load(project(whole, "title", store), store) == "x" * 9000
    with pytest.raises(KeyError):
        project(whole, "year", store)
    odd = stored(Odd, {"$": 1, "$class": 2, "a b": 3}, store)
    assert load(project(odd, "$", store), store) == 1


def test_futures_inside() -> None:
    kind = of(Movie)
    assert isinstance(kind, CompositeType)
    marker = object()
    shape, elements = kind.split({"year": marker, "title": "a"})
    assert elements == [("['title']", of(str), "a"), ("['year']", of(int), marker)]
    store = DictStore()
    children = [encode(of(str), "a", store), encode(of(int), 3, store)]
    made = compose(kind, json.loads(json.dumps(shape)), children, store)
    assert made.id == encode(kind, {"title": "a", "year": 3}, store).id
    assert made.summary == kind.summarise({"title": "a", "year": 3})
    shape, elements = kind.split({"year": marker})
    with pytest.raises(ConversionError, match="without the key 'title'"):
        compose(kind, shape, children[1:], store)


def test_specs() -> None:
    for annotation in (Movie, Page[int], LongPage[list[str]]):
        kind = of(annotation)
        assert from_spec(json.loads(json.dumps(kind.spec))) is kind


@pytest.mark.parametrize("payload", [b"{}", b"[]", b'{"title":1}', b'{"title":"a","x":1}', b'{"title":{"$":"a"}}'])
def test_corrupt_payloads(payload: bytes) -> None:
    with pytest.raises(ArtifactError):
        loaded(Movie, payload)


def test_a_value_that_cannot_be_supported() -> None:
    with pytest.raises(DefinitionError, match="Any is not supported"):
        of(Page[Any])
    with pytest.raises(DefinitionError, match=r"Page\['items'\]: ~T is not supported"):
        of(samples.Page)
