"""Finds the type family of an annotation, and of a recorded spec.

A family is a function that makes the `ValueType` of an annotation it knows, and loaders that make it again from its
spec. The newest family is asked first, so that a special one may be added to the general ones; the fallback, which
takes any class, is asked last.

A family may be a module that is imported, and registers itself, when it is needed: once an annotation names one of
its classes, or a spec one of its words (`late`), or once the user has imported the library of its types (`optional`).
"""

from __future__ import annotations

import sys
import typing
from bisect import bisect_left
from collections.abc import Callable, Mapping
from functools import lru_cache
from importlib import import_module
from operator import itemgetter
from threading import RLock
from typing import Any, NamedTuple, TypeAlias

from sematic import entry
from sematic.errors import ArtifactError, DefinitionError
from sematic.types.base import Spec, ValueType
from sematic.types.jsontext import dumps
from sematic.types.refusals import refusal, shown

Matcher: TypeAlias = Callable[[Any], ValueType | None]
Loader: TypeAlias = Callable[[Spec], ValueType]


class Row(NamedTuple):
    """A line of the table of types, docs/types.md."""

    annotation: str
    accepts: str
    codec: str
    summary: str


FIRST, ABSTRACT, LAST = range(3)
"""When a family is asked: those of one rank the newest first."""

_matchers: list[tuple[int, Matcher]] = []
_loaders: dict[str, Loader] = {}
_known: dict[Any, ValueType] = {}
_pending: dict[Any, ValueType] = {}
_lock = RLock()
_rows: dict[str, tuple[Row, ...]] = {}
_libraries: dict[str, str] = {}
_keys: dict[str, str] = {}
_words: dict[str, str] = {}
_seen: set[type] = set()


def register(match: Matcher, loaders: Mapping[str, Loader], rows: tuple[Row, ...] = (), rank: int = FIRST) -> None:
    """Add a family: what it makes of an annotation (None: not its own), and of specs by their first word.

    `rows` say in the table of types what it does.
    """
    with _lock:
        _matchers.insert(bisect_left(_matchers, rank, key=itemgetter(0)), (rank, match))
        _loaders.update(loaders)
        _rows[next(iter(loaders))] = rows
        _known.clear()
        _flows.cache_clear()
        _from_text.cache_clear()


def late(module: str, words: str, keys: str) -> None:
    """Name the module of a family that is imported when one of its `words` begins a spec, or an annotation is, or is
    made of, one of the classes `keys` (``collections.deque``; ``meta:enum.EnumType``: any class of this metaclass)."""
    _words.update(dict.fromkeys(words.split(), module))
    _keys.update(dict.fromkeys(keys.split(), module))


def optional(library: str, module: str, words: str) -> None:
    """Name the module of a family whose types belong to a library: it is imported once the user imported that."""
    _libraries[library] = module
    _words.update(dict.fromkeys(words.split(), module))


def _take_in_libraries() -> None:
    for library in [name for name in _libraries if name in sys.modules]:
        import_module(_libraries.pop(library))


def _take_in_late(annotation: Any) -> None:
    origin = typing.get_origin(annotation) or annotation
    kind = origin if isinstance(origin, type) else type(origin)
    meta: Any = type(kind)
    name = f"typing.{getattr(origin, '_name', '')}"  # of Literal; its class is called otherwise in each Python
    keys = [name, _key(kind), *(f"meta:{_key(base)}" for base in meta.__mro__)]
    for key in keys:
        if key in _keys:
            import_module(_keys.pop(key))


def _key(cls: type) -> str:
    return f"{cls.__module__}.{cls.__qualname__}"


def seen(cls: type) -> bool:
    """Whether the type of a class was looked up before."""
    return cls in _seen


def rows() -> dict[str, tuple[Row, ...]]:
    """The lines of the table of types, by the first word of each family's specs."""
    for module in sorted({*_words.values()}):
        import_module(module)
    return dict(_rows)


def of(annotation: Any) -> ValueType:
    """The type that stands for `annotation`.

    A type stands for itself. Raises DefinitionError for what cannot be supported, and NameError for a forward
    reference that cannot be resolved yet: the caller tries again at the first call.
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
        if outermost:
            _take_in_libraries()
        try:
            found = _match(annotation)
            if outermost:
                _known.update(_pending)
                _known[annotation] = found
            return found
        except RecursionError:
            raise DefinitionError(f"{shown(annotation)} is not supported: it refers to itself without end") from None
        finally:
            if outermost:
                _pending.clear()


def announce(annotation: Any, type: ValueType) -> None:
    """Make `type` known to the annotations of its own fields, which are about to be looked at."""
    _pending[annotation] = type


def _match(annotation: Any) -> ValueType:
    if isinstance(annotation, ValueType):
        return annotation
    if isinstance(annotation, (str, typing.ForwardRef)):
        name = annotation if isinstance(annotation, str) else annotation.__forward_arg__
        raise NameError(f"name {name!r} is not defined yet", name=name)
    _take_in_late(annotation)
    for _, match in _matchers:
        found = match(annotation)
        if found is not None:
            if isinstance(annotation, type):
                _seen.add(annotation)
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
        if spec[0] not in _loaders and spec[0] in _words:
            import_module(_words[spec[0]])
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
    """The loader of families whose spec is ``[word, path of a class, specs of its type arguments…]``."""
    cls = import_class(spec[1])
    found = of(cls[tuple(map(from_spec, spec[2:]))] if len(spec) > 2 else cls)
    if found.spec[0] != spec[0]:
        raise ArtifactError(f"{spec[1]} was a {spec[0]} when it was recorded, but is a {found.spec[0]} now")
    return found
