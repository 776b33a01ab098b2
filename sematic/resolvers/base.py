"""What every resolver shares: the graph of a future, and the loop that carries out what the engine decides."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Mapping
from heapq import heappop, heappush
from typing import Any, Protocol, TypeVar

from sematic.attempts.body import Expansion, Outcome, Value, failure_of, run_body
from sematic.context import Context
from sematic.engine.engine import Engine
from sematic.engine.events import (
    Assemble,
    Assembled,
    Event,
    Failed,
    Finish,
    Instruction,
    Record,
    ReturnedGraph,
    ReturnedValue,
    RunInline,
    SetTimer,
    TimerFired,
    Usage,
)
from sematic.errors import SematicError
from sematic.function import Function, find
from sematic.future import Call, Future
from sematic.graph import Graph, Materials, Node, Output, materialise, renumbered
from sematic.types.artifact import Artifact, Store

T = TypeVar("T")


class Resolver(Protocol):
    """Runs the graph of a future and gives its value."""

    def resolve(self, future: Future[T]) -> T: ...


def graph_of(future: Future[Any]) -> Graph:
    """The graph of a future that was made outside of any body: its call last, before it those it depends on."""
    found: dict[int, Call] = {}
    stack = [future._call]
    while stack:
        call = stack.pop()
        if call.position not in found or not call.callers:
            found[call.position] = call
        stack.extend(caller for caller in call.callers if caller.position not in found)
    calls = [found[position] for position in sorted(found)]
    numbers = {call.position: index for index, call in enumerate(calls)}
    return Graph(tuple(_renumbered(call.node(), numbers) for call in calls), Output(numbers[future._call.position]))


def _renumbered(node: Node, numbers: Mapping[int, int]) -> Node:
    arguments = {name: renumbered(reference, numbers) for name, reference in node.arguments.items()}
    return node._replace(arguments=arguments, dependencies=tuple(sorted(numbers[d] for d in node.dependencies)))


class Loop:
    """Carries out instructions until the engine says Finish.

    `record` commits changes; `store` and `artifact` give and take bytes; `now` is the clock. Exceptions of bodies are
    kept by run, so that the resolver can raise the very one that failed.
    """

    def __init__(
        self,
        engine: Engine,
        store: Store,
        artifact: Callable[[str], Artifact],
        now: Callable[[], float] = time.time,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.engine = engine
        self.store = store
        self.artifact = artifact
        self.now = now
        self.sleep = sleep
        self.errors: dict[str, BaseException] = {}
        self.finish: Finish | None = None
        self._events: deque[Event] = deque()
        self._timers: list[tuple[float, str]] = []
        self._carry_out: dict[type, Callable[[Any], None]] = {
            Record: self.record,
            RunInline: self.run_inline,
            Assemble: self.assemble,
            SetTimer: self.set_timer,
            Finish: self.set_finish,
        }

    def run(self, event: Event) -> Finish:
        """From the first event to the end."""
        self._events.append(event)
        while self.finish is None:
            if not self._events:
                self._await_timer()
            self.perform(self.engine.handle(self._events.popleft()))
        return self.finish

    def perform(self, instructions: list[Instruction]) -> None:
        for instruction in instructions:
            self._carry_out[instruction.__class__](instruction)

    def record(self, instruction: Record) -> None:
        """Nothing is kept."""

    def run_inline(self, instruction: RunInline) -> None:
        outcome = run_body(
            instruction.node,
            self.function(instruction.node),
            Materials(self.outputs(instruction.outputs), self.artifact, self.store),
            Context(instruction.run_id, self.engine.id, instruction.attempt),
        )
        self._events.append(self.event_of(instruction, outcome, self.usage(outcome)))

    def usage(self, outcome: Outcome) -> Usage:
        return Usage(outcome.inputs)

    def event_of(self, instruction: RunInline, outcome: Outcome, usage: Usage) -> Event:
        run_id, attempt = instruction.run_id, instruction.attempt
        if isinstance(outcome, Value):
            return ReturnedValue(run_id, attempt, outcome.artifact, self.now(), usage)
        if isinstance(outcome, Expansion):
            return ReturnedGraph(run_id, attempt, outcome.graph, self.now(), usage)
        self.errors[run_id] = outcome.error
        return Failed(run_id, attempt, outcome.failure, self.now(), usage)

    def assemble(self, instruction: Assemble) -> None:
        materials = Materials(self.outputs(instruction.outputs), self.artifact, self.store)
        try:
            artifact = materialise(instruction.output, self.function(instruction.node).returns, materials)
        except (SematicError, LookupError, TypeError) as error:
            self.errors[instruction.run_id] = error
            self._events.append(Failed(instruction.run_id, 0, failure_of(error, None), self.now()))
        else:
            self._events.append(Assembled(instruction.run_id, artifact, self.now()))

    def outputs(self, outputs: Mapping[int, Any]) -> Mapping[int, Artifact]:
        """Outputs by position; those of earlier processes are known by id only and read now."""
        if any(isinstance(output, str) for output in outputs.values()):
            return {p: self.artifact(output) if isinstance(output, str) else output for p, output in outputs.items()}
        return outputs

    def function(self, node: Node) -> Function[..., Any]:
        return node.function or find(node.path)

    def set_timer(self, instruction: SetTimer) -> None:
        heappush(self._timers, (time.monotonic() + instruction.delay, instruction.run_id))

    def set_finish(self, instruction: Finish) -> None:
        self.finish = instruction

    def _await_timer(self) -> None:
        if not self._timers:
            raise SematicError("internal: nothing left to do, and the pipeline run is not finished")
        due, run_id = heappop(self._timers)
        self.sleep(max(0.0, due - time.monotonic()))
        self._events.append(TimerFired(run_id, self.now()))


