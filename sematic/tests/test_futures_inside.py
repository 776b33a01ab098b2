"""Futures inside values of every kind that has parts of declared types."""

from __future__ import annotations

from collections import OrderedDict, deque
from dataclasses import dataclass
from typing import Any, NamedTuple, TypedDict

import attrs
import pydantic
import pytest

import sematic


@dataclass(frozen=True)
class Data:
    number: int


class Named(NamedTuple):
    number: int


class Typed(TypedDict):
    number: int


@attrs.define
class Attrs:
    number: int


class Model(pydantic.BaseModel):
    number: int


class Many(NamedTuple):
    data: Data
    named: Named
    typed: Typed
    attrs: Attrs
    queue: deque[int]
    ordered: OrderedDict[str, int]


@sematic.func
def three() -> int:
    return 3


@sematic.func
def all_of_them() -> Many:
    number: Any = three()
    return Many(
        Data(number),
        Named(number),
        {"number": number},
        Attrs(number),
        deque([1, number], maxlen=2),
        OrderedDict(a=number),
    )


@sematic.func
def model() -> Model:
    return Model.model_construct(number=three())


def test_futures_inside_become_references() -> None:
    expected = Many(Data(3), Named(3), {"number": 3}, Attrs(3), deque([1, 3], maxlen=2), OrderedDict(a=3))
    result = sematic.resolve(all_of_them(), sematic.SilentResolver())
    assert result == expected
    assert [type(part) for part in result] == [type(part) for part in expected]


@pytest.mark.parametrize("resolver", [sematic.SilentResolver, sematic.LocalResolver])
def test_a_future_inside_a_model(resolver: Any) -> None:
    assert sematic.resolve(model(), resolver()) == Model(number=3)
