from __future__ import annotations

import json
import math
from typing import Any

import numpy
import pytest

from sematic.errors import ArtifactError, ConversionError
from sematic.types.artifact import MemoryStore, encode
from sematic.types.registry import flows, of
from sematic.types.tests.helpers import DictStore, loaded, round_trip, stored
from sematic.types.tests.samples import BytesSub, FloatSub, Hostile, IntSub, StrSub, Word

BIG = 10**5000


@pytest.mark.parametrize(
    ("annotation", "value"),
    [
        (None, None),
        (bool, True),
        (bool, False),
        (int, 0),
        (int, -(1 << 2048)),
        (int, (1 << 2048) - 1),
        pytest.param(int, BIG, id="int-big"),
        (float, -0.0),
        (float, 5e-324),
        (float, 1e16),
        (float, math.inf),
        (float, -math.inf),
        (complex, complex(-0.0, math.inf)),
        (str, ""),
        (str, "NaN"),
        (str, "Infinity \x00 é 😀 \u2028"),
        (str, "\ud800"),
        (str, "\ud83d" + "\ude00"),
        (str, "a\\ud83d\\ude00"),
        (str, "x" * 10_000),
        (bytes, b""),
        (bytes, b"\x00\xff" * 5000),
    ],
)
def test_round_trip(annotation: Any, value: Any) -> None:
    result = round_trip(annotation, value)
    assert result == value
    assert type(result) is type(value)


def test_nan_survives() -> None:
    assert math.isnan(round_trip(float, math.nan))


@pytest.mark.parametrize(
    ("annotation", "value", "expected"),
    [
        (int, True, 1),
        (int, IntSub(3), 3),
        (int, numpy.int8(3), 3),
        (int, numpy.uint64(2**64 - 1), 2**64 - 1),
        (int, numpy.bool_(True), 1),
        (float, 3, 3.0),
        (float, True, 1.0),
        (float, 2**53, 2.0**53),
        (float, 10**22, 1e22),
        (float, FloatSub(1.5), 1.5),
        (float, numpy.float32(0.1), float(numpy.float32(0.1))),
        (float, numpy.float64(0.1), 0.1),
        (float, numpy.int64(7), 7.0),
        (float, numpy.longdouble(1.5), 1.5),
        (bool, numpy.bool_(False), False),
        (str, StrSub("truth"), "truth"),
        (str, numpy.str_("a"), "a"),
        (str, Word.YES, "yes"),
        (bytes, BytesSub(b"truth"), b"truth"),
        (bytes, numpy.bytes_(b"a"), b"a"),
        (complex, numpy.complex128(1j), 1j),
    ],
)
def test_converts_what_is_exact(annotation: Any, value: Any, expected: Any) -> None:
    result = of(annotation).convert(value)
    assert result == expected
    assert type(result) is type(expected)


@pytest.mark.parametrize(
    ("annotation", "value"),
    [
        (None, 0),
        (bool, 1),
        (bool, 0),
        (bool, "False"),
        (bool, numpy.int8(1)),
        (int, 3.0),
        (int, 3.7),
        (int, "3"),
        (int, None),
        (int, numpy.float64(3.0)),
        (int, numpy.array(3)),
        (float, "1"),
        (float, 2**53 + 1),
        pytest.param(float, BIG, id="float-big"),
        (float, 1j),
        (float, numpy.longdouble(1) / 3),
        (float, numpy.timedelta64(1, "ns")),
        (complex, 1),
        (str, b"a"),
        (str, 1),
        (str, None),
        (bytes, "a"),
        (bytes, bytearray(b"a")),
        (int, Hostile()),
        (bytes, Hostile()),
    ],
)
def test_refuses_the_rest(annotation: Any, value: Any) -> None:
    with pytest.raises(ConversionError, match=rf"expected {of(annotation).name}, got"):
        of(annotation).convert(value)


def test_messages_say_what_was_given() -> None:
    with pytest.raises(ConversionError, match=r"^expected int, got str 'wide'$"):
        of(int).convert("wide")
    with pytest.raises(ConversionError, match=r"^expected int, got Hostile \(its repr raised RuntimeError\)$"):
        of(int).convert(Hostile())
    with pytest.raises(ConversionError, match=r"^expected float, got int of \d+ bits \(it is too large\)$"):
        of(float).convert(BIG)
    with pytest.raises(ConversionError, match=r"^expected int, got object object$"):
        of(int).convert(object())
    with pytest.raises(ConversionError, match=r"…$"):
        of(int).convert("x" * 1000)


def test_unchanged_values_are_the_same_object() -> None:
    for value in (10**30, 1.5, "some text", b"some bytes", 1j):
        assert of(type(value)).convert(value) is value


@pytest.mark.parametrize(
    ("annotation", "payload"),
    [
        (None, b"1"),
        (bool, b"1"),
        (int, b"1.0"),
        (int, b"true"),
        (int, b'"12"'),
        (int, b'"0xzz"'),
        (int, b""),
        (int, b"\xff"),
        (float, b"1"),
        (float, b"NaN"),
        (float, b'"nan"'),
        (complex, b"[1.0]"),
        (complex, b'{"a":1}'),
        (str, b"1"),
        (str, b"[1]"),
        (str, b'"abc'),
    ],
)
def test_corrupt_payloads(annotation: Any, payload: bytes) -> None:
    with pytest.raises(ArtifactError):
        loaded(annotation, payload)


def test_summaries_are_small() -> None:
    store = MemoryStore()
    for annotation, value in [(str, "x" * 10**6), (int, BIG), (bytes, b"x" * 10**6)]:
        summary = encode(of(annotation), value, store).summary
        assert len(json.dumps(summary)) < 300
    assert encode(of(float), math.nan, store).summary == "NaN"
    assert encode(of(float), -0.0, store).summary == 0.0
    assert encode(of(int), 3, store).summary == 3
    assert encode(of(complex), 1j, store).summary == "1j"
    assert stored(bool, True, DictStore()).summary is True


@pytest.mark.parametrize(
    ("source", "target", "allowed"),
    [
        (int, int, True),
        (int, float, True),
        (bool, int, True),
        (bool, float, True),
        (float, int, False),
        (int, bool, False),
        (int, str, False),
        (Word, str, True),
        (bytes, bytes, True),
        (str, bytes, False),
        (numpy.int32, int, True),
        (numpy.int32, float, True),
        (numpy.float32, float, True),
        (numpy.float32, int, False),
        (numpy.bool_, bool, True),
        (numpy.bool_, int, True),
        (numpy.datetime64, int, False),
        (numpy.str_, str, True),
        (int, numpy.int32, False),
        (None, int, False),
        (int, object, True),
    ],
)
def test_flows(source: Any, target: Any, allowed: bool) -> None:
    assert flows(of(source), of(target)) is allowed


def test_numbers_of_different_types_differ() -> None:
    assert len({stored(kind, 1, DictStore()).id for kind in (int, float)} | {stored(bool, True, DictStore()).id}) == 3
