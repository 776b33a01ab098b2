"""Abstract classes, protocols, and classes as values."""

from __future__ import annotations

import collections.abc as abc
import enum
import json
from typing import Any

import pytest

from sematic.errors import ArtifactError, ConversionError, DefinitionError
from sematic.types.artifact import MemoryStore, compose, encode, load
from sematic.types.base import CompositeType
from sematic.types.registry import flows, from_spec, of
from sematic.types.tests import samples
from sematic.types.tests.helpers import DictStore, loaded, round_trip, stored
from sematic.types.tests.samples_generic import (
    Box,
    Checked,
    Disc,
    Named,
    Numbered,
    Person,
    Runs,
    Service,
    Shape,
    Square,
)


@pytest.mark.parametrize(
    ("annotation", "value", "pickled"),
    [
        (Shape, Square(1.5), False),
        (Shape, Disc(2.0), True),
        (Service, Service(), True),
        (Named, Person("a"), False),
        (samples.Sized, "abc", False),
        (samples.Sized, b"abc" * 3000, False),
        (samples.Sized, [1, 2], True),
        (abc.Hashable, 3, False),
        (list[Shape], [Square(1.0), Disc(2.0)], True),
        (Shape | int, Square(2.0), False),
    ],
)
def test_a_value_is_kept_as_what_its_class_is(annotation: Any, value: Any, pickled: bool) -> None:
    result = round_trip(annotation, value)
    assert type(result) is type(value)
    assert result == value
    store = DictStore()
    stored(annotation, value, store)
    assert any(b"\x80\x05" in data for data in store.blobs.values()) is pickled


@pytest.mark.parametrize(
    ("annotation", "value", "message"),
    [
        (Shape, 3, "expected Shape, got int 3"),
        (Shape, Square, "expected Shape, got ABCMeta"),
        (Shape, Square("a"), ".side: expected float, got str 'a'"),  # type: ignore[arg-type]
        (Named, 3, "expected Named, got int 3"),
        (Named, Numbered(3), ".name: expected str, got int 3"),
        (samples.Sized, 3, "expected Sized, got int 3"),
    ],
)
def test_refuses(annotation: Any, value: Any, message: str) -> None:
    with pytest.raises(ConversionError) as caught:
        of(annotation).convert(value)
    assert str(caught.value).startswith(message)


class Trap:
    @property
    def name(self) -> str:
        raise RuntimeError("no")


def test_a_property_that_raises_is_no_crash() -> None:
    with pytest.raises(
        ConversionError, match="expected Named, got Trap .*(checking it|reading .name) raised RuntimeError"
    ):
        of(Named).convert(Trap())


def test_attributes_that_cannot_be_stored_need_only_be_there() -> None:
    assert list(of(Runs).attributes) == []  # type: ignore[attr-defined]
    assert list(of(Named).attributes) == ["name"]  # type: ignore[attr-defined]


def test_a_protocol_that_cannot_be_checked() -> None:
    with pytest.raises(DefinitionError, match="@typing.runtime_checkable"):
        of(Checked)


def test_flows() -> None:
    assert flows(of(Square), of(Shape))
    assert flows(of(Disc), of(Shape))
    assert not flows(of(Shape), of(Square))
    assert not flows(of(Person), of(Shape))
    assert flows(of(Shape), of(Shape))
    assert flows(of(Person), of(Named)), "only a value tells"
    assert flows(of(str), of(samples.Sized))
    assert not flows(of(int), of(samples.Sized))
    assert flows(of(Shape), of(object))


def test_futures_inside() -> None:
    kind = of(Shape)
    assert isinstance(kind, CompositeType)
    marker: Any = object()
    shape, elements = kind.split(Square(marker))
    assert elements == [(".side", of(float), marker)]
    store = MemoryStore()
    made = compose(kind, json.loads(json.dumps(shape)), [encode(of(float), 2.0, store)], store)
    whole = encode(kind, Square(2.0), store)
    assert (made.id, made.summary) == (whole.id, whole.summary)
    assert load(made, store) == Square(2.0)
    with pytest.raises(ConversionError):
        kind.split(Disc(1.0))


@pytest.mark.parametrize(
    "payload",
    [b"1", b"[]", b'[["int"],1]', b'[["nonsense"],1]', b'[["dataclass","no_such_module:A"],{}]', b"[1,1]", b"[[],1]"],
)
def test_corrupt_payloads(payload: bytes) -> None:
    with pytest.raises(ArtifactError):
        loaded(Shape, payload)


class Meta(type):
    def __subclasscheck__(cls, other: type) -> bool:
        raise RuntimeError("no")


class Unaskable(metaclass=Meta):
    pass


@pytest.mark.parametrize(
    ("annotation", "value"),
    [
        (type[Shape], Square),
        (type[Shape], Shape),
        (type[int | str], bool),
        (type, dict),
        (type[Any], samples.Color),
        (type[object], type),
        (type[enum.Enum], samples.Color),
        (dict[str, type[Shape]], {"a": Disc}),
        (Box[type[int]], Box(int)),
    ],
)
def test_classes_are_values(annotation: Any, value: Any) -> None:
    assert round_trip(annotation, value) == value


@pytest.mark.parametrize(
    ("annotation", "value", "message"),
    [
        (type[Shape], int, r"expected type\[Shape\], got type <class 'int'>"),
        (type[Shape], Square(1.0), r"expected type\[Shape\], got Square"),
        (type[int], 3, r"expected type\[int\], got int 3"),
        (type, list[int], r"expected type\[object\], got GenericAlias"),
        (type, samples.outer(), r"another process cannot import it"),
        (type[Unaskable], int, r"expected type\[Unaskable\]"),
    ],
)
def test_what_is_no_such_class(annotation: Any, value: Any, message: str) -> None:
    with pytest.raises(ConversionError, match=message):
        of(annotation).convert(value)


def test_types_of_classes() -> None:
    assert from_spec(of(type[int | str]).spec) == of(type[str | int])
    assert flows(of(type[Square]), of(type[Shape]))
    assert flows(of(type[Square]), of(type))
    assert not flows(of(type[Shape]), of(type[Square]))
    with pytest.raises(DefinitionError, match="without parameters"):
        of(type[list[int]])
    for payload in (b"1", b'"builtins:int"', b'"sematic.types.tests.samples:Missing"', b'"os:getcwd"'):
        with pytest.raises(ArtifactError):
            loaded(type[Shape], payload)
