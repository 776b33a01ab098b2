"""What every resolver shares: the graph of a future, and the loop that carries out what the engine decides."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from heapq import heappop, heappush
from queue import Empty, SimpleQueue
from typing import Any, Protocol

from sematic.attempts.body import Expansion, Limit, Outcome, Raised, Value, at, failure_of, run_body
from sematic.context import Context
from sematic.engine.changes import Change
from sematic.engine.engine import Engine
from sematic.engine.events import (
    NO_USAGE,
    Assemble,
    Assembled,
    Cancelled,
    Event,
    Failed,
    Finish,
    Instruction,
    Record,
    ReturnedGraph,
    ReturnedValue,
    RunInline,
    SetTimer,
    Submit,
    TimerFired,
    Usage,
    Withdraw,
)
from sematic.errors import ArtifactError, SematicError
from sematic.function import Function, find
from sematic.future import Call, Future
from sematic.graph import Graph, Materials, Node, Output, check_size, materialise, renumbered
from sematic.resolvers.interrupts import Interrupts
from sematic.types.artifact import Artifact, Store


class Meter(Protocol):
    """Measures attempts that run in this process."""

    def start(self) -> Any: ...

    def usage(self, start: Any, inputs: Mapping[str, Artifact]) -> Usage: ...


class Workers(Protocol):
    """Run attempts elsewhere, and post what becomes of them."""

    def submit(self, instruction: Submit) -> None: ...

    def withdraw(self, instruction: Withdraw) -> None: ...


class Watcher(Protocol):
    """Told what happens, for people to see."""

    def started(self, instruction: RunInline | Submit) -> None: ...

    def ended(self, event: Event) -> None: ...


_ALWAYS = nullcontext()


def _ignore(changes: object) -> None:
    """Nothing is kept."""


@dataclass
class Ports:
    """What a resolver plugs into the loop; by default nothing is kept, measured, shown or run elsewhere."""

    store: Store
    artifact: Callable[[str], Artifact]
    record: Callable[[list[Change]], None] = _ignore
    meter: Meter | None = None
    workers: Workers | None = None
    watcher: Watcher | None = None
    interrupts: Interrupts | None = None
    time_limit: Limit | None = None
    now: Callable[[], float] = field(default=time.time)


def graph_of(future: Future[Any]) -> Graph:
    """The graph of a future that was made outside of any body: its call last, before it those it depends on."""
    found: dict[int, Call] = {}
    seen: set[int] = set()
    stack = [future._call]
    while stack:
        call = stack.pop()
        if id(call) not in seen:  # several may stand for one position: see _Joined
            seen.add(id(call))
            stack.extend(call.callers)
            found.setdefault(call.position, call)
    calls = [found[position] for position in sorted(found)]
    numbers = {call.position: index for index, call in enumerate(calls)}
    nodes = tuple(_renumbered(call.node(), numbers) for call in calls)
    graph = Graph(nodes, Output(numbers[future._call.position]))
    check_size(graph, f"the graph of {future._call.function.name}")
    return graph


def _renumbered(node: Node, numbers: Mapping[int, int]) -> Node:
    arguments = {name: renumbered(reference, numbers) for name, reference in node.arguments.items()}
    return node._replace(arguments=arguments, dependencies=tuple(sorted(numbers[d] for d in node.dependencies)))


class Loop:
    """Feeds events to the engine and carries out its instructions until it says Finish.

    Bodies run on the thread that calls `run`; events of helper threads come in through `post` and are acted on at
    once, except for what must happen on that one thread.
    """

    def __init__(self, engine: Engine, ports: Ports) -> None:
        self.engine = engine
        self.ports = ports
        self.errors: dict[str, BaseException] = {}
        """Exceptions of bodies by run, so that the resolver can raise the very one that failed."""
        self._finish: Finish | None = None
        self._decided: Finish | None = None
        """The end that is queued: an interrupt may lose it from the queue."""
        self._broken: BaseException | None = None
        self._lock = threading.RLock()
        self._todo: SimpleQueue[Instruction | None] = SimpleQueue()
        self._timers: list[tuple[float, str]] = []
        self._carry_out: dict[type, Callable[[Any], None]] = {
            Record: lambda instruction: ports.record(instruction.changes),
            RunInline: self._todo.put,
            Assemble: self._todo.put,
            Finish: self._decide,
            SetTimer: self._set_timer,
            Submit: self._submit,
            Withdraw: self._withdraw,
        }
        self._here: dict[type, Callable[[Any], None]] = {
            RunInline: self._run_inline,
            Assemble: self._assemble,
            Finish: self._set_finish,
        }

    def run(self, event: Event) -> Finish:
        """From the first event to the end. An exception of the ledger or store comes out as it is."""
        self.post(event)
        while self._finish is None:
            with self._interruptible():
                instruction = self._next()
            if self._broken is not None:
                raise self._broken
            if instruction is None or (self.engine.finished and not isinstance(instruction, Finish)):
                continue  # a run that failed elsewhere ended it all: nothing new starts
            self._here[instruction.__class__](instruction)
        return self._finish

    def post(self, event: Event) -> None:
        """Take in an event, from any thread."""
        with self._lock:
            for instruction in self.engine.handle(event):
                self._carry_out[instruction.__class__](instruction)
            if self.ports.watcher is not None:
                self.ports.watcher.ended(event)

    def post_from_helper(self, event: Callable[[], Event]) -> None:
        """The same from a thread that has nobody to raise to: the loop's own thread raises instead, also when the
        event cannot be found out."""
        try:
            self.post(event())
        except BaseException as error:
            self._broken = error
            self._todo.put(None)

    def cancel(self) -> Finish:
        """End now; what was committed stays."""
        self.post(Cancelled(self.ports.now()))
        assert self._decided is not None
        return self._decided

    def wake(self) -> None:
        """Have the loop's thread look around."""
        self._todo.put(None)

    def _interruptible(self) -> AbstractContextManager[object]:
        """Where Ctrl-C may raise: in a user's body, and while there is nothing to do."""
        return _ALWAYS if self.ports.interrupts is None else self.ports.interrupts.window

    def _next(self) -> Instruction | None:
        if not self._timers:
            return self._todo.get()
        due, run_id = self._timers[0]
        try:
            return self._todo.get(timeout=max(0.0, due - time.monotonic()))
        except Empty:
            heappop(self._timers)
            self.post(TimerFired(run_id, self.ports.now()))
            return None

    def _run_inline(self, instruction: RunInline) -> None:
        ports = self.ports
        if ports.watcher is not None:
            ports.watcher.started(instruction)
        start = ports.meter.start() if ports.meter is not None else None
        context = Context(instruction.run_id, self.engine.id, instruction.attempt)
        materials = Materials(self.outputs(instruction.outputs), ports.artifact, ports.store)
        with self._interruptible():
            outcome = run_body(instruction.node, function_of(instruction.node), materials, context, ports.time_limit)
        if ports.meter is not None:
            usage = ports.meter.usage(start, outcome.inputs)
        else:
            usage = Usage(outcome.inputs) if outcome.inputs else NO_USAGE
        recorded = False
        if isinstance(outcome, Raised):
            self.errors[instruction.run_id] = outcome.error
            recorded = getattr(outcome.error, "sematic_recorded", False)
        self.post(event_of(instruction.run_id, instruction.attempt, outcome, ports.now(), usage, recorded))

    def _assemble(self, instruction: Assemble) -> None:
        ports = self.ports
        function = function_of(instruction.node)
        try:
            materials = Materials(self.outputs(instruction.outputs), ports.artifact, ports.store)
            artifact = materialise(instruction.output, function.returns, materials)
        except (SematicError, LookupError, TypeError) as problem:
            error = problem if isinstance(problem, ArtifactError) else at(problem, f"the result of {function.name}")
            self.errors[instruction.run_id] = error
            self.post(Failed(instruction.run_id, 0, failure_of(error, None), ports.now()))
        else:
            self.post(Assembled(instruction.run_id, artifact, ports.now()))

    def outputs(self, outputs: Mapping[int, Any]) -> Mapping[int, Artifact]:
        """Outputs by position; those of other processes are known by id only and are read now."""
        for output in outputs.values():
            if output.__class__ is str:
                read = self.ports.artifact
                return {p: read(output) if isinstance(output, str) else output for p, output in outputs.items()}
        return outputs

    def _set_timer(self, instruction: SetTimer) -> None:
        heappush(self._timers, (time.monotonic() + instruction.delay, instruction.run_id))
        self.wake()

    def _submit(self, instruction: Submit) -> None:
        assert self.ports.workers is not None
        if self.ports.watcher is not None:
            self.ports.watcher.started(instruction)
        self.ports.workers.submit(instruction)

    def _withdraw(self, instruction: Withdraw) -> None:
        assert self.ports.workers is not None
        self.ports.workers.withdraw(instruction)

    def _decide(self, instruction: Finish) -> None:
        self._decided = instruction
        self._todo.put(instruction)

    def _set_finish(self, instruction: Finish) -> None:
        self._finish = instruction


def function_of(node: Node) -> Function[..., Any]:
    """The function of a node, imported when it is known by path only."""
    return node.function or find(node.path)


def event_of(run_id: str, attempt: int, outcome: Outcome, at: float, usage: Usage, recorded: bool = False) -> Event:
    """What an outcome means to the engine."""
    if isinstance(outcome, Value):
        return ReturnedValue(run_id, attempt, outcome.artifact, at, usage, recorded)
    if isinstance(outcome, Expansion):
        return ReturnedGraph(run_id, attempt, outcome.graph, at, usage, recorded)
    return Failed(run_id, attempt, outcome.failure, at, usage, recorded)
