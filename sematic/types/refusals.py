"""Annotations that stand for no storable value, each with the nearest way out."""

from __future__ import annotations

import collections
import collections.abc as abc
import dataclasses
import io
import threading
import types
import typing
from typing import Any

_CALLABLE = "a function cannot be stored; call it in the body, or pass a name by which the body finds it"
_LAZY = "its values can be read only once; write list[…] and return a list"
_VIEW = "it shows another value; write list[…] and pass list(value)"
_AWAITED = "it cannot be stored; await it in the body and return its result"
_FILE = "an open file cannot be stored; pass its pathlib.Path, or its content as str or bytes"
_LOCK = "it belongs to one process; make it in the body"
_VARIABLE = "it stands for no concrete type here; write the concrete type"

_BARE: dict[Any, str] = {
    list: "write list[int], or list[object] for anything",
    set: "write set[int], or set[object] for anything",
    frozenset: "write frozenset[int], or frozenset[object] for anything",
    tuple: "write tuple[int, str], or tuple[int, ...] for any length",
    dict: "write dict[str, int], or dict[str, object] for anything",
    collections.deque: "write deque[int], or deque[object] for anything",
    collections.OrderedDict: "write OrderedDict[str, int], or OrderedDict[str, object] for anything",
    collections.defaultdict: "write defaultdict[str, int], or defaultdict[str, object] for anything",
    collections.Counter: "write Counter[str]",
    abc.Mapping: "write Mapping[str, int], or Mapping[str, object] for anything",
    abc.MutableMapping: "write MutableMapping[str, int], or MutableMapping[str, object] for anything",
    **{
        kind: f"write {kind.__name__}[int], or {kind.__name__}[object] for anything"
        for kind in (abc.Sequence, abc.MutableSequence, abc.Collection, abc.Iterable, abc.Container, abc.Reversible)
    },
    abc.Set: "write frozenset[int], or collections.abc.Set[int] for either kind of set",
    abc.MutableSet: "write set[int]",
}

_REASONS: dict[Any, str] = {
    Any: "use object or a concrete type",
    typing.Union: "write its members: int | str",
    typing.Optional: "write what is optional: int | None",
    typing.Literal: "write its values: Literal['a', 'b']",
    typing.NoReturn: "a function that never returns has no result to pass on; write None",
    typing.Never: "a function that never returns has no result to pass on; write None",
    typing.Self: "write the class itself",
    typing.LiteralString: "write str",
    types.ModuleType: "a module cannot be stored; import it in the body",
    types.FunctionType: _CALLABLE,
    types.BuiltinFunctionType: _CALLABLE,
    types.MethodType: _CALLABLE,
    abc.Callable: _CALLABLE,
    abc.Iterator: _LAZY,
    abc.Generator: _LAZY,
    abc.AsyncIterator: _LAZY,
    abc.AsyncGenerator: _LAZY,
    abc.AsyncIterable: _LAZY,
    types.GeneratorType: _LAZY,
    types.AsyncGeneratorType: _LAZY,
    types.CoroutineType: _AWAITED,
    abc.Coroutine: _AWAITED,
    abc.Awaitable: _AWAITED,
    abc.KeysView: _VIEW,
    abc.ValuesView: _VIEW,
    abc.ItemsView: _VIEW,
    abc.MappingView: _VIEW,
    collections.ChainMap: "write dict[…, …] and pass dict(value)",
    typing.Final: "write Final[int] at a field of a class, and int elsewhere",
    typing.ClassVar: "it belongs to the class and is no part of a value",
    memoryview: "write bytes",
    types.TracebackType: "pass its text: traceback.format_exc()",
    types.FrameType: "it belongs to one process",
}

_LOCKS = (
    *(type(threading.Lock()), type(threading.RLock()), threading.Condition, threading.Semaphore, threading.Event),
    *(threading.Barrier, threading.Thread, threading.local),
)


def refusal(annotation: Any) -> str | None:
    """Why values of `annotation` cannot be stored, and the way out; None when nothing is known against it."""
    origin = typing.get_origin(annotation)
    if annotation in _BARE:
        return _BARE[annotation]
    if origin in _BARE and not typing.get_args(annotation):
        return _BARE[origin]
    return _of_known(annotation) or _of_known(origin) or _of_kind(annotation)


def _of_known(annotation: Any) -> str | None:
    try:
        return _REASONS.get(annotation)
    except TypeError:
        return None


def _of_kind(annotation: Any) -> str | None:
    if isinstance(annotation, (typing.TypeVar, typing.ParamSpec, typing.TypeVarTuple)):
        return _VARIABLE
    if annotation in (threading.Lock, threading.RLock):
        return _LOCK
    if isinstance(annotation, dataclasses.InitVar):
        return "it is given to __init__ only, and is no part of a value"
    origin = typing.get_origin(annotation)
    if isinstance(origin, type):
        return _of_class(origin) or f"its class takes no parameters here; write {origin.__name__}"
    return _of_class(annotation) if isinstance(annotation, type) else None


def _of_class(cls: type) -> str | None:
    if issubclass(cls, (io.IOBase, typing.IO)):
        return _FILE
    if issubclass(cls, _LOCKS):
        return _LOCK
    if getattr(cls, "_is_protocol", False) and not getattr(cls, "_is_runtime_protocol", False):
        return "a protocol can be checked only when it is decorated with @typing.runtime_checkable"
    return None


def shown(annotation: Any) -> str:
    """An annotation as a person writes it."""
    if isinstance(annotation, type) and typing.get_origin(annotation) is None:
        return annotation.__qualname__
    text = getattr(annotation, "__qualname__", None) if callable(annotation) and annotation in _NAMED else None
    return text or repr(annotation).replace("typing.", "").replace("collections.abc.", "")


_NAMED = (threading.Lock, threading.RLock)
