"""date, time, datetime and timedelta: ISO text, with fold and time zone where there are any."""

from __future__ import annotations

import sys
from datetime import date, datetime, time, timedelta, timezone, tzinfo
from typing import Any

from sematic.errors import ArtifactError
from sematic.types.artifact import PartReader, PartWriter
from sematic.types.base import Json, JsonType, ValueType, describe
from sematic.types.jsontext import dumps
from sematic.types.registry import Row, register

_MICROSECOND = timedelta(microseconds=1)


class MomentType(JsonType):
    """What all four have in common."""

    scalar = True
    bounded = True
    python: type

    def __init__(self, python: type) -> None:
        super().__init__([python.__name__], python.__name__)
        self.python = python

    def accepts(self, source: ValueType) -> bool:
        return False

    def convert(self, value: Any) -> Any:
        if type(value) is self.python:
            return self._checked(value)
        if not issubclass(type(value), self.python) or _nanoseconds(value):
            raise self.refuse(value)
        try:
            return self._checked(self._exactly(value))
        except (TypeError, ValueError):  # pandas.NaT is a datetime without a year
            raise self.refuse(value) from None

    def summarise(self, value: Any) -> Json:
        return str(value)

    def _exactly(self, value: Any) -> Any:
        raise NotImplementedError

    def _checked(self, value: Any) -> Any:
        return value

    def _corrupt(self, data: Json) -> ArtifactError:
        return ArtifactError(f"{describe(data)} is no recorded {self.name}")

    def _text(self, data: Json) -> str:
        if data.__class__ is not str:
            raise self._corrupt(data)
        return str(data)


class DateType(MomentType):
    """A day. A datetime is none: its time would be lost."""

    exact = True

    def convert(self, value: Any) -> date:
        if issubclass(type(value), datetime):
            raise self.refuse(value, "write value.date()")
        day: date = super().convert(value)
        return day

    def to_json(self, value: date, parts: PartWriter) -> str:
        return f'"{date.isoformat(value)}"'

    def from_json(self, data: Json, parts: PartReader | None) -> date:
        return date.fromisoformat(self._text(data))

    def _exactly(self, value: date) -> date:
        return date(value.year, value.month, value.day)


class TimedeltaType(MomentType):
    """Days, seconds and microseconds."""

    exact = True

    def to_json(self, value: timedelta, parts: PartWriter) -> str:
        return f"[{value.days},{value.seconds},{value.microseconds}]"

    def from_json(self, data: Json, parts: PartReader | None) -> timedelta:
        days, seconds, microseconds = data
        return timedelta(days=_int(days), seconds=_int(seconds), microseconds=_int(microseconds))

    def _exactly(self, value: timedelta) -> timedelta:
        return timedelta(value.days, value.seconds, value.microseconds)


class ClockType(MomentType):
    """time and datetime: text alone when they are naive and not folded, else ``[text, fold, zone]``."""

    def to_json(self, value: Any, parts: PartWriter) -> str:
        text = self.python.isoformat(value.replace(tzinfo=None))  # type: ignore[attr-defined]
        if value.tzinfo is None and not value.fold:
            return f'"{text}"'
        return dumps([text, value.fold, zone_json(value.tzinfo)])

    def from_json(self, data: Json, parts: PartReader | None) -> Any:
        text, fold, zone = data if data.__class__ is list else (data, 0, None)
        value = self.python.fromisoformat(self._text(text))  # type: ignore[attr-defined]
        if value.tzinfo is not None:
            raise self._corrupt(data)
        return value.replace(fold=_int(fold), tzinfo=read_zone(zone))

    def _checked(self, value: Any) -> Any:
        if value.tzinfo is not None and zone_json(value.tzinfo) is None:
            raise self.refuse(value, f"its zone is a {type(value.tzinfo).__qualname__}; write zoneinfo.ZoneInfo(name)")
        return value


class TimeType(ClockType):
    """A time of day."""

    def _exactly(self, value: time) -> time:
        return time(value.hour, value.minute, value.second, value.microsecond, value.tzinfo, fold=value.fold)


class DatetimeType(ClockType):
    """A day and time."""

    def _exactly(self, value: datetime) -> datetime:
        day = (value.year, value.month, value.day)
        return datetime(  # noqa: DTZ001 - the time zone is that of the value
            *day, value.hour, value.minute, value.second, value.microsecond, value.tzinfo, fold=value.fold
        )


def _nanoseconds(value: Any) -> bool:
    """pandas' subclasses count them; they would be lost."""
    return bool(getattr(value, "nanosecond", None) or getattr(value, "nanoseconds", None))


def zone_json(zone: tzinfo | None) -> Json:
    """A name of the time zone database, ``[microseconds]`` or ``[microseconds, name]``; None for other classes."""
    if type(zone) is timezone:
        offset, *name = zone.__getinitargs__()  # type: ignore[attr-defined]
        return [offset // _MICROSECOND, *name]
    zoneinfo = sys.modules.get("zoneinfo")
    return getattr(zone, "key", None) if zoneinfo is not None and type(zone) is zoneinfo.ZoneInfo else None


def read_zone(data: Json) -> tzinfo | None:
    if data is None:
        return None
    if data.__class__ is list:
        return timezone(timedelta(microseconds=_int(data[0])), *data[1:])
    from zoneinfo import ZoneInfo

    return ZoneInfo(data)


def _int(data: Json) -> int:
    if data.__class__ is not int:
        raise ArtifactError(f"{describe(data)} is no recorded part of a date or time")
    return int(data)


_TYPES: dict[Any, MomentType] = {
    date: DateType(date),
    time: TimeType(time),
    datetime: DatetimeType(datetime),
    timedelta: TimedeltaType(timedelta),
}


def _match(annotation: Any) -> ValueType | None:
    return _TYPES.get(annotation) if isinstance(annotation, type) else None


_NAMES = {kind.name: kind for kind in _TYPES.values()}
register(
    _match,
    {name: lambda spec: _NAMES[spec[0]] for name in _NAMES},
    (
        Row("date, timedelta", "an instance; a datetime is no date", "json", "the text"),
        Row("datetime, time", "an instance, with its fold and time zone, where that has a name", "json", "the text"),
    ),
)
