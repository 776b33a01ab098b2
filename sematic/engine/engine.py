"""The engine decides: events in, instructions out. It knows no clock, thread, socket or disk.

Each run counts the outputs it still waits for; an output that arrives costs its own edges, so a chain of any length
is linear, and nesting of any depth needs no recursion. Inline runs start one at a time, depth first in the order of
the calls, which is the order plain Python would have run them in: of what is ready, the deepest runs first, and of
one graph the call that was made first.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from heapq import heappop, heappush
from typing import Any

from sematic.engine import recording
from sematic.engine.changes import (
    ArtifactsAdded,
    Change,
    PipelineRunAdded,
    RunMoved,
    RunsAdded,
    SourceAdded,
)
from sematic.engine.events import (
    Assemble,
    Assembled,
    Cancelled,
    Event,
    Failed,
    Finish,
    Instruction,
    Record,
    Resumed,
    ReturnedGraph,
    ReturnedValue,
    RunInline,
    SetTimer,
    Started,
    Submit,
    Submitted,
    TimerFired,
    Usage,
    Withdraw,
)
from sematic.engine.records import Failure
from sematic.engine.states import TERMINAL, State
from sematic.graph import Graph, Node, Reference, dependencies, graph_constants
from sematic.ids import child_id
from sematic.options import INFRASTRUCTURE_BACKOFF, INFRASTRUCTURE_RETRIES, RetrySettings


class Live:
    """One run as the engine holds it while it is not finished.

    `waiting` counts the outputs it still needs: for its arguments, or, once its state is RAN, for its output.
    `uses` counts who still needs its own output; at zero the output is let go.
    """

    __slots__ = (
        "attempt",
        "children",
        "consumers",
        "depth",
        "family",
        "graph_output",
        "id",
        "infrastructure_failures",
        "needs",
        "node",
        "output",
        "parent",
        "position",
        "state",
        "user_failures",
        "uses",
        "waiting",
    )

    def __init__(self, id: str, node: Node, parent: Live | None, family: list[Live], position: int) -> None:
        self.id = id
        self.node = node
        self.parent = parent
        self.depth: int = 0 if parent is None else parent.depth + 1
        self.family = family
        self.position = position
        self.state = State.CREATED
        self.attempt = 0
        self.waiting = 0
        self.uses = 0
        self.consumers: list[Live] = []
        self.children: list[Live] = []
        self.needs: tuple[int, ...] = ()
        self.graph_output: Reference | None = None
        self.output: Any = None
        self.user_failures = 0
        self.infrastructure_failures = 0


class Engine:
    """One pipeline run. `claimant` is the nonce under which its attempts are claimed. With `max_parallelism`,
    functions with ``inline=False`` are submitted to workers, that many at a time.

    With `recording` off no change is made up: for resolvers that keep nothing.
    """

    def __init__(
        self,
        pipeline_run_id: str,
        *,
        claimant: str = "",
        max_parallelism: int = 0,
        recording: bool = True,
    ) -> None:
        self.id = pipeline_run_id
        self.root: Live | None = None
        self.runs: dict[str, Live] = {}
        self.finished = False
        self._claimant = claimant
        self.max_parallelism = max_parallelism
        self._recording = recording
        self._ready: list[tuple[int, int, str, Live]] = []
        self._remote: deque[Live] = deque()
        self._remote_live: dict[str, Live] = {}
        self._busy: Live | None = None
        self._assembling = 0
        self._changes: list[Change] = []
        self._instructions: list[Instruction] = []
        self._sources: set[str] = set()
        self._handlers: dict[type, Callable[[Any], None]] = {
            Submitted: self._submitted,
            Resumed: self._resumed,
            Started: self._started,
            ReturnedValue: self._returned_value,
            ReturnedGraph: self._returned_graph,
            Assembled: self._assembled,
            Failed: self._failed,
            Cancelled: self._cancelled,
            TimerFired: self._timer_fired,
        }

    def handle(self, event: Event) -> list[Instruction]:
        """Take one event in; what to do about it comes out, a Record first where there is something to record.

        An event that comes too late (its attempt is not current any more, the pipeline run is over) does nothing.
        """
        if self.finished:
            return []
        self._handlers[event.__class__](event)
        if not self.finished:
            self._dispatch(event.at)
        instructions, self._instructions = self._instructions, []
        if self._changes:
            instructions.insert(0, Record(self._changes))
            self._changes = []
        return instructions

    # -- events ---------------------------------------------------------------------------------------------------

    def _submitted(self, event: Submitted) -> None:
        family: list[Live] = []
        *feeding, root_node = event.graph.nodes
        root = self._add(self.id, root_node, None, family, len(feeding))
        self.root = root
        self._add_graph(root, 0, feeding, family)
        family.append(root)
        self._connect(family)
        if self._recording:
            self._record_submission(event, feeding, root_node)
        self._ready_all(family)

    def _record_submission(self, event: Submitted, feeding: list[Node], root_node: Node) -> None:
        root = recording.new_run(self.id, self.id, root_node, event.at, None, 0, len(feeding))
        children = recording.graph_runs(self.id, self.id, 0, feeding, event.at)
        self._changes += [
            PipelineRunAdded(event.pipeline_run),
            ArtifactsAdded(graph_constants(event.graph)),
            RunsAdded((root, *children)),
        ]

    def _resumed(self, event: Resumed) -> None:
        assert self.root is not None
        if self.root.state is State.RESOLVED:  # a worker committed it, and the driver died before it could say so
            self._end(State.RESOLVED, event.at, Finish(State.RESOLVED, self.root.output))
            return
        runs = [run for run in self.runs.values() if run.state not in TERMINAL and run.waiting == 0]
        for run in runs:
            if run.state is State.RAN:
                self._assemble(run)
        self._ready_all([run for run in runs if run.state is not State.RAN])

    def _started(self, event: Started) -> None:
        run = self._current(event.run_id, event.attempt)
        if run is not None:
            run.state = State.RUNNING

    def _returned_value(self, event: ReturnedValue) -> None:
        run = self._current(event.run_id, event.attempt)
        if run is None:
            return
        self._release(run)
        if self._recording and not event.recorded:
            self._changes += recording.returned_value(
                run.id, run.attempt, self._claimant, event.output, event.at, event.usage
            )
        self._let_go(run.node.dependencies, run.family)
        self._resolve(run, event.output, event.at)

    def _returned_graph(self, event: ReturnedGraph) -> None:
        run = self._current(event.run_id, event.attempt)
        if run is None:
            return
        self._release(run)
        if self._recording and not event.recorded:
            self._changes += recording.returned_graph(
                run.id, self.id, run.attempt, self._claimant, event.graph, event.at, event.usage
            )
        self._let_go(run.node.dependencies, run.family)
        self._expand(run, event.graph)

    def _assembled(self, event: Assembled) -> None:
        run = self.runs.get(event.run_id)
        if run is None or run.state is not State.RAN:
            return
        self._assembling -= 1
        if self._recording:
            self._changes += recording.assembled(run.id, event.output, event.at)
        self._forget(run.children)
        run.children = []
        self._resolve(run, event.output, event.at)

    def _failed(self, event: Failed) -> None:
        run = self.runs.get(event.run_id) if event.attempt == 0 else self._current(event.run_id, event.attempt)
        if run is None or run.state in TERMINAL:
            return
        if event.attempt:
            self._release(run)
            if self._recording and not event.recorded:
                self._changes += recording.attempt_failed(
                    run.id, run.attempt, self._claimant, event.failure, event.at, event.usage
                )
        retry = self._retry_of(run, event.failure) if event.attempt else None
        if retry is None:
            self._fail(run, event.failure, event.usage, event.at)
        else:
            self._retry(run, *retry, event.failure, event.usage, event.at)

    def _cancelled(self, event: Cancelled) -> None:
        self._end(State.CANCELED, event.at, Finish(State.CANCELED))

    def _timer_fired(self, event: TimerFired) -> None:
        run = self.runs.get(event.run_id)
        if run is not None and run.state is State.RETRYING:
            self._make_ready(run)

    # -- steps ----------------------------------------------------------------------------------------------------

    def _add(self, id: str, node: Node, parent: Live | None, family: list[Live], position: int) -> Live:
        run = self.runs[id] = Live(id, node, parent, family, position)
        return run

    def _add_graph(self, parent: Live, attempt: int, nodes: Iterable[Node], family: list[Live]) -> None:
        for position, node in enumerate(nodes):
            id = child_id(parent.id, attempt, position, node.path)
            family.append(self._add(id, node, parent, family, position))

    def _connect(self, family: list[Live]) -> None:
        """Let each run of a new graph wait for what its arguments need."""
        for run in family:
            for position in run.node.dependencies:
                needed = family[position]
                needed.uses += 1
                if needed.state is not State.RESOLVED:
                    needed.consumers.append(run)
                    run.waiting += 1

    def _expand(self, run: Live, graph: Graph) -> None:
        run.state = State.RAN
        self._add_graph(run, run.attempt, graph.nodes, run.children)
        self._connect(run.children)
        self._await_output(run, graph.output)
        if run.waiting == 0:
            self._assemble(run)
        self._ready_all(run.children)

    def _await_output(self, run: Live, output: Reference) -> None:
        run.graph_output = output
        run.needs = dependencies((output,))
        for position in run.needs:
            needed = run.children[position]
            needed.uses += 1
            if needed.state is not State.RESOLVED:
                needed.consumers.append(run)
                run.waiting += 1

    def _ready_all(self, runs: list[Live]) -> None:
        for run in reversed(runs):
            if run.waiting == 0 and run.state in (State.CREATED, State.RETRYING):
                self._make_ready(run)

    def _make_ready(self, run: Live) -> None:
        if run.node.options.inline or not self.max_parallelism:
            heappush(self._ready, (-run.depth, run.position, run.id, run))
        elif run.state is State.RETRYING:
            self._remote.append(run)
        else:
            self._remote.appendleft(run)

    def _dispatch(self, at: float) -> None:
        while self._remote and len(self._remote_live) < self.max_parallelism:
            run = self._remote.popleft()
            self._remote_live[run.id] = run
            self._start(run, State.SCHEDULED, at)
            self._instructions.append(Submit(run.id, run.attempt, run.node, self._outputs(run)))
        if self._busy is None and not self._assembling and self._ready:
            run = self._busy = heappop(self._ready)[-1]
            self._start(run, State.RUNNING, at)
            self._instructions.append(RunInline(run.id, run.attempt, run.node, self._outputs(run)))

    def _start(self, run: Live, state: State, at: float) -> None:
        run.attempt += 1
        run.state = state
        if self._recording:
            inline = state is State.RUNNING
            source = self._source(run.node)
            self._changes += recording.started(
                run.id, self.id, run.attempt, self._claimant, at, inline=inline, source=source
            )

    def _source(self, node: Node) -> str | None:
        if node.function is None:
            return None
        digest, text = node.function.source
        if digest not in self._sources:
            self._sources.add(digest)
            self._changes.append(SourceAdded(digest, text))
        return digest

    def _outputs(self, run: Live) -> dict[int, Any]:
        family = run.family
        return {position: family[position].output for position in run.node.dependencies}

    def _assemble(self, run: Live) -> None:
        assert run.graph_output is not None
        self._assembling += 1
        outputs = {position: run.children[position].output for position in run.needs}
        self._instructions.append(Assemble(run.id, run.node, run.graph_output, outputs))

    def _resolve(self, run: Live, output: Any, at: float) -> None:
        run.state = State.RESOLVED
        run.output = output
        if run is self.root:
            self._end(State.RESOLVED, at, Finish(State.RESOLVED, output))
            return
        consumers, run.consumers = run.consumers, []
        for consumer in reversed(consumers):
            consumer.waiting -= 1
            if consumer.waiting == 0:
                if consumer.state is State.RAN:
                    self._assemble(consumer)
                else:
                    self._make_ready(consumer)

    def _let_go(self, positions: Iterable[int], family: list[Live]) -> None:
        for position in positions:
            needed = family[position]
            needed.uses -= 1
            if needed.uses == 0:
                needed.output = None

    def _forget(self, runs: list[Live]) -> None:
        for run in runs:
            del self.runs[run.id]

    def _release(self, run: Live) -> None:
        """The attempt is over: what it occupied is free."""
        if self._busy is run:
            self._busy = None
        self._remote_live.pop(run.id, None)

    def _current(self, run_id: str, attempt: int) -> Live | None:
        run = self.runs.get(run_id)
        if run is None or run.attempt != attempt or run.state not in (State.SCHEDULED, State.RUNNING):
            return None
        return run

    # -- failure --------------------------------------------------------------------------------------------------

    def _retry_of(self, run: Live, failure: Failure) -> tuple[RetrySettings, int] | None:
        """The settings and number of the retry that a failure is worth; None when it is final."""
        if failure.kind == "infrastructure":
            run.infrastructure_failures += 1
            number = run.infrastructure_failures
            return (INFRASTRUCTURE_BACKOFF, number) if number <= INFRASTRUCTURE_RETRIES else None
        settings = run.node.options.retry
        if settings is None or not failure.retryable or run.user_failures >= settings.retries:
            return None
        run.user_failures += 1
        return settings, run.user_failures

    def _retry(
        self, run: Live, settings: RetrySettings, number: int, failure: Failure, usage: Usage, at: float
    ) -> None:
        run.state = State.RETRYING
        if self._recording:
            inputs = recording.inputs_json(usage)
            self._changes.append(RunMoved(run.id, State.RETRYING, at, inputs=inputs, failure=failure.to_json()))
        delay = settings.delay(number, _fraction(run))
        self._instructions.append(SetTimer(run.id, delay))

    def _fail(self, run: Live, failure: Failure, usage: Usage, at: float) -> None:
        if self._recording:
            state = State.NESTED_FAILED if run.state in (State.RAN, State.CREATED) else State.FAILED
            inputs = recording.inputs_json(usage)
            self._changes.append(RunMoved(run.id, state, at, inputs=inputs, failure=failure.to_json()))
            parent = run.parent
            while parent is not None:
                self._changes.append(RunMoved(parent.id, State.NESTED_FAILED, at))
                parent = parent.parent
        run.state = State.FAILED
        self._end(State.FAILED, at, Finish(State.FAILED, None, run.id, failure))

    def _end(self, state: State, at: float, finish: Finish) -> None:
        self.finished = True
        for run in self._remote_live.values():
            self._instructions.append(Withdraw(run.id, run.attempt))
        if self._recording:
            self._changes += recording.ended(self.id, state, at)
        self._instructions.append(finish)


def _fraction(run: Live) -> float:
    """Where in its jitter a retry falls: from 0 to 1, spread over runs and attempts, the same in every replay."""
    return (int(run.id[:8], 16) ^ (run.attempt * 2654435761)) % 2**32 / 2**32
