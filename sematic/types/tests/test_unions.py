from __future__ import annotations

import subprocess
import sys
from typing import Any, Dict, List, Literal, Optional, Tuple, Union  # noqa: UP035

import numpy
import pytest

from sematic.errors import ArtifactError, ConversionError
from sematic.types.artifact import MemoryStore, encode
from sematic.types.registry import flows, from_spec, of
from sematic.types.tests.helpers import loaded, round_trip
from sematic.types.tests.samples import Base, Color, Custom, Derived, Holder, IntSub, Plain, Point, Word


@pytest.mark.parametrize(
    ("annotation", "value"),
    [
        (int | None, None),
        (int | None, 3),
        (int | str, "3"),
        (float | int, 3),
        (float | bool, True),
        (list[int] | list[float], [1.5]),
        (list[int] | list[float], [1]),
        (list[list[int]] | list[int] | None, [1, 2]),
        (bytes | str, b"x" * 5000),
        (bytes | None, None),
        (str | int, "y" * 5000),
        (Base | Derived, Derived("d")),
        (Base | Plain | None, Plain("d")),
        (Color | Word | str, Word.YES),
        (Color | Word | str, "yes"),
        (int | object, "anything"),
        (list[int] | object, ["a"]),
        (list[int] | object, [1]),
        (Point | dict[str, int] | numpy.ndarray, {"x": 1}),
        (Custom | int, Custom(1)),
    ],
)
def test_round_trip(annotation: Any, value: Any) -> None:
    result = round_trip(annotation, value)
    assert result == value
    assert type(result) is type(value)
    assert repr(of(annotation).convert(value)) == repr(value) or isinstance(value, Custom)


@pytest.mark.parametrize(
    ("annotation", "value", "expected"),
    [
        (int | str, True, 1),
        (float | int, True, 1),
        (float | None, 3, 3.0),
        (int | str, IntSub(3), 3),
        (float | int, numpy.float64(3.0), 3.0),
        (float | int, numpy.int64(3), 3),
        (float | int, numpy.float32(1.5), 1.5),
        (list[float] | None, [1], [1.0]),
        (str | int, Word.NO, "no"),
    ],
)
def test_nearest_member(annotation: Any, value: Any, expected: Any) -> None:
    result = of(annotation).convert(value)
    assert (result, type(result)) == (expected, type(expected))


@pytest.mark.parametrize(
    ("annotation", "value", "message"),
    [
        (int | str, 3.7, "expected int | str, got float 3.7"),
        (int | None, "3", "expected int | None, got str '3'"),
        (list[int] | None, ["a"], "[0]: expected int, got str 'a'"),
        (Point | None, Point("a"), ".x: expected int, got str 'a'"),  # type: ignore[arg-type]
    ],
)
def test_refusals_tell_the_place(annotation: Any, value: Any, message: str) -> None:
    with pytest.raises(ConversionError) as caught:
        of(annotation).convert(value)
    assert str(caught.value) == message


def test_one_type_however_it_is_written() -> None:
    for left, right in [
        (Union[int, str], Union[str, int]),  # noqa: UP007
        (Optional[int], int | None),  # noqa: UP045
        (Optional[int], None | int),  # noqa: UP045
        (Literal["a", "b"], Literal["b", "a"]),
        (Literal["a", 1, None, True, b"x", Color.RED], Literal[Color.RED, b"x", True, None, 1, "a"]),
        (List[int], list[int]),  # noqa: UP006
        (Dict[str, List[int]], dict[str, list[int]]),  # noqa: UP006
        (Tuple[int, ...], tuple[int, ...]),  # noqa: UP006
        (Tuple[()], tuple[()]),  # noqa: UP006
        (Union[int, Union[str, None]], int | str | None),  # noqa: UP007
    ]:
        assert of(left).spec == of(right).spec
        assert of(left).name == of(right).name
        assert from_spec(of(left).spec) == of(right)
    assert of(float | int).name == "int | float"
    assert of(None | int).name == "int | None"


def test_the_order_of_imports_decides_nothing() -> None:
    program = "from typing import *; from sematic.types.registry import of; {0}; print(of(List[Union[int, str]]).spec)"
    specs = {
        subprocess.run([sys.executable, "-c", program.format(first)], check=True, capture_output=True).stdout
        for first in ("0", "List[Union[str, int]]", "of(List[Union[str, int]])")
    }
    assert len(specs) == 1


def test_values_of_different_members_differ() -> None:
    kind = of(int | float | bool | str)
    assert len({encode(kind, value, MemoryStore()).id for value in (1, 1.0, True, "1")}) == 4


def test_scalar_unions_keep_their_value() -> None:
    assert of(int | None).scalar
    assert of(str | None).scalar
    assert not of(bytes | None).scalar
    assert not of(list[int] | None).scalar
    assert of(str | None).summarise("a") == "a"
    assert of(list[int] | None).summarise([1]) == {"length": 1, "elements": [1]}


@pytest.mark.parametrize("payload", [b"1", b"[2,1]", b"[0]", b"[true,1]", b"[-1,1]", b'[0,"a"]', b"[1,1]"])
def test_corrupt_payloads(payload: bytes) -> None:
    with pytest.raises(ArtifactError):
        loaded(int | str, payload)


@pytest.mark.parametrize(
    ("source", "target", "allowed"),
    [
        (int, int | str, True),
        (bool, int | str, True),
        (int | str, int, False),
        (int | bool, int, True),
        (int | None, int | str | None, True),
        (int | None, float, False),
        (list[int], list[int] | None, True),
        (list[int | str], list[str | int | None], True),
        (Literal["a"], str, True),
        (Literal["a"], Literal["a", "b"], True),
        (Literal["a", "b"], Literal["a"], False),
        (Literal["a", 1], str, False),
        (Literal[1], float, True),
        (str, Literal["a"], False),
        (Derived, Base | None, True),
        (Holder, Base | None, False),
    ],
)
def test_flows(source: Any, target: Any, allowed: bool) -> None:
    assert flows(of(source), of(target)) is allowed


@pytest.mark.parametrize("value", ["a", 1, True, None, b"x", Color.RED])
def test_literals(value: Any) -> None:
    annotation = Literal["a", 1, True, None, b"x", Color.RED]
    result = round_trip(annotation, value)
    assert (result, type(result)) == (value, type(value))
    assert of(annotation).summarise(value) == of(type(value)).summarise(value)


@pytest.mark.parametrize("value", ["b", 2, 1.0, False, b"y", Color.BLUE, [], Word.YES])
def test_literals_refuse(value: Any) -> None:
    with pytest.raises(ConversionError, match="expected Literal"):
        of(Literal["a", 1, True, None, b"x", Color.RED]).convert(value)


@pytest.mark.parametrize("payload", [b"2", b"-1", b'"a"', b"true"])
def test_corrupt_literals(payload: bytes) -> None:
    with pytest.raises(ArtifactError):
        loaded(Literal["a", "b"], payload)


def test_one_and_true_are_different_literals() -> None:
    assert of(list[Literal[1]]) != of(list[Literal[True]])
    with pytest.raises(ConversionError):
        of(Literal[1]).convert(True)
