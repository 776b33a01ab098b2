"""Random types of all families, each with values of it."""

from __future__ import annotations

import collections.abc as abc
import datetime
import decimal
import fractions
import math
import pathlib
import re
import uuid
import zoneinfo
from collections import Counter, OrderedDict, defaultdict, deque
from typing import Any, Literal, Optional, Union

import numpy
import numpy.typing
from hypothesis import strategies as st

from sematic.types.tests import samples_attrs, samples_custom, samples_generic, samples_pydantic
from sematic.types.tests.samples import Base, Color, Derived, Frozen, Holder, Pair, Plain, Point, Right, Slots, Word

Typed = tuple[Any, st.SearchStrategy[Any]]

_LIST: Any = list
_TUPLE: Any = tuple
_SET: Any = set
_FROZENSET: Any = frozenset
_DICT: Any = dict

_ZONES = st.sampled_from(
    [None, datetime.UTC, datetime.timezone(datetime.timedelta(hours=-3, seconds=7), "odd")]
    + [zoneinfo.ZoneInfo(name) for name in ("Europe/Paris", "America/New_York")]
)
_TEXT = st.text(st.characters(), max_size=8) | st.sampled_from(["\ud83d\ude00", "\ud800", "NaN", "x" * 5000])
_INTS = st.integers() | st.sampled_from([1 << 2048, -(1 << 2100)])

_SCALARS: list[Typed] = [
    (None, st.none()),
    (bool, st.booleans()),
    (int, _INTS),
    (float, st.floats(allow_nan=False) | st.just(math.nan)),
    (complex, st.complex_numbers(allow_nan=False)),
    (str, _TEXT),
    (bytes, st.binary(max_size=9) | st.just(b"y" * 5000)),
    (Color, st.sampled_from(Color)),
    (Word, st.sampled_from(Word)),
    (Right, st.sampled_from([Right(0), Right.READ, Right.READ | Right.WRITE])),
    (Literal["a", "b", 3], st.sampled_from(["a", "b", 3])),
    (datetime.datetime, st.datetimes(timezones=_ZONES)),
    (datetime.date, st.dates()),
    (datetime.time, st.times(timezones=_ZONES)),
    (datetime.timedelta, st.timedeltas()),
    (pathlib.Path, st.sampled_from([pathlib.Path("a/b"), pathlib.Path("/"), pathlib.Path(".")])),
    (decimal.Decimal, st.decimals(allow_nan=False)),
    (fractions.Fraction, st.fractions()),
    (uuid.UUID, st.uuids()),
    (range, st.builds(range, st.integers(-9, 9), st.integers(-9, 9), st.integers(1, 3))),
    (datetime.tzinfo, st.sampled_from([datetime.UTC, zoneinfo.ZoneInfo("Asia/Kathmandu")])),
    (re.Pattern[str], st.sampled_from([re.compile("a|ä"), re.compile("x", re.DOTALL)])),
    (type[Base], st.sampled_from([Base, Derived, Plain])),
    (samples_custom.Molecule, st.builds(samples_custom.Molecule, st.text("HO2", max_size=3))),
    (samples_attrs.Frozen, st.builds(samples_attrs.Frozen, x=_INTS)),
    (samples_pydantic.Frozen, st.builds(samples_pydantic.Frozen, x=st.integers(-9, 9))),
]

_POINTS = st.builds(Point, x=_INTS, y=st.floats(allow_nan=False), label=_TEXT)
_BASES = st.builds(Base, name=_TEXT) | st.builds(Derived, name=_TEXT, size=st.floats()) | st.builds(Plain, name=_TEXT)

_OTHERS: list[Typed] = [
    (Point, _POINTS),
    (Base, _BASES),
    (Holder, st.builds(Holder, base=_BASES, points=st.lists(_POINTS, max_size=3))),
    (Slots, st.builds(Slots, a=_INTS, b=st.lists(_TEXT, max_size=2))),
    (Pair, st.builds(Pair, left=_INTS, right=_TEXT)),
    (numpy.ndarray, st.integers(0, 700).map(numpy.arange)),
    (numpy.typing.NDArray[numpy.float32], st.integers(0, 5).map(lambda size: numpy.ones((size, 2), "f4"))),
    (numpy.float32, st.floats(width=32, allow_nan=False).map(numpy.float32)),
]

_JSON = st.recursive(
    st.none() | st.booleans() | _INTS | st.floats(allow_nan=False) | _TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_TEXT, inner, max_size=3),
    max_leaves=5,
)

