"""Running whatever a program resolves here and now, as SilentResolver does, and looking closer."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar, cast

from sematic import future
from sematic.engine.engine import Live
from sematic.engine.events import Event, ReturnedGraph, ReturnedValue, RunInline, Submit
from sematic.engine.states import State
from sematic.function import Function
from sematic.future import Future
from sematic.parity.problems import Problem, place_of
from sematic.parity.replaying import packed
from sematic.parity.values import lost
from sematic.resolvers.base import Loop, function_of
from sematic.resolvers.outcome import path_of, result
from sematic.resolvers.silent import run_silently
from sematic.types.artifact import Artifact

T = TypeVar("T")


class Observer:
    """Told what a program runs: problems, in which pod the next body would run, and the first call of each function
    that went well, with its arguments packed."""

    def __init__(
        self,
        problem: Callable[[Problem], None],
        enter: Callable[[str, str], None],
        call: Callable[[str, bool, bytes], None],
    ) -> None:
        self.problem = problem
        self.enter = enter
        self.call = call
        self.runs = 0
        self.values = 0
        self.called: set[tuple[str, str, int]] = set()
        """Functions whose bodies ran: path, file and line."""
        self.unreadable: set[str] = set()
        """What was said of values that cannot be read back,"""
        self.explained: list[BaseException] = []
        """and the exceptions that these led to."""


@contextmanager
def every_resolver(observer: Observer) -> Iterator[None]:
    """While the block lasts every graph is run here and now, whatever resolver the program asks for."""
    previous, future.every_resolver = future.every_resolver, _Watched(observer)
    try:
        yield
    finally:
        future.every_resolver = previous


class _Watched:
    """SilentResolver, watched."""

    def __init__(self, observer: Observer) -> None:
        self._observer = observer

    def resolve(self, future: Future[T]) -> T:
        observer = self._observer
        finish, loop = run_silently(future, _Watcher(observer))
        observer.enter("main.py", "")
        if finish.state is State.FAILED and finish.failed is not None:
            problem = _failed(loop, finish.failed)
            if problem.error is not None and str(problem.error) in observer.unreadable:
                observer.explained.append(problem.error)
            else:
                observer.problem(problem)
        return cast(T, result(finish, loop))


class _Watcher:
    """Keeps what each body returns until it was stored, to compare it with what its consumers get."""

    def __init__(self, observer: Observer) -> None:
        self._observer = observer
        self._function: Function[..., Any] | None = None
        self._body: Any = None
        self._returned: Any = None
        self._inline = True
        self._arguments: bytes | None = None
        self._kept: set[str] = set()

    def started(self, instruction: RunInline | Submit) -> None:
        node = instruction.node
        self._function = current = function_of(node)
        self._body = body = current.body
        self._observer.runs += 1
        self._observer.called.add((current.path, *place_of(current)))
        name = node.options.name or current.name
        self._inline = node.options.inline
        self._observer.enter(*(("driver", "") if self._inline else (name, instruction.run_id)))

        def keeping(*args: Any, **kwargs: Any) -> Any:
            if current.path not in self._kept:
                self._arguments = packed({**dict(zip(current._positional, args, strict=False)), **kwargs})
            self._returned = body(*args, **kwargs)
            return self._returned

        keeping.__wrapped__ = body  # type: ignore[attr-defined]
        current.body = keeping

    def ended(self, event: Event) -> None:
        current, value = self._function, self._returned
        if current is None:
            return
        current.body, self._function, self._returned = self._body, None, None
        self._observer.enter("driver", "")
        if isinstance(event, ReturnedValue | ReturnedGraph) and self._arguments is not None:
            self._kept.add(current.path)
            self._observer.call(current.path, self._inline, self._arguments)
        self._arguments = None
        if isinstance(event, ReturnedValue):
            self._compare(current, value, event.output)

    def _compare(self, current: Function[..., Any], value: Any, artifact: Artifact) -> None:
        self._observer.values += 1
        difference = lost(artifact.type, value, artifact)
        if difference:
            self._observer.unreadable.add(difference)
            what = f"the result of {current.name} does not survive being stored: {difference}"
            fix = (
                "Declare a type that is stored field by field (a dataclass), or correct its __getstate__ or __reduce__."
            )
            self._observer.problem(Problem(what, *place_of(current), fix))


def _failed(loop: Loop, run_id: str) -> Problem:
    run: Live = loop.engine.runs[run_id]
    current = function_of(run.node)
    error = loop.errors.get(run_id)
    return Problem(f"{path_of(run)} failed", *place_of(current), error=error)
