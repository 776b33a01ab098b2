"""Values that only pickle can keep, with what it takes to read them: class, libraries and their versions.

Large arrays lie beside the pickle, not in it: they are written from where they are, and read in place. A pickle made
by another version of a library is refused before it is unpickled: it may load and be wrong.
"""

from __future__ import annotations

import io
import sys
from collections.abc import Callable, Iterable
from functools import cache
from importlib import import_module
from pickle import PickleBuffer
from typing import Any, NamedTuple

from sematic.errors import ArtifactError, EncodingError
from sematic.types.fallback import pickler
from sematic.types.registry import path_of
from sematic.types.sections import Section, checked, plain

_PROTOCOL = 5
_SMALLEST_APART = 1 << 12
_BY_MINOR = frozenset({"lightgbm", "matplotlib", "sklearn", "xgboost"})
"""Libraries that promise nothing for what another minor version of theirs pickled. The others count as changed with
their major version."""

Replace = Callable[[Any], Any]


class Pickled(NamedTuple):
    """What a value was pickled to: facts for the header, the pickle, and the arrays beside it."""

    facts: dict[str, Any]
    sections: list[Section]


def dump(value: Any, replace: Replace | None = None) -> Pickled:
    """Pickle a value. `replace(object)` may give a ``__reduce__`` value for an object in it, or None.

    Raises EncodingError.
    """
    file, apart, roots = io.BytesIO(), list[PickleBuffer](), set[str]()
    try:
        _pickler()(file, apart, roots, replace).dump(value)
        facts = {"class": path_of(type(value)), "libraries": versions(roots)}
        arrays = [plain(buffer.raw()) for buffer in apart]
    except Exception as error:  # a user's __reduce__ may raise anything
        problem = f"{type(error).__name__}: {error}"
        raise EncodingError(f"a {type(value).__qualname__} cannot be stored ({problem})") from error
    return Pickled(facts, [checked(file.getbuffer()), *arrays])


def load(facts: dict[str, Any], sections: list[memoryview], expected: type) -> Any:
    """The value, which must be of the class that was recorded. Raises ArtifactError."""
    import pickle

    refuse_other_versions(facts)
    value = pickle.loads(sections[0], buffers=[_private(section) for section in sections[1:]])
    if not isinstance(value, expected) or path_of(type(value)) != facts["class"]:
        raise ArtifactError(f"a {path_of(type(value))} was recorded as {facts['class']}")
    return value


def _private(section: memoryview) -> Any:
    """Arrays are read in place where that is the reader's own memory."""
    return section if not section.readonly else bytearray(section)


def versions(modules: Iterable[str]) -> dict[str, str]:
    """The versions of the libraries among the roots of `modules`, sorted."""
    found = {}
    for root in sorted({name.partition(".")[0] for name in modules}):
        version = getattr(sys.modules.get(root), "__version__", None)
        if isinstance(version, str):
            found[root] = version
    return found


def refuse_other_versions(facts: dict[str, Any]) -> None:
    """Raises ArtifactError when a library that is needed is missing here, or is of another version."""
    for name, version in facts["libraries"].items():
        here = version_here(name, facts["class"])
        if _line(name, here) != _line(name, version):
            raise ArtifactError(
                f"a {facts['class']} that was stored with {name} {version} cannot be read with {name} {here}: "
                f"install {name} {version}, or run again what made it"
            )


def version_here(name: str, cls: str) -> str:
    """The version of a library that is needed to read a `cls`; imports it. Raises ArtifactError."""
    try:
        return str(getattr(import_module(name), "__version__", "of unknown version"))
    except ImportError as error:
        raise ArtifactError(
            f"{name} is needed to read a {cls}, but cannot be imported ({error}): install it"
        ) from error


def _line(name: str, version: str) -> list[str]:
    return version.split(".")[: 2 if name in _BY_MINOR else 1]


@cache
def _pickler() -> Any:
    class Pickler(pickler()):  # type: ignore[misc]
        """Notes whose classes and functions are in it."""

        def __init__(self, file: Any, apart: list[PickleBuffer], roots: set[str], replace: Replace | None) -> None:
            super().__init__(file, protocol=_PROTOCOL, buffer_callback=lambda buffer: _keep(buffer, apart))
            self._roots = roots
            self._replace = replace

        def reducer_override(self, obj: Any) -> Any:
            module = getattr(obj if isinstance(obj, type) else type(obj), "__module__", None)
            self._roots.add(module if isinstance(module, str) else "")
            replaced = None if self._replace is None else self._replace(obj)
            return super().reducer_override(obj) if replaced is None else replaced

    return Pickler


def _keep(buffer: PickleBuffer, apart: list[PickleBuffer]) -> bool:
    """Whether an array stays in the pickle: only small ones, and those without contiguous memory."""
    if memoryview(buffer).nbytes < _SMALLEST_APART:
        return True
    apart.append(buffer)
    return False
