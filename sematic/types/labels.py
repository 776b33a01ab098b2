"""Names and cells of frames: any value that our own types keep as one short text, and tuples, lists and dicts of them.

Each is ``[what, ...]``, so that equal values of different types (1, True, 1.0) stay what they are.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

from sematic.errors import ArtifactError, DefinitionError, EncodingError
from sematic.types.artifact import MemoryStore, PartWriter
from sematic.types.base import Json, JsonType, describe
from sematic.types.datetimes import read_zone, zone_json
from sematic.types.jsontext import loads
from sematic.types.registry import from_spec, import_class, of

_CONTAINERS: dict[type, str] = {tuple: "tuple", list: "list"}
_MAKERS: dict[str, Callable[[Any], Any]] = {"tuple": tuple, "list": list}
_WAY_OUT = "write it as text or numbers, or put it beside the frame"


def to_json(value: Any) -> Json:
    """JSON of a value. Raises EncodingError for what cannot be kept exactly."""
    kind = type(value)
    if kind in _CONTAINERS:
        return [_CONTAINERS[kind], [to_json(item) for item in value]]
    if kind is dict:
        return ["dict", [[to_json(key), to_json(item)] for key, item in value.items()]]
    for write in (_numpy, _pandas):
        found = write(value, kind)
        if found is not None:
            return found
    return _ours(value, kind)


def from_json(data: Json) -> Any:
    """The value back. Raises ArtifactError, and whatever malformed JSON raises."""
    what, *rest = data
    if what in _MAKERS:
        return _MAKERS[what](map(from_json, rest[0]))
    if what == "dict":
        return {from_json(key): from_json(item) for key, item in rest[0]}
    if what in _READERS:
        return _READERS[what](*rest)
    kind = from_spec(rest[0])
    if what != "value" or not isinstance(kind, JsonType) or not kind.scalar:
        raise ArtifactError(f"{describe(data)} is no recorded cell")
    return kind.from_json(rest[1], None)


def _ours(value: Any, kind: type) -> Json:
    try:
        type = of(kind)
    except (DefinitionError, NameError) as error:
        raise EncodingError(f"{describe(value)} cannot be kept in a frame: {error}") from error
    if not isinstance(type, JsonType) or not type.scalar or type.convert(value) is not value:
        raise EncodingError(f"{describe(value)} cannot be kept in a frame; {_WAY_OUT}")
    return ["value", type.spec, loads(type.to_json(value, PartWriter(MemoryStore())))]


def _numpy(value: Any, kind: type) -> Json:
    numpy = sys.modules.get("numpy")
    if numpy is None or not isinstance(value, numpy.generic):
        return None
    if kind.__module__ != "numpy" or value.dtype.kind not in "biufcmM" or value.dtype.char in "gG":
        raise EncodingError(f"{describe(value)} cannot be kept in a frame; write value.item()")
    return ["numpy", kind.__name__, value.dtype.str, value.tobytes().hex()]


def _read_numpy(name: str, dtype: str, data: str) -> Any:
    import numpy

    value = numpy.frombuffer(bytes.fromhex(data), dtype)
    found = value.view(getattr(numpy, name)) if value.dtype.kind in "iu" else value
    if len(found) != 1 or type(found[0]).__name__ != name or found.dtype.hasobject:
        raise ArtifactError(f"{name} {data} is no recorded number")
    return found[0]


def _pandas(value: Any, kind: type) -> Json:
    pandas: Any = sys.modules.get("pandas")
    if pandas is None:
        return None
    if value is pandas.NA or value is pandas.NaT:
        return ["NA" if value is pandas.NA else "NaT"]
    if kind is pandas.Timestamp:
        zone = zone_to_json(value.tzinfo)
        return ["Timestamp", value.unit, int(value.asm8.view("i8")), zone]
    if kind is pandas.Timedelta:
        return ["Timedelta", value.unit, int(value.asm8.view("i8"))]
    if kind is pandas.Period:
        return ["Period", value.ordinal, value.freqstr]
    if kind is pandas.Interval:
        return ["Interval", to_json(value.left), to_json(value.right), value.closed]
    return None


def _timestamp(unit: str, count: int, zone: Json) -> Any:
    stamp = import_class("pandas:Timestamp")(import_class("numpy:datetime64")(count, unit))
    return stamp if zone is None else stamp.tz_localize("UTC").tz_convert(zone_from_json(zone))


def _timedelta(unit: str, count: int) -> Any:
    return import_class("pandas:Timedelta")(import_class("numpy:timedelta64")(count, unit))


def _interval(left: Json, right: Json, closed: Any) -> Any:
    return import_class("pandas:Interval")(from_json(left), from_json(right), closed=closed)


def _missing(name: str) -> Callable[[], Any]:
    return lambda: import_class(f"pandas:{name}")


_READERS: dict[str, Callable[..., Any]] = {
    "numpy": _read_numpy,
    "NA": _missing("NA"),
    "NaT": _missing("NaT"),
    "Timestamp": _timestamp,
    "Timedelta": _timedelta,
    "Period": lambda ordinal, freq: import_class("pandas:Period")(ordinal=ordinal, freq=freq),
    "Interval": _interval,
}


def zone_to_json(zone: Any) -> Json:
    """A time zone; None for none. Raises EncodingError for one that has no name."""
    if zone is None:
        return None
    found = zone_json(zone)
    if found is not None:
        return found
    if type(zone).__module__.partition(".")[0] == "pytz":
        name = getattr(zone, "zone", None)
        return {"pytz": zone._minutes if name is None else name}
    problem = "write tz_convert(zoneinfo.ZoneInfo('Europe/Paris'))"
    raise EncodingError(f"the time zone {describe(zone)} cannot be stored; {problem}")


def zone_from_json(data: Json) -> Any:
    """The time zone back."""
    if data.__class__ is not dict:
        return read_zone(data)
    name = data["pytz"]
    return import_class("pytz:FixedOffset" if name.__class__ is int else "pytz:timezone")(name)
