from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import pytest

from sematic.errors import ArtifactError, ConversionError, DefinitionError, EncodingError, GraphError
from sematic.types.artifact import MemoryStore, converted, encode, load, project
from sematic.types.base import CompositeType
from sematic.types.registry import flows, of
from sematic.types.tests import samples
from sematic.types.tests.helpers import DictStore, loaded, round_trip, stored
from sematic.types.tests.samples import (
    Base,
    Custom,
    Derived,
    Empty,
    Frozen,
    Holder,
    Meters,
    Node,
    Pair,
    Plain,
    Point,
    Problem,
    Same,
    Scaled,
    Slots,
    Unset,
)


@pytest.mark.parametrize(
    "value",
    [
        Point(1),
        Frozen(1, (2, 3)),
        Slots(1, ["a"]),
        Derived("d", 2.0),
        Plain("p"),
        Empty(),
        Node(1, Node(2), [Node(3, children=[Node(4)])]),
        Meters({"a": [Point(1), Point(2)]}, Point(3), b"x" * 9000),
        Holder(Derived("d"), [Point(1, 2.0, "y" * 9000)]),
        Pair(1),
        Same(1.0, 2.0),
    ],
)
def test_round_trip(value: Any) -> None:
    result = round_trip(type(value), value)
    assert result == value
    assert type(result) is type(value)


def test_a_subclass_stays_one_and_changes_the_digest() -> None:
    for value in (Derived("d"), Plain("b")):
        result = round_trip(Base, value)
        assert type(result) is type(value)
        assert result == value
    ids = {encode(of(Base), value, MemoryStore()).id for value in (Base("b"), Plain("b"), Derived("b"))}
    assert len(ids) == 3


def test_post_init_does_not_run_again() -> None:
    value = Scaled(10, 3, log=["a"])
    seen = Scaled.seen
    assert round_trip(Scaled, value) == value
    assert Scaled.seen == seen
    assert (value.value, value.derived) == (30, 31)


def test_only_declared_fields_are_kept() -> None:
    value = Point(1)
    value.extra = 5  # type: ignore[attr-defined]
    assert not hasattr(round_trip(Point, value), "extra")


def test_conversion_makes_a_new_instance_only_when_a_field_changes() -> None:
    same = Point(1)
    assert of(Point).convert(same) is same
    given = Frozen(True, (True,))
    result = of(Frozen).convert(given)
    assert repr(result) == "Frozen(a=1, b=(1,))"
    assert repr(given) == "Frozen(a=True, b=(True,))"
    assert of(Point).convert(Point(1, y=2)).y == 2.0
    assert repr(of(Same).convert(Same(1, 2))) == "Same(left=1.0, right=2.0)"
    assert repr(of(Base).convert(Derived("d", 3))) == "Derived(name='d', size=3.0)"


@pytest.mark.parametrize(
    ("annotation", "value", "message"),
    [
        (Point, {"x": 1}, "expected Point, got dict {'x': 1}"),
        (Point, None, "expected Point, got None"),
        (Point, Point, "expected Point, got type <class"),
        (Derived, Base("b"), "expected Derived, got Base"),
        (Point, Point("a"), ".x: expected int, got str 'a'"),  # type: ignore[arg-type]
        (Holder, Holder(Base("b"), [Point(1), Point(2, "y")]), ".points[1].y: expected float, got str 'y'"),  # type: ignore[arg-type]
        (Holder, Holder(Derived("b", "s"), []), ".base.size: expected float, got str 's'"),  # type: ignore[arg-type]
        (Unset, Unset(), ".value: expected Unset, got Unset"),
        (Pair, (1, "a"), "expected Pair, got tuple (1, 'a')"),
        (Pair, Pair("a"), ".left: expected int, got str 'a'"),  # type: ignore[arg-type]
    ],
)
def test_refuses_with_a_path(annotation: Any, value: Any, message: str) -> None:
    with pytest.raises(ConversionError) as caught:
        of(annotation).convert(value)
    assert str(caught.value).startswith(message)


def test_a_local_subclass_is_refused() -> None:
    @dataclass
    class Local(Base):
        pass

    with pytest.raises(ConversionError, match=r"subclass .*Local .*define it in a module"):
        of(Base).convert(Local("a"))


class Broken(Base, Exception):
    pass


def test_a_subclass_that_is_more_than_its_fields_is_refused() -> None:
    with pytest.raises(ConversionError, match=r"Broken, which is no dataclass"):
        of(Base).convert(Broken("a"))


def test_a_circle_is_refused() -> None:
    node = Node(1)
    node.next = node
    with pytest.raises(ConversionError, match=r"^argument: expected Node, got a value that contains itself"):
        converted(of(Node), node, "argument")
    with pytest.raises(EncodingError, match=r"contains itself"):
        encode(of(Node), node, MemoryStore())
    json.dumps(of(Node).summarise(node))


