from __future__ import annotations

import decimal
import json
import pickle
import threading
import uuid
from typing import Any

import pytest

from sematic.errors import ArtifactError, ConversionError, EncodingError
from sematic.types.artifact import MemoryStore, encode
from sematic.types.registry import flows, of
from sematic.types.tests.helpers import loaded, round_trip
from sematic.types.tests.samples import Abstract, Concrete, Custom, Hostile, Sized


@pytest.mark.parametrize(
    ("annotation", "value"),
    [
        (Custom, Custom([1, {2: 3}])),
        (decimal.Decimal, decimal.Decimal("1.10")),
        (uuid.UUID, uuid.UUID(int=5)),
        (object, {"a": [1, None]}),
        (object, None),
        (range, range(3)),
        (bytearray, bytearray(b"abc")),
        (Sized, [1, 2]),
        (dict[uuid.UUID, int], {uuid.UUID(int=5): 1}),
    ],
)
def test_round_trip(annotation: Any, value: Any) -> None:
    result = round_trip(annotation, value)
    assert result == value
    assert type(result) is type(value)


def test_a_subclass_is_kept() -> None:
    assert type(round_trip(Abstract, Concrete())) is Concrete


def test_functions_may_be_inside_of_objects() -> None:
    assert round_trip(Custom, Custom(lambda x: x + 1)).value(1) == 2


@pytest.mark.parametrize(
    ("annotation", "value"), [(Custom, 1), (Custom, Custom), (Abstract, Custom(1)), (Sized, 3), (decimal.Decimal, 1.0)]
)
def test_refuses_other_classes(annotation: Any, value: Any) -> None:
    with pytest.raises(ConversionError):
        of(annotation).convert(value)


class Odd(type):
    def __instancecheck__(cls, instance: Any) -> bool:
        raise RuntimeError("no")


class Unaskable(metaclass=Odd):
    pass


def test_a_class_that_cannot_be_asked() -> None:
    with pytest.raises(ConversionError, match="checking it raised RuntimeError: no"):
        of(Unaskable).convert(1)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (Hostile(), "a Hostile cannot be stored .RuntimeError: no reduce.; give it __getstate__"),
        (threading.Lock(), "a lock cannot be stored .*; it belongs to one process"),
        ((n for n in "abc"), "a generator cannot be stored .*return a list"),
        (Custom(threading.Lock()), "a Custom cannot be stored"),
    ],
)
def test_what_cannot_be_stored_is_said(value: Any, message: str) -> None:
    with pytest.raises(EncodingError, match=message):
        encode(of(object), value, MemoryStore())


def test_summaries_are_marked_and_small() -> None:
    summary = of(object).summarise("x" * 10**6)
    assert summary["pickle"] is True
    assert summary["class"] == "builtins:str"
    assert len(json.dumps(summary)) < 400
    assert of(object).summarise(Hostile())["repr"] == "(its repr raised RuntimeError)"
    assert of(object).summarise(list(range(10**6)))["repr"] == "[0, 1, 2, 3, 4, 5, ...]"
    assert "0x" not in of(object).summarise(object())["repr"]


@pytest.mark.parametrize(
    "payload", [b"", b"garbage", pickle.dumps(Custom(1))[:-3], pickle.dumps(3), b"cno_module\nA\n."]
)
def test_corrupt_payloads(payload: bytes) -> None:
    with pytest.raises((ArtifactError, ImportError)):
        loaded(Custom, payload, "pickle")


def test_flows() -> None:
    assert flows(of(Concrete), of(Abstract))
    assert not flows(of(Custom), of(Abstract))
    assert flows(of(Custom), of(object))
    assert not flows(of(object), of(Custom))
    assert flows(of(bool), of(object))
    assert not flows(of(int), of(Custom))
