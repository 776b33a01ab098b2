"""What a person sees while a pipeline runs: a line a finished function on a pipe, a live tree on a terminal."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from typing import Protocol

from sematic.engine.events import Finish
from sematic.engine.states import State
from sematic.graph import Node

MARKS = {State.RESOLVED: "✓", State.RAN: "⋯", State.FAILED: "✗", State.CANCELED: "–", State.RETRYING: "↻"}


class Progress(Protocol):
    """Told by the resolver what happens; prints or not."""

    def begin(self, run_id: str, name: str) -> None: ...

    def started(self, run_id: str, parent: str | None, name: str, attempt: int) -> None: ...

    def ended(self, run_id: str, name: str, state: State, seconds: float, note: str) -> None: ...

    def finish(self, finish: Finish, seconds: float, advice: str) -> None: ...


class Quiet:
    """Prints nothing."""

    def begin(self, run_id: str, name: str) -> None: ...

    def started(self, run_id: str, parent: str | None, name: str, attempt: int) -> None: ...

    def ended(self, run_id: str, name: str, state: State, seconds: float, note: str) -> None: ...

    def finish(self, finish: Finish, seconds: float, advice: str) -> None: ...


class Lines:
    """One line a finished function."""

    def __init__(self, show: Callable[[str], None]) -> None:
        self._show = show

    def begin(self, run_id: str, name: str) -> None:
        self._show(f"sematic: {name} {run_id[:12]}\n")

    def started(self, run_id: str, parent: str | None, name: str, attempt: int) -> None: ...

    def ended(self, run_id: str, name: str, state: State, seconds: float, note: str) -> None:
        self._show(f"{MARKS[state]} {name} {duration(seconds)}{f' {note}' if note else ''}\n")

    def finish(self, finish: Finish, seconds: float, advice: str) -> None:
        words = {State.RESOLVED: "succeeded", State.FAILED: "failed", State.CANCELED: "was canceled"}
        self._show(f"sematic: {words[finish.state]} after {duration(seconds)}. {advice}\n")


def duration(seconds: float) -> str:
    """Seconds for people: ``3 ms``, ``1.2 s``, ``4 min 03 s``, ``2 h 05 min``."""
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(int(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest:02d} s"
    return f"{minutes // 60} h {minutes % 60:02d} min"


def node_name(node: Node) -> str:
    """What a run is called: its own name, else its function's."""
    return node.options.name or node.path.partition(":")[2]


def progress_for(kind: str, terminal: int | None, show: Callable[[str], None]) -> Progress:
    """The progress that a setting asks for; `auto` is a tree on a terminal and lines elsewhere."""
    if kind == "quiet":
        return Quiet()
    if kind == "tree" or (kind == "auto" and terminal is not None and _is_terminal(terminal)):
        from sematic.resolvers.tree import Tree

        return Tree(terminal, show)
    return Lines(show)


def _is_terminal(descriptor: int) -> bool:
    return os.isatty(descriptor) and os.environ.get("TERM") != "dumb"


def seconds_since(start: float) -> float:
    return time.monotonic() - start