@pytest.mark.parametrize(
    ("annotation", "payload", "message"),
    [
        (Point, b"[]", "no recorded Point"),
        (Point, b'{"y":1.0}', "has no field 'x', which has no default"),
        (Point, b'{"x":1,"z":2}', "has a field 'z', which it declares no longer"),
        (Point, b'{"x":"a"}', "no recorded int"),
        (Base, b'{"$class":"sematic.types.tests.samples:Point","x":1}', "subclass of Base, but is none"),
        (Base, b'{"$class":"sematic.types.tests.samples:Missing","x":1}', "cannot be imported"),
        (Base, b'{"$class":"no_such_module:Missing","x":1}', "cannot be imported"),
        (Base, b'{"$class":1}', "cannot be decoded"),
        (Pair, b'{"right":"a"}', "has no field 'left', which has no default"),
    ],
)
def test_corrupt_or_foreign_payloads(annotation: Any, payload: bytes, message: str) -> None:
    with pytest.raises(ArtifactError, match=message):
        loaded(annotation, payload)


def test_fields_added_since_take_their_defaults() -> None:
    assert loaded(Point, b'{"x":1}') == Point(1)
    assert loaded(Slots, b'{"a":1}') == Slots(1, [])
    assert loaded(Pair, b'{"left":1}') == Pair(1, "r")


def test_fields_of_futures() -> None:
    assert of(Point).field("x") is of(int)
    assert of(Derived).field("name") is of(str)
    with pytest.raises(AttributeError, match=r"Point has no field 'z'; it declares x, y, label"):
        of(Point).field("z")
    with pytest.raises(AttributeError, match=r"it declares none"):
        of(Empty).field("z")
    with pytest.raises(GraphError):
        of(Point).item(0)
    assert of(Pair).field("left") is of(Pair).item(0) is of(int)
    assert of(Pair).item(-1) is of(str)
    assert of(Same).item(None) is of(float)
    for key in (None, 2, "left"):
        with pytest.raises(GraphError):
            of(Pair).item(key)


def test_projection() -> None:
    store = DictStore()
    whole = stored(Holder, Holder(Derived("d", 2.0), [Point(1)]), store)
    base = project(whole, "base", store)
    assert load(base, store) == Derived("d", 2.0)
    assert load(project(base, "size", store), store) == 2.0
    pair = stored(Pair, Pair(1, "a"), store)
    assert load(project(pair, 1, store), store) == load(project(pair, "right", store), store) == "a"
    with pytest.raises(KeyError):
        project(whole, "missing", store)
    with pytest.raises(IndexError):
        project(pair, 2, store)
    old = stored(Point, Point(1), store)
    old._text = '{"x":1}'
    with pytest.raises(ArtifactError, match=r"has no field 'y'"):
        project(old, "y", store)


def test_split_takes_instances_with_futures_in_them() -> None:
    marker: Any = object()
    kind = of(Base)
    assert isinstance(kind, CompositeType)
    assert kind.split(Base(marker)) == (None, [(".name", of(str), marker)])
    shape, elements = kind.split(Derived("a", marker))
    assert shape == "sematic.types.tests.samples:Derived"
    assert elements == [(".name", of(str), "a"), (".size", of(float), marker)]
    with pytest.raises(ConversionError):
        kind.split({"name": "a"})


def test_summary() -> None:
    assert of(Base).summarise(Derived("d")) == {
        "class": "sematic.types.tests.samples:Derived",
        "fields": {"name": "d", "size": 1.0},
    }


def test_flows() -> None:
    assert flows(of(Derived), of(Base))
    assert flows(of(Plain), of(Base))
    assert not flows(of(Base), of(Derived))
    assert not flows(of(dict[str, int]), of(Point))
    assert flows(of(list[Derived]), of(list[Base]))


def test_dataclasses_that_cannot_be_supported() -> None:
    for _ in range(2):  # also the second time, when its members have been seen before
        with pytest.raises(DefinitionError, match=r"Bad.anything: Any is not supported: use object"):
            of(samples.Indirect)
    with pytest.raises(NameError, match=r"NotDefinedAnywhere"):
        of(samples.Later)
    with pytest.raises(DefinitionError, match=r"Box.content: ~T is not supported: .*write the concrete type"):
        of(samples.Box)
    with pytest.raises(DefinitionError, match=r"write a typing.NamedTuple"):
        of(samples.Untyped)
    with pytest.raises(DefinitionError, match=r"another process cannot import it"):
        of(samples.outer())


def test_a_forward_reference_is_found_once_it_is_defined(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(samples, "NotDefinedAnywhere", int, raising=False)
    assert of(samples.Later).field("other") is of(int)


def test_a_dataclass_that_is_an_exception_is_pickled() -> None:
    assert of(Problem).codec == "pickle"
    assert round_trip(Problem, Problem(3)) == Problem(3)


def test_a_property_that_raises() -> None:
    with pytest.raises(ConversionError, match=r"^.name: .*reading it raised RuntimeError: no"):
        of(Raising).convert(Raising.__new__(Raising))


@dataclass
class Raising(Base):
    @property  # type: ignore[misc]
    def name(self) -> str:  # type: ignore[override]
        raise RuntimeError("no")


def test_other_classes_hold_values_too() -> None:
    assert round_trip(list[Custom], [Custom(1)]) == [Custom(1)]
