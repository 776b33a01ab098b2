"""Whether a value is still the same after it was stored and read again."""

from __future__ import annotations

import functools
import sys
import sysconfig
from typing import Any

from sematic.errors import ArtifactError, ConversionError
from sematic.types.artifact import Artifact, MemoryStore, encode, load
from sematic.types.base import ValueType, describe

_ATOMS = (str, bytes, bytearray, int, float, complex, bool, type(None))
_STORE = MemoryStore()


def lost(type: ValueType, value: Any, artifact: Artifact) -> str:
    """What of `value` is not in what its consumers get; empty when nothing is missing.

    A class may leave private attributes behind, which it makes again when needed: caches, connections. A public one
    that is gone is an AttributeError in the next function. What a library's class leaves behind is left to the library.
    """
    try:
        copy = load(artifact, _STORE)
        kept = type.convert(value)
    except (ArtifactError, ConversionError) as error:
        return str(error)
    comparison = _Comparison()
    difference = comparison.difference(kept, copy, "it")
    if difference and comparison.by_equality and encode(type, copy, _STORE).id == artifact.id:
        return ""  # A class may say that its copies are not equal, as NaN does.
    return difference


class _Comparison:
    """Of two values that should be the same. `by_equality`: their class says that they differ."""

    def __init__(self) -> None:
        self.by_equality = False
        self._seen: set[int] = set()

    def difference(self, one: Any, other: Any, where: str) -> str:
        if one is other or id(one) in self._seen:
            return ""
        self._seen.add(id(one))
        if type(one) is not type(other):
            return f"{where} is {describe(other)} afterwards, not {describe(one)}"
        if isinstance(one, _ATOMS):
            return "" if one == other or one != one else f"{where} is {describe(other)} afterwards, not {describe(one)}"
        if isinstance(one, (list, tuple)):
            return self._elements(dict(enumerate(one)), dict(enumerate(other)), where)
        if isinstance(one, dict):
            return self._elements(one, other, where)
        if _is_of_a_library(type(one).__module__):
            return self._by_equality(one, other, where)
        return self._attributes(one, other, where)

    def _elements(self, one: dict[Any, Any], other: dict[Any, Any], where: str) -> str:
        if len(one) != len(other):
            return f"{where} has {len(other)} elements afterwards, not {len(one)}"
        for key, value in one.items():
            if key in other and (found := self.difference(value, other[key], f"{where}[{key!r}]")):
                return found
        return ""

    def _attributes(self, one: Any, other: Any, where: str) -> str:
        before, after = getattr(one, "__dict__", None), getattr(other, "__dict__", None)
        if not isinstance(before, dict) or not isinstance(after, dict):
            return self._by_equality(one, other, where)
        missing = [name for name in before if name not in after and self._is_public(one, name)]
        if missing:
            return f"{where} has no attribute {missing[0]} afterwards"
        for name in before:
            if name in after and (found := self.difference(before[name], after[name], f"{where}.{name}")):
                return found
        return ""

    @staticmethod
    def _is_public(value: Any, name: str) -> bool:
        cached = isinstance(getattr(type(value), name, None), functools.cached_property)
        return isinstance(name, str) and not name.startswith("_") and not cached

    def _by_equality(self, one: Any, other: Any, where: str) -> str:
        if getattr(type(one), "__eq__", None) is object.__eq__:
            return ""
        try:
            same = one == other
        except Exception:  # a class may compare as it likes
            return ""
        self.by_equality = same is False
        return f"{where} is not equal to what was stored" if same is False else ""


@functools.cache
def _is_of_a_library(module: str) -> bool:
    """Whether a module is Python's own, or of an installed package."""
    file = getattr(sys.modules.get(module), "__file__", None) or ""
    installed = "/site-packages/" in file or "/dist-packages/" in file
    return not file or installed or file.startswith(sysconfig.get_path("stdlib") + "/")
