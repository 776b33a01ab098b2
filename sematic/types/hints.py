"""Annotations made concrete: type variables bound, and what refers to itself given its name.

Works on the annotations themselves and knows no type family. A type variable is replaced by whatever it is bound to,
which may be a `ValueType`: `registry.of` takes one for itself.
"""

from __future__ import annotations

import inspect
import sys
import types
import typing
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, TypeAlias

Change: TypeAlias = Callable[[Any], Any]
Bindings: TypeAlias = dict[Any, dict[Any, Any]]


class Alias(NamedTuple):
    """A name of a module that stands for a type which refers to itself by it: ``Json = int | list["Json"]``."""

    module: str
    name: str


def of_function(body: Callable[..., Any]) -> dict[str, Any]:
    """The annotations of a function, resolved. Raises NameError for what is not defined yet."""
    return {name: _named(hint, body.__module__) for name, hint in typing.get_type_hints(body, None, None, True).items()}


def of_class(cls: type, arguments: Mapping[Any, Any]) -> dict[str, Any]:
    """The annotations of a class and its bases, resolved, with `arguments` for its type variables."""
    hints = _hints(cls)
    bound = bindings(cls, arguments)
    owners = {name: _owner(cls, name) for name in hints}
    return {
        name: substituted(_named(hint, owners[name].__module__), bound.get(owners[name], {}))
        for name, hint in hints.items()
    }


def _hints(cls: type) -> dict[str, Any]:
    try:
        return typing.get_type_hints(cls, include_extras=True)
    except NameError:  # Python 3.12 before 3.12.4 does not know T in the texts of ``class Box[T]``
        own = {each.__name__: each for base in cls.__mro__ for each in getattr(base, "__type_params__", ())}
        if not own:
            raise
        return typing.get_type_hints(cls, None, own, True)


def _owner(cls: type, name: str) -> type:
    """The class whose annotation of `name` counts, and in whose module and by whose type variables it is written."""
    return next((base for base in cls.__mro__ if name in inspect.get_annotations(base)), cls)


def in_module(value: Any, module: str) -> Any:
    """An annotation as it is written in a module: its forward references resolved, or named where they are names."""
    value = rebuilt(value, lambda each: _named(each, module) if _text(each).isidentifier() else each)
    holder = types.SimpleNamespace(__annotations__={"value": value})
    return _named(typing.get_type_hints(holder, vars(sys.modules[module]), None, True)["value"], module)


def _named(annotation: Any, module: str) -> Any:
    """What is left of forward references refers to what is being defined: it goes by its name."""

    return rebuilt(annotation, lambda each: Alias(module, text) if (text := _text(each)) else each)


def _text(annotation: Any) -> str:
    """What a forward reference says; empty for other annotations."""
    text = annotation.__forward_arg__ if isinstance(annotation, typing.ForwardRef) else annotation
    return text if isinstance(text, str) else ""


def substituted(annotation: Any, bound: Mapping[Any, Any]) -> Any:
    """The annotation with what its type variables stand for."""
    if not bound:
        return annotation
    return rebuilt(annotation, lambda each: bound.get(each, each) if isinstance(each, typing.TypeVar) else each)


def rebuilt(annotation: Any, change: Change) -> Any:
    """The annotation with each of its parts changed; the same object when none was."""
    new = change(annotation)
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if new is not annotation or not arguments or origin is typing.Literal:
        return new
    if origin is typing.Annotated:
        return rebuilt(arguments[0], change)
    inner = tuple(rebuilt(argument, change) for argument in arguments)
    if all(map(lambda one, other: one is other, inner, arguments)):
        return annotation
    if origin in (typing.Union, types.UnionType):
        return typing.Union[inner]  # noqa: UP007 - the members are not written here
    return annotation.copy_with(inner) if hasattr(annotation, "copy_with") else types.GenericAlias(origin, inner)


def variables(cls: Any) -> tuple[Any, ...]:
    """The type variables of a generic class."""
    return tuple(getattr(cls, "__parameters__", ())) if isinstance(cls, type) else ()


def default(variable: Any) -> Any:
    """What a type variable stands for when nobody says (PEP 696); itself without one."""
    has_default = getattr(variable, "has_default", None)
    return variable.__default__ if has_default is not None and has_default() else variable


def bindings(cls: type, arguments: Mapping[Any, Any]) -> Bindings:
    """For a class and each of its generic bases, what the type variables there stand for."""
    found: Bindings = {cls: dict(arguments)}
    stack: list[Any] = [cls]
    while stack:
        child = stack.pop()
        for base in child.__dict__.get("__orig_bases__", getattr(child, "__bases__", ())):
            origin = typing.get_origin(base) or base
            if isinstance(origin, type) and origin not in found and origin is not typing.Generic:
                given = (substituted(argument, found[child]) for argument in typing.get_args(base))
                found[origin] = dict(zip(variables(origin), given, strict=False))
                stack.append(origin)
    return found


def below(cls: type, base: type, arguments: tuple[Any, ...]) -> Any:
    """The annotation of a class that is a ``base[arguments]``; None when its own type variables do not follow."""
    own = variables(cls)
    if not own:
        return cls
    seen = bindings(cls, {variable: variable for variable in own}).get(base, {})
    found = {seen.get(variable): argument for variable, argument in zip(variables(base), arguments, strict=False)}
    if not all(variable in found for variable in own):
        return None
    return cls[tuple(found[variable] for variable in own)]  # type: ignore[index]
