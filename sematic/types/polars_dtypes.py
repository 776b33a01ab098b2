"""Dtypes of polars as JSON, and as those that Arrow has too.

Numbers of categories belong to a process, and Arrow has no integers of 128 bits: both become texts.
"""

from __future__ import annotations

from typing import Any

from sematic.errors import EncodingError
from sematic.types.base import Json

_PLAIN = (
    "Int8 Int16 Int32 Int64 UInt8 UInt16 UInt32 UInt64 Float16 Float32 Float64 Boolean String Binary Date Time Null"
).split()
_AS_TEXT = ("Int128", "UInt128")


def to_json(dtype: Any) -> Json:
    """JSON of a dtype. Raises EncodingError for one whose values cannot be stored."""
    name = type(dtype).__name__
    if name in _PLAIN or name in _AS_TEXT:
        return [name]
    if name in _PARAMETERS:
        return [name, *(_PARAMETERS[name](dtype))]
    way_out = "cast it to a dtype that Arrow has, or put what it holds beside the frame"
    raise EncodingError(f"its dtype is {dtype}; {way_out}")


def from_json(data: Json) -> Any:
    """The dtype back. Raises KeyError, TypeError or ValueError for JSON that is none."""
    import polars

    name, *rest = data
    if name in _PLAIN or name in _AS_TEXT:
        return getattr(polars, name)()
    return _MAKERS[name](polars, *rest)


def in_arrow(dtype: Any) -> Any:
    """The dtype in which values are stored."""
    import polars

    name = type(dtype).__name__
    if name in ("Categorical", "Enum", *_AS_TEXT):
        return polars.String()
    if name == "List":
        return polars.List(in_arrow(dtype.inner))
    if name == "Array":
        return polars.Array(in_arrow(dtype.inner), dtype.size)
    if name == "Struct":
        return polars.Struct([polars.Field(field.name, in_arrow(field.dtype)) for field in dtype.fields])
    return dtype


def _categories(dtype: Any) -> list[Json]:
    found = getattr(dtype, "categories", None)
    if found is None:
        return [getattr(dtype, "ordering", "lexical")]
    return [found.name(), found.namespace(), str(found.physical())]


_PARAMETERS: dict[str, Any] = {
    "Datetime": lambda dtype: [dtype.time_unit, dtype.time_zone],
    "Duration": lambda dtype: [dtype.time_unit],
    "Decimal": lambda dtype: [dtype.precision, dtype.scale],
    "Categorical": _categories,
    "Enum": lambda dtype: [dtype.categories.to_list()],
    "List": lambda dtype: [to_json(dtype.inner)],
    "Array": lambda dtype: [to_json(dtype.inner), dtype.size],
    "Struct": lambda dtype: [[[field.name, to_json(field.dtype)] for field in dtype.fields]],
}


def _categorical(polars: Any, *parameters: Any) -> Any:
    if len(parameters) == 1:
        return polars.Categorical(*parameters)
    name, namespace, physical = parameters
    if not name and not namespace:
        return polars.Categorical()
    return polars.Categorical(polars.Categories(name, namespace, getattr(polars, physical)))


_MAKERS: dict[str, Any] = {
    "Datetime": lambda polars, unit, zone: polars.Datetime(unit, zone),
    "Duration": lambda polars, unit: polars.Duration(unit),
    "Decimal": lambda polars, precision, scale: polars.Decimal(precision, scale),
    "Categorical": _categorical,
    "Enum": lambda polars, categories: polars.Enum(categories),
    "List": lambda polars, inner: polars.List(from_json(inner)),
    "Array": lambda polars, inner, size: polars.Array(from_json(inner), size),
    "Struct": lambda polars, fields: polars.Struct([polars.Field(name, from_json(each)) for name, each in fields]),
}
