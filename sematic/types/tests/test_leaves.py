"""Enums, dates and times, paths, links."""

from __future__ import annotations

import datetime as dt
import enum
import pathlib
import zoneinfo
from typing import Any

import pytest

from sematic.errors import ArtifactError, ConversionError
from sematic.types.artifact import MemoryStore, encode
from sematic.types.link import Link
from sematic.types.registry import flows, of
from sematic.types.tests.helpers import loaded, round_trip
from sematic.types.tests.samples import Color, Right, Unpicklable, Word

PARIS = zoneinfo.ZoneInfo("Europe/Paris")
ODD = dt.timezone(dt.timedelta(hours=-3, microseconds=1))
NAMED = dt.timezone(dt.timedelta(0), "odd")


@pytest.mark.parametrize(
    "value",
    [Color.RED, Color.ROUGE, Color.BLUE, Word.YES, Unpicklable.OTHER, *Unpicklable, *Right, ~Right.READ, Right(0)],
)
def test_enums_are_themselves(value: enum.Enum) -> None:
    assert round_trip(type(value), value) is value
    assert of(type(value)).summarise(value) in (value.name, str(value))


@pytest.mark.parametrize(
    ("annotation", "value"), [(Color, "RED"), (Color, 1), (Color, Word.YES), (Word, "yes"), (Right, 1), (Color, Color)]
)
def test_enums_refuse(annotation: Any, value: Any) -> None:
    with pytest.raises(ConversionError):
        of(annotation).convert(value)


@pytest.mark.parametrize(
    ("annotation", "payload"),
    [(Color, b'"GREEN"'), (Color, b"1"), (Color, b'"mro"'), (Right, b"8"), (Right, b'"READ"')],
)
def test_corrupt_enums(annotation: Any, payload: bytes) -> None:
    with pytest.raises(ArtifactError):
        loaded(annotation, payload)


def test_enum_flows() -> None:
    assert flows(of(Word), of(str))
    assert not flows(of(Color), of(Word))
    assert not flows(of(str), of(Word))


MOMENTS = [
    dt.date(1, 1, 1),
    dt.time(1, 2, 3, 4),
    dt.time(1, 2, fold=1, tzinfo=dt.UTC),
    dt.datetime(2020, 1, 1),
    dt.datetime(9999, 12, 31, 23, 59, 59, 999999),
    dt.datetime(2020, 10, 25, 2, 30, fold=1, tzinfo=PARIS),
    dt.datetime(2020, 10, 25, 2, 30, fold=0, tzinfo=PARIS),
    dt.datetime(2020, 10, 25, 2, 30, fold=1),
    dt.datetime(2020, 1, 1, tzinfo=ODD),
    dt.datetime(2020, 1, 1, tzinfo=NAMED),
    dt.timedelta.max,
    dt.timedelta(microseconds=-1),
]


@pytest.mark.parametrize("value", MOMENTS)
def test_moments(value: Any) -> None:
    result = round_trip(type(value), value)
    assert result == value
    assert repr(result) == repr(value)
    assert getattr(result, "fold", 0) == getattr(value, "fold", 0)
    assert of(type(value)).summarise(value) == str(value)


def test_moments_that_differ_in_the_fold_or_zone_differ() -> None:
    store = MemoryStore()
    ids = {encode(of(dt.datetime), value, store).id for value in MOMENTS if isinstance(value, dt.datetime)}
    assert len(ids) == sum(isinstance(value, dt.datetime) for value in MOMENTS)


class Stamp(dt.datetime):
    """As pandas.Timestamp: finer than a datetime."""

    nanosecond = 0


class Finer(Stamp):
    nanosecond = 1


class NotATime(dt.datetime):
    year = "nan"  # type: ignore[assignment]


class Day(dt.date):
    pass


class Clock(dt.time):
    pass


class Span(dt.timedelta):
    pass


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (Stamp(2020, 1, 1, 1, fold=1, tzinfo=PARIS), dt.datetime(2020, 1, 1, 1, fold=1, tzinfo=PARIS)),
        (Day(2020, 1, 1), dt.date(2020, 1, 1)),
        (Clock(1, fold=1), dt.time(1, fold=1)),
        (Span(1, 2, 3), dt.timedelta(1, 2, 3)),
    ],
)
def test_subclasses_become_the_class_itself(value: Any, expected: Any) -> None:
    result = of(type(expected)).convert(value)
    assert type(result) is type(expected)
    assert repr(result) == repr(expected)


