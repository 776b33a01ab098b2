from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import numpy
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL.PngImagePlugin import iTXt
from PIL.TiffImagePlugin import IFDRational

from sematic.errors import ConversionError
from sematic.types import packed
from sematic.types.sections import Section
from sematic.types.tests.same import same

LEAVES = (
    st.none()
    | st.booleans()
    | st.integers(-(2**80), 2**80)
    | st.floats()
    | st.text(st.characters())
    | st.binary()
    | st.datetimes()
    | st.decimals(allow_nan=False)
    | st.sampled_from([numpy.float32(1.5), "\ud83d\ude00"[0] + "\ud83d", "$part", datetime(2020, 1, 1, tzinfo=UTC)])
)
KEYS = st.text(st.characters()) | st.integers() | st.just("$tuple") | st.tuples(st.integers())
TREES = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner) | st.lists(inner).map(tuple) | st.dictionaries(KEYS, inner),
)


def there_and_back(value: Any) -> Any:
    parts: list[Section] = []
    text = json.dumps(packed.pack(value, parts))
    return packed.unpack(json.loads(text), [b"".join(part.pieces) for part in parts])


@given(TREES)
def test_trees_come_back(value: Any) -> None:
    assert same(there_and_back(value), value)


@given(st.recursive(st.none() | st.integers() | st.text("abc"), lambda inner: st.lists(inner)))
def test_what_json_can_say_is_as_anybody_would_write_it(value: Any) -> None:
    assert packed.pack({"a": value}, []) == {"a": value}


def test_arrays_are_parts_and_those_of_objects_are_looked_into() -> None:
    parts: list[Section] = []
    value = {"a": numpy.arange(6).reshape(2, 3), "b": numpy.array([["x", None], [1, datetime(2020, 1, 1)]], object)}
    data = packed.pack(value, parts)
    assert len(parts) == 1
    found = packed.unpack(data, [b"".join(part.pieces) for part in parts])
    assert same(found["a"], value["a"])
    assert found["b"].tolist() == value["b"].tolist()


def test_pillows_own_numbers_and_texts() -> None:
    for value in (IFDRational(1, 3), IFDRational(0.5), iTXt("text", "de", "Schlüssel")):
        found = there_and_back([value])[0]
        assert type(found) is type(value)
        assert found == value
    assert there_and_back([iTXt("t", "de", "k")])[0].lang == "de"
    nothing = there_and_back(IFDRational(0, 0))
    assert str(nothing) == str(IFDRational(0, 0))


@pytest.mark.parametrize(
    ("value", "place"),
    [
        ({"a": [1, object()]}, "top.a[1]"),
        ({1: object()}, "top[1]"),
        ((lambda: 0,), "top[0]"),
        ([type("B", (dict,), {})()], "top[0]"),
    ],
)
def test_what_would_have_to_be_pickled_is_refused_by_its_place(value: Any, place: str) -> None:
    with pytest.raises(ConversionError, match="expected numbers, texts") as caught:
        packed.pack(value, [], "top")
    assert str(caught.value).startswith(place)