_OTHERS += [
    (bytearray, st.binary(max_size=9).map(bytearray) | st.just(bytearray(5000))),
    (samples_generic.Document, st.builds(samples_generic.Document, body=_JSON)),
    (samples_generic.Box[int], st.builds(samples_generic.Box, _INTS) | st.builds(samples_generic.IntBox, _INTS, _TEXT)),
    (samples_generic.Pair[str], st.builds(samples_generic.Pair, _TEXT, st.lists(_TEXT, max_size=2))),
    (
        samples_generic.Page[int],
        st.fixed_dictionaries({"items": st.lists(_INTS, max_size=3)}, optional={"next": _INTS}),
    ),
    (samples_generic.Shape, st.builds(samples_generic.Square, st.floats())),
    (
        samples_attrs.Plain,
        st.builds(samples_attrs.Derived, x=_INTS, y=st.floats(allow_nan=False), names=st.just(["a"])),
    ),
    (samples_pydantic.Plain, st.builds(samples_pydantic.Plain, x=st.integers(), y=st.floats(allow_nan=False))),
]

_HASHABLE = [pair for pair in _SCALARS if pair[0] is not float] + [
    (float, st.floats(allow_nan=False)),
    (Frozen, st.builds(Frozen, a=_INTS, b=st.lists(_INTS, max_size=2).map(tuple))),
]


def hashable_types() -> st.SearchStrategy[Typed]:
    return st.recursive(
        st.sampled_from(_HASHABLE),
        lambda inner: st.lists(inner, max_size=2).map(_tuple_of) | inner.map(_frozenset_of),
        max_leaves=2,
    )


def all_types() -> st.SearchStrategy[Typed]:
    return st.recursive(st.sampled_from(_SCALARS + _OTHERS), _containers, max_leaves=4)


def _containers(inner: st.SearchStrategy[Typed]) -> st.SearchStrategy[Typed]:
    return st.one_of(
        inner.map(_list_of),
        inner.map(_any_tuple_of),
        st.lists(inner, max_size=3).map(_tuple_of),
        st.tuples(hashable_types(), inner).map(_dict_of),
        hashable_types().map(_set_of),
        st.one_of(inner.map(_deque_of), inner.map(_sequence_of)),
        st.tuples(hashable_types(), inner).flatmap(_dict_kind_of),
        hashable_types().map(_counter_of),
        inner.map(_optional_of),
        st.tuples(inner, inner).map(_union_of),
    )


def _list_of(typed: Typed) -> Typed:
    return _LIST[typed[0]], st.lists(typed[1], max_size=4)


def _any_tuple_of(typed: Typed) -> Typed:
    return _TUPLE[typed[0], ...], st.lists(typed[1], max_size=4).map(tuple)


def _tuple_of(typed: list[Typed]) -> Typed:
    return _TUPLE[tuple(each[0] for each in typed)], st.tuples(*(each[1] for each in typed))


def _set_of(typed: Typed) -> Typed:
    return _SET[typed[0]], st.sets(typed[1], max_size=4)


def _frozenset_of(typed: Typed) -> Typed:
    return _FROZENSET[typed[0]], st.frozensets(typed[1], max_size=3)


def _dict_of(typed: tuple[Typed, Typed]) -> Typed:
    (key, keys), (value, values) = typed
    return _DICT[key, value], st.dictionaries(keys, values, max_size=4)


def _deque_of(typed: Typed) -> Typed:
    return deque[typed[0]], st.builds(deque, st.lists(typed[1], max_size=4), st.none() | st.integers(0, 5))


def _sequence_of(typed: Typed) -> Typed:
    lists = st.lists(typed[1], max_size=4)
    return abc.Sequence[typed[0]], lists | lists.map(tuple) | lists.map(deque)


def _dict_kind_of(typed: tuple[Typed, Typed]) -> st.SearchStrategy[Typed]:
    (key, keys), (value, values) = typed
    pairs = st.dictionaries(keys, values, max_size=4)
    return st.sampled_from(
        [
            (OrderedDict[key, value], pairs.map(OrderedDict)),
            (defaultdict[key, value], st.builds(defaultdict, st.sampled_from([None, list, Point]), pairs)),
            (abc.Mapping[key, value], pairs | pairs.map(OrderedDict)),
        ]
    )


def _counter_of(typed: Typed) -> Typed:
    return Counter[typed[0]], st.dictionaries(typed[1], _INTS, max_size=4).map(Counter)


def _optional_of(typed: Typed) -> Typed:
    return Optional[typed[0]], typed[1] | st.none()  # noqa: UP045


def _union_of(typed: tuple[Typed, Typed]) -> Typed:
    (left, lefts), (right, rights) = typed
    return Union[left, right], lefts | rights  # noqa: UP007


def values() -> st.SearchStrategy[tuple[Any, Any]]:
    """A type and one value of it."""
    return all_types().flatmap(lambda typed: st.tuples(st.just(typed[0]), typed[1]))