class Zone(dt.tzinfo):
    def utcoffset(self, when: dt.datetime | None) -> dt.timedelta:
        return dt.timedelta(0)

    def dst(self, when: dt.datetime | None) -> None: ...

    def tzname(self, when: dt.datetime | None) -> None: ...


@pytest.mark.parametrize(
    ("annotation", "value"),
    [
        (dt.date, dt.datetime(2020, 1, 1)),
        (dt.date, "2020-01-01"),
        (dt.datetime, dt.date(2020, 1, 1)),
        (dt.datetime, Finer(2020, 1, 1)),
        (dt.datetime, NotATime(2020, 1, 1)),
        (dt.datetime, dt.datetime(2020, 1, 1, tzinfo=Zone())),
        (dt.time, dt.time(1, tzinfo=Zone())),
        (dt.time, dt.datetime(2020, 1, 1)),
        (dt.timedelta, 1),
    ],
)
def test_moments_refuse(annotation: Any, value: Any) -> None:
    with pytest.raises(ConversionError):
        of(annotation).convert(value)


def test_a_zone_without_a_name_is_refused() -> None:
    with open(zoneinfo.TZPATH[0] + "/Europe/Paris", "rb") as file:
        nameless = zoneinfo.ZoneInfo.from_file(file)
    with pytest.raises(ConversionError, match=r"write zoneinfo.ZoneInfo"):
        of(dt.datetime).convert(dt.datetime(2020, 1, 1, tzinfo=nameless))


@pytest.mark.parametrize(
    ("annotation", "payload"),
    [
        (dt.date, b'"2020-13-01"'),
        (dt.date, b"1"),
        (dt.datetime, b'"2020-01-01T00:00:00+01:00"'),
        (dt.datetime, b'["2020-01-01T00:00:00",2,null]'),
        (dt.datetime, b'["2020-01-01T00:00:00",0,"No/Where"]'),
        (dt.datetime, b'["2020-01-01T00:00:00",0,["a"]]'),
        (dt.timedelta, b"[1]"),
        (dt.timedelta, b"[1.5,0,0]"),
        (pathlib.Path, b"1"),
    ],
)
def test_corrupt_moments(annotation: Any, payload: bytes) -> None:
    with pytest.raises(ArtifactError):
        loaded(annotation, payload)


@pytest.mark.parametrize(
    ("annotation", "value"),
    [
        (pathlib.Path, pathlib.Path("/a/b c")),
        (pathlib.Path, pathlib.Path("\udcff")),
        (pathlib.PosixPath, pathlib.PosixPath("..")),
        (pathlib.PurePosixPath, pathlib.PurePosixPath("a")),
        (pathlib.PureWindowsPath, pathlib.PureWindowsPath("c:\\a")),
        (pathlib.PurePath, pathlib.PurePath("a")),
    ],
)
def test_paths(annotation: Any, value: pathlib.PurePath) -> None:
    result = round_trip(annotation, value)
    assert result == value
    assert type(result) is type(value)
    assert of(annotation).summarise(value) == str(value)


def test_paths_convert_to_the_declared_class() -> None:
    assert type(of(pathlib.PurePath).convert(pathlib.Path("a"))) is pathlib.PurePosixPath
    for annotation, value in [(pathlib.Path, "a"), (pathlib.Path, pathlib.PurePosixPath("a"))]:
        with pytest.raises(ConversionError):
            of(annotation).convert(value)
    assert flows(of(pathlib.Path), of(pathlib.PurePath))
    assert not flows(of(pathlib.PurePath), of(pathlib.Path))


def test_links() -> None:
    link = Link("docs", "https://example.org/a?b#c")
    assert round_trip(Link, link) == link
    assert Link("bucket", "s3://bucket/key").url == "s3://bucket/key"


@pytest.mark.parametrize(
    "url", ["", "example.org", "javascript://example.org/%0aalert(1)", "https://", "https:///path", "http://[", 3, None]
)
def test_links_that_lead_nowhere(url: Any) -> None:
    with pytest.raises(ValueError, match=r"is no link"):
        Link("label", url)
