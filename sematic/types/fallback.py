"""Every other class: by cloudpickle, and marked so.

A pickle is not canonical: equal values may give different bytes (the order of a set of str, which strings are the same
object). Digests of these values, and cache hits on them, are only as good as that.
"""

from __future__ import annotations

import io
import sys
import types
import typing
from abc import ABCMeta
from functools import cache
from typing import Any

from sematic import entry
from sematic.errors import ArtifactError, EncodingError
from sematic.types.base import BinaryType, Buffer, Json, ValueType, describe, look
from sematic.types.refusals import refusal
from sematic.types.registry import LAST, Row, import_class, load_class, path_of, register

_PROTOCOL = 5


class PickleType(BinaryType):
    """Instances of one class, or of any (`object`)."""

    codec = "pickle"

    def __init__(self, cls: type, path: str) -> None:
        super().__init__(["class", path], cls.__qualname__)
        self.cls = cls
        # an instance of what a metaclass decides about need not have it among its bases
        self.python = None if cls is object or isinstance(cls, ABCMeta) else cls

    def accepts(self, source: ValueType) -> bool:
        return self.cls is object or (source.python is not None and issubclass(source.python, self.cls))

    def convert(self, value: Any) -> Any:
        try:
            fits = isinstance(value, self.cls)
        except Exception as error:  # a metaclass may raise anything
            raise self.refuse(value, f"checking it raised {type(error).__name__}: {error}") from error
        if not fits:
            raise self.refuse(value)
        return value

    def to_chunks(self, value: Any) -> tuple[Buffer, ...]:
        file = io.BytesIO()
        try:
            pickler()(file, protocol=_PROTOCOL).dump(value)
        except Exception as error:  # a user's __reduce__ may raise anything
            way_out = refusal(type(value)) or "give it __getstate__, or pass what it is made of"
            problem = f"{type(error).__name__}: {error}"
            raise EncodingError(f"a {type(value).__qualname__} cannot be stored ({problem}); {way_out}") from error
        return (file.getbuffer(),)

    def from_buffer(self, buffer: Buffer) -> Any:
        import pickle

        value = pickle.loads(buffer)
        if not isinstance(value, self.cls):
            raise ArtifactError(f"{describe(value)} was recorded as {self.name}, but is none")
        return value

    def summarise(self, value: Any) -> Json:
        cls = type(value)
        return {"class": f"{cls.__module__}:{cls.__qualname__}", "repr": look(value), "pickle": True}


@cache
def pickler() -> Any:
    """cloudpickle's pickler, except that what the entry module defines goes by its real name: by value, as
    cloudpickle has it, another process would make a second class of it, of which no value is an instance."""
    import cloudpickle  # type: ignore[import-untyped,unused-ignore]

    class Pickler(cloudpickle.Pickler):  # type: ignore[misc]
        def reducer_override(self, obj: Any) -> Any:
            path = _entry_path(obj)
            return super().reducer_override(obj) if path is None else (import_class, (path,))

    return Pickler


def _entry_path(obj: Any) -> str | None:
    if not isinstance(obj, (type, types.FunctionType)) or obj.__module__ != entry.MAIN:
        return None
    name = entry.main_module_name()
    found: Any = sys.modules[entry.MAIN]
    for part in obj.__qualname__.split("."):
        found = getattr(found, part, None)
    return f"{name}:{obj.__qualname__}" if found is obj and name != entry.MAIN else None


def _match(annotation: Any) -> ValueType | None:
    if annotation is object:
        return PickleType(object, "builtins:object")
    if not isinstance(annotation, type) or typing.get_origin(annotation) is not None or refusal(annotation):
        return None
    return PickleType(annotation, path_of(annotation))


register(
    _match,
    {"class": load_class},
    (
        Row("object", "anything", "pickle", "class, start of the repr"),
        Row("any other class", "an instance", "pickle", "class, start of the repr"),
    ),
    rank=LAST,
)
