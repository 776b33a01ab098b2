"""Finds the type family of an annotation, and of a recorded spec.

A family is a function that makes the `ValueType` of an annotation it knows, and loaders that make it again from its
spec. The newest family is asked first, so that a special one may be added to the general ones; the fallback, which
takes any class, is asked last.
"""

from __future__ import annotations

import sys
import typing
from collections.abc import Callable, Mapping
from functools import lru_cache
from importlib import import_module
from threading import RLock
from typing import Any, TypeAlias

from sematic import entry
from sematic.errors import ArtifactError, DefinitionError
from sematic.types.base import Spec, ValueType
from sematic.types.jsontext import dumps
from sematic.types.refusals import refusal, shown

Matcher: TypeAlias = Callable[[Any], ValueType | None]
Loader: TypeAlias = Callable[[Spec], ValueType]

_matchers: list[Matcher] = []
_loaders: dict[str, Loader] = {}
_known: dict[Any, ValueType] = {}
_pending: dict[Any, ValueType] = {}
_lock = RLock()


def register(match: Matcher, loaders: Mapping[str, Loader], last: bool = False) -> None:
    """Add a family: what it makes of an annotation (None: not its own), and of specs by their first word."""
    with _lock:
        _matchers.insert(len(_matchers) if last else 0, match)
        _loaders.update(loaders)
        _known.clear()
        _flows.cache_clear()
        _from_text.cache_clear()


def of(annotation: Any) -> ValueType:
    """The type that stands for `annotation`.

    Raises DefinitionError for what cannot be supported, and NameError for a forward reference that cannot be
    resolved yet: the caller tries again at the first call.
    """
    annotation = _plain(annotation)
    try:
        found = _known.get(annotation)
    except TypeError:  # unhashable, like Literal[[]]
        return _match(annotation)
    return found if found is not None else _first_time(annotation)


def _first_time(annotation: Any) -> ValueType:
    """A type becomes known only when the outermost `of` succeeded: a class that refers to itself is found among the
    pending ones, and one whose field cannot be supported is refused each time."""
    with _lock:
        found = _pending.get(annotation)
        if found is not None:
            return found
        outermost = not _pending
        try:
            found = _match(annotation)
            if outermost:
                _known.update(_pending)
                _known[annotation] = found
            return found
        finally:
            if outermost:
                _pending.clear()


def announce(annotation: Any, type: ValueType) -> None:
    """Make `type` known to the annotations of its own fields, which are about to be looked at."""
    _pending[annotation] = type


def _match(annotation: Any) -> ValueType:
    if isinstance(annotation, (str, typing.ForwardRef)):
        name = annotation if isinstance(annotation, str) else annotation.__forward_arg__
        raise NameError(f"name {name!r} is not defined yet", name=name)
    for match in _matchers:
        found = match(annotation)
        if found is not None:
            return found
    raise DefinitionError(f"{shown(annotation)} is not supported: {refusal(annotation) or 'it is no type of values'}")


def _plain(annotation: Any) -> Any:
    """Without what only type checkers look at."""
    while True:
        if typing.get_origin(annotation) is typing.Annotated:
            annotation = typing.get_args(annotation)[0]
        elif isinstance(annotation, typing.NewType):
            annotation = annotation.__supertype__
        else:
            return type(None) if annotation is None else annotation


def from_spec(spec: Spec) -> ValueType:
    """The type that a spec was recorded for; imports its classes. Raises ArtifactError when that cannot be done."""
    return _from_text(dumps(spec))


@lru_cache(maxsize=4096)
def _from_text(text: str) -> ValueType:
    import json

    spec = json.loads(text)
    try:
        return _loaders[spec[0]](spec)
    except (ArtifactError, RecursionError):
        raise
    except DefinitionError as error:
        raise ArtifactError(f"the type {text} was supported when it was recorded, but is no longer: {error}") from error
    except Exception as error:
        raise ArtifactError(f"the type {text} is not known here: {error.__class__.__name__}: {error}") from error


def flows(source: ValueType, target: ValueType) -> bool:
    """Whether a value declared as `source` may be given where `target` is declared."""
    return source is target or _flows(source, target)


@lru_cache(maxsize=65536)
def _flows(source: ValueType, target: ValueType) -> bool:
    if source == target:
        return True
    members = source.members
    if members:
        return all(flows(member, target) for member in members)
    return target.accepts(source)


def real_module(cls: Any) -> str:
    """The name by which another process imports the module that defines a class or function."""
    return entry.real_module(cls.__module__)


def path_of(cls: type) -> str:
    """How a class is recorded: ``module:Qualified.name``. Raises DefinitionError when it cannot be imported by it."""
    path = f"{real_module(cls)}:{cls.__qualname__}"
    if "<" in cls.__qualname__:
        raise DefinitionError(f"{shown(cls)} is not supported: another process cannot import it; define it in a module")
    module = sys.modules.get(cls.__module__)
    found = _lookup(module, cls.__qualname__)
    if found is not cls and (found is not None or _is_complete(module)):
        raise DefinitionError(f"{shown(cls)} is not supported: {path} is not this class; define it under its own name")
    return path


def _lookup(module: Any, qualname: str) -> Any:
    for name in qualname.split("."):
        module = getattr(module, name, None)
    return module


def _is_complete(module: Any) -> bool:
    """While a module is being imported its classes may not have their names yet."""
    spec = getattr(module, "__spec__", None)
    return spec is not None and not getattr(spec, "_initializing", False)


def import_class(path: str) -> Any:
    """What ``module:Qualified.name`` names. Raises ArtifactError when it cannot be imported."""
    module, _, qualname = path.partition(":")
    try:
        found: Any = import_module(module)
        for name in qualname.split("."):
            found = getattr(found, name)
    except Exception as error:  # a user's module may raise anything when it is imported
        problem = f"{error.__class__.__name__}: {error}"
        raise ArtifactError(f"{path} is needed to read this value, but cannot be imported ({problem})") from error
    return found


def load_class(spec: Spec) -> ValueType:
    """The loader of families whose spec is ``[word, path of a class]``."""
    found = of(import_class(spec[1]))
    if found.spec[0] != spec[0]:
        raise ArtifactError(f"{spec[1]} was a {spec[0]} when it was recorded, but is a {found.spec[0]} now")
    return found
