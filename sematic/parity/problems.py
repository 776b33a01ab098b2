"""What the parity test finds inside of a program, and where a function is written."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, TypeAlias

from sematic.function import Function

IsUsers: TypeAlias = Callable[[str], bool]
"""Whether a source file is the user's own."""


class Problem(NamedTuple):
    """Something that would fail in the cluster; `error` is the exception where there is one."""

    what: str
    file: str
    line: int
    fix: str = ""
    error: BaseException | None = None


def place_of(current: Function[..., Any]) -> tuple[str, int]:
    """Where a function is written; the decorator's line, as tracebacks have it."""
    body: Any = current.body
    while hasattr(body, "__wrapped__"):
        body = body.__wrapped__
    code = body.__code__
    return code.co_filename, code.co_firstlineno
