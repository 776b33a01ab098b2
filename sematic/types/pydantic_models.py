"""Models of pydantic 2: as dataclasses. Their fields are checked as strictly as all values, and not parsed.

A model is rebuilt as `model_construct` does it: no validator runs again. Beside its fields three things are part of
its value: which fields were given, extra fields, and private attributes that have a type which can be stored; other
private attributes begin with their defaults, as those of a new model do.
"""

from __future__ import annotations

import sys
import typing
from collections.abc import Mapping
from typing import Any

from sematic.errors import DefinitionError
from sematic.types import hints
from sematic.types.registry import Row, load_class, of, register
from sematic.types.structs import Record, extends_builtin, struct_matcher

_SET = "__pydantic_fields_set__"
_EXTRA = "__pydantic_extra__"
_PRIVATE = "__pydantic_private__"
_DICT: Any = dict


def _is_model(cls: type) -> bool:
    pydantic: Any = sys.modules.get("pydantic")
    base = getattr(pydantic, "BaseModel", None)
    if base is None or not issubclass(cls, base) or not hasattr(base, "model_fields") or extends_builtin(cls):
        return False
    origin = getattr(cls, "__pydantic_generic_metadata__", {}).get("origin")
    if origin is not None:
        name = cls.__qualname__
        problem = f"another process cannot find it by this name; write class {origin.__name__}Of…({name}): pass"
        raise DefinitionError(f"{name} is not supported: {problem}")
    return True


def _names(cls: Any) -> list[str]:
    if cls is sys.modules["pydantic"].BaseModel:
        return []
    extra = [_EXTRA] if cls.model_config.get("extra") == "allow" else []
    return [*cls.__pydantic_fields__, *_private(cls), *extra, _SET]


def _private(cls: Any) -> list[str]:
    """The private attributes that are kept."""
    known = hints.of_class(cls, {})
    return [name for name in cls.__private_attributes__ if name in known and _is_supported(known[name])]


def _is_supported(hint: Any) -> bool:
    try:
        of(hint)
    except DefinitionError:
        return False
    return True


def _hints(cls: Any, arguments: Mapping[Any, Any]) -> dict[str, Any]:
    if not _names(cls):
        return {}
    if not cls.__pydantic_complete__ and cls.model_rebuild(raise_errors=False) is False:
        raise NameError(f"a field of {cls.__qualname__} names what is not defined yet")
    written = hints.of_class(cls, arguments)
    found = {name: field.annotation for name, field in cls.__pydantic_fields__.items()}
    extra = _DICT[str, _extra_type(written.get(_EXTRA))]
    return written | found | {_SET: set[str], _EXTRA: extra}


def _extra_type(hint: Any) -> Any:
    """The type of extra fields, where the model declares one: T of ``dict[str, T]``, which may be in an Optional."""
    for each in (hint, *typing.get_args(hint)):
        if typing.get_origin(each) is dict:
            found = typing.get_args(each)[1]
            return object if found is Any else found
    return object


def _make(cls: Any, values: dict[str, Any]) -> Any:
    made = cls.__new__(cls)
    fields = {name: values[name] for name in cls.__pydantic_fields__}
    private = {name: each.get_default() for name, each in cls.__private_attributes__.items()}
    private |= {name: values[name] for name in private if name in values}
    object.__setattr__(made, "__dict__", fields)
    object.__setattr__(made, _SET, values[_SET])
    object.__setattr__(made, _EXTRA, values.get(_EXTRA))
    object.__setattr__(made, _PRIVATE, private or None)
    return made


def _default(cls: Any, name: str) -> Any:
    fields = cls.__pydantic_fields__
    if name not in fields or fields[name].is_required():
        raise LookupError(name)
    return fields[name].get_default(call_default_factory=True)


register(
    struct_matcher(Record("pydantic", _names, _hints, _make, _default), _is_model),
    {"pydantic": load_class},
    (Row("a model of pydantic 2", "as a dataclass; nothing is parsed", "json", "class, fields"),),
)
