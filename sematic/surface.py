"""Typed spellings for what a type checker does not know of a call's value: that it is a future."""

from __future__ import annotations

from typing import TypeVar, Unpack, cast

from sematic.errors import GraphError
from sematic.future import Future, Resolver
from sematic.options import CallOptions

T = TypeVar("T")


def resolve(value: T, resolver: Resolver | None = None) -> T:
    """Run the graph of a future and return its value: ``resolve(pipeline(1), SilentResolver())``.

    The same as ``pipeline(1).resolve(...)``, in a way that type checkers follow. The default resolver is
    LocalResolver(). Raises GraphError when `value` is no future, and what the pipeline itself raises.
    """
    return _future(value, "resolve").resolve(resolver)


def options(value: T, **options: Unpack[CallOptions]) -> T:
    """Change options of one call (`name`, `tags`, `inline`, `timeout`, `retry`, `cache`, `resource_requirements`,
    `base_image_tag`) and return it: ``options(train(c), name="train small")``. Raises SettingsError."""
    return cast(T, _future(value, "options").set(**options))


def _future(value: T, what: str) -> Future[T]:
    if value.__class__ is not Future:
        raise GraphError(f"sematic.{what}() takes the result of calling a Sematic function, got {type(value).__name__}")
    return cast("Future[T]", value)
