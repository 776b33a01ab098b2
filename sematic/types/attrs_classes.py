"""Classes of attrs: as dataclasses, rebuilt from their fields without running validators or converters again."""

from __future__ import annotations

import dataclasses
import sys
from typing import Any

from sematic.errors import DefinitionError
from sematic.types import hints
from sematic.types.registry import Row, load_class, register
from sematic.types.structs import Record, extends_builtin, make_plain, struct_matcher

_HASH = "_attrs_cached_hash"


def _is_attrs(cls: type) -> bool:
    attr: Any = sys.modules.get("attr")
    if attr is None or not attr.has(cls) or extends_builtin(cls):
        return False
    if dataclasses.is_dataclass(cls):  # attrs knows only some of its fields, and so does dataclasses
        raise DefinitionError(
            f"{cls.__qualname__} is not supported: it is of attrs and a dataclass; make it one of them"
        )
    untyped = [field.name for field in attr.fields(cls) if field.type is None]
    if untyped:
        problem = f"its field {untyped[0]} has no type; write {untyped[0]}: int, or attr.ib(type=int)"
        raise DefinitionError(f"{cls.__qualname__} is not supported: {problem}")
    return True


def _fields(cls: Any) -> dict[str, Any]:
    return {field.name: field for field in sys.modules["attr"].fields(cls)}


def _hints(cls: Any, arguments: Any) -> dict[str, Any]:
    """Annotations, and what was given as attr.ib(type=…)."""
    found = hints.of_class(cls, arguments)
    given = {name: field.type for name, field in _fields(cls).items() if name not in found}
    return found | {name: hints.in_module(type, cls.__module__) for name, type in given.items()}


def _make(cls: Any, values: dict[str, Any]) -> Any:
    code = getattr(cls.__hash__, "__code__", None)
    return make_plain(cls, values | {_HASH: None} if code is not None and _HASH in code.co_names else values)


def _default(cls: Any, name: str) -> Any:
    default: Any = _fields(cls)[name].default
    if default is sys.modules["attr"].NOTHING or getattr(default, "takes_self", False):
        raise LookupError(name)
    return default.factory() if hasattr(default, "takes_self") else default


register(
    struct_matcher(Record("attrs", _fields, _hints, _make, _default), _is_attrs),
    {"attrs": load_class},
    (Row("a class of attrs", "as a dataclass", "json", "class, fields"),),
)
