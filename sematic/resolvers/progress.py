"""What a person sees while a pipeline runs: a line a finished function on a pipe, a live tree on a terminal."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Protocol

from sematic.attempts.output import Capture
from sematic.engine.engine import Engine
from sematic.engine.events import Event, Failed, Finish, ReturnedGraph, ReturnedValue, RunInline, Submit
from sematic.engine.states import State
from sematic.graph import Node

COMMAND = "SEMATIC_COMMAND"
"""How the `sematic` command is typed where this program was started; set by whoever starts it, such as Bazel."""

MARKS = {State.RESOLVED: "✓", State.RAN: "⋯", State.FAILED: "✗", State.CANCELED: "–", State.RETRYING: "↻"}


class Progress(Protocol):
    """Told by the resolver what happens; prints or not."""

    def begin(self, text: str) -> None: ...

    def started(self, run_id: str, parent: str | None, name: str, attempt: int) -> None: ...

    def ended(self, run_id: str, name: str, state: State, seconds: float, note: str) -> None: ...

    def finish(self, finish: Finish, seconds: float, advice: str) -> None: ...


class Quiet:
    """Prints nothing."""

    def begin(self, text: str) -> None: ...

    def started(self, run_id: str, parent: str | None, name: str, attempt: int) -> None: ...

    def ended(self, run_id: str, name: str, state: State, seconds: float, note: str) -> None: ...

    def finish(self, finish: Finish, seconds: float, advice: str) -> None: ...


class Lines:
    """One line a finished function."""

    def __init__(self, show: Callable[[str], None]) -> None:
        self._show = show

    def begin(self, text: str) -> None:
        self._show(f"sematic: {text}\n")

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


class Watch:
    """Turns what the loop does into names and times for a `Progress`."""

    def __init__(self, progress: Progress, engine: Engine) -> None:
        self._progress = progress
        self._engine = engine
        self._begun: dict[str, tuple[str, float]] = {}

    def begin(self, id: str, name: str, announcement: str) -> None:
        self._id = id
        self._progress.begin(f"{name} {id[:12]} {announcement}".rstrip())

    def finish(self, finish: Finish, seconds: float) -> None:
        command = os.environ.get(COMMAND) or "sematic"
        look = f"{command} show {self._id[:12]}"
        if finish.state is not State.RESOLVED:
            look += f"; to go on where it stopped: {command} resume {self._id[:12]}"
        self._progress.finish(finish, seconds, f"Look at it: {look}")

    def started(self, instruction: RunInline | Submit) -> None:
        run = self._engine.runs[instruction.run_id]
        name = node_name(instruction.node)
        self._begun[run.id] = (name, time.monotonic())
        self._progress.started(run.id, run.parent.id if run.parent else None, name, instruction.attempt)

    def ended(self, event: Event) -> None:
        if not isinstance(event, ReturnedValue | ReturnedGraph | Failed) or event.run_id not in self._begun:
            return
        name, start = self._begun.pop(event.run_id)
        state, note = self._what_became(event)
        seconds = event.usage.seconds if event.usage.seconds is not None else time.monotonic() - start
        self._progress.ended(event.run_id, name, state, seconds, note)

    def _what_became(self, event: ReturnedValue | ReturnedGraph | Failed) -> tuple[State, str]:
        if isinstance(event, ReturnedValue):
            return State.RESOLVED, ""
        if isinstance(event, ReturnedGraph):
            count = len(event.graph.nodes)
            return State.RAN, f"→ {count} run{'s' * (count != 1)}"
        run = self._engine.runs.get(event.run_id)
        again = run is not None and run.state is State.RETRYING
        first = event.failure.message.splitlines()[0] if event.failure.message else ""
        note = f"{event.failure.class_name}: {first}"
        return (State.RETRYING, f"{note} (will be tried again)") if again else (State.FAILED, note)


def progress_for(kind: str, capture: Capture | None) -> Progress:
    """The progress that a setting asks for; `auto` is a tree on a terminal and lines elsewhere."""
    if kind == "quiet":
        return Quiet()
    if capture is not None and (kind == "tree" or (kind == "auto" and _is_terminal(capture.terminal()))):
        from sematic.resolvers.tree import Tree

        return Tree(capture.draw)
    return Lines(capture.show if capture is not None else to_stderr)


def to_stderr(text: str) -> None:
    """Write a line of our own where there is no capture."""
    with suppress(OSError, ValueError, AttributeError):  # a program without a stderr runs on without progress
        sys.stderr.write(text)
        sys.stderr.flush()


def _is_terminal(descriptor: int | None) -> bool:
    return descriptor is not None and os.isatty(descriptor) and os.environ.get("TERM") != "dumb"
