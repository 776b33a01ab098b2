"""A pipeline run under faults, from a seed: the engine, a ledger, workers and a clock, none of them real but the
engine, the ledger and the code that takes a pipeline run up again.

What is drawn from the seed: the graph (what each body returns is a fact of its place in it), which bodies fail, and
every step of the history: who moves next, who dies, what arrives late or twice. The properties of the failure
contract are checked after each step and at the end. The same seed gives the same history.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass, field
from heapq import heappop, heappush
from types import SimpleNamespace
from typing import Any, NamedTuple

from sematic.engine import recording
from sematic.engine.changes import AttemptClaimed, Interrupted, RunMoved
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
    Resumed,
    ReturnedGraph,
    ReturnedValue,
    RunInline,
    SetTimer,
    Started,
    Submit,
    Submitted,
    TimerFired,
    Withdraw,
)
from sematic.engine.rebuild import rebuild
from sematic.engine.records import Failure, PipelineRun, Run
from sematic.engine.states import TERMINAL, State
from sematic.errors import Fenced, LedgerError
from sematic.graph import Collect, Constant, Graph, Item, Materials, Node, Output, Reference, dependencies, materialise
from sematic.ledger.memory import MemoryLedger
from sematic.options import INFRASTRUCTURE_RETRIES, Options, RetrySettings
from sematic.resolvers.resume import Wish, plan
from sematic.resolvers.workers import lost, reported
from sematic.types import registry
from sematic.types.artifact import Artifact, MemoryStore, encode, load
from sematic.worker.attempt import node_of

STORE = MemoryStore()
INT = registry.of(int)
INTS = registry.of(list[int])
MODULUS = 1_000_003


# -- the program: what each function does, drawn from the seed ---------------------------------------------------------


class Step(NamedTuple):
    """One function: ``m:<place>``. `graph` is what its body returns; without one it returns a number made of its
    arguments. `failures`: how often the body fails before it does not, -1 for always."""

    place: str
    graph: Graph | None
    failures: int
    retryable: bool


class Program:
    """A tree of functions by place: the root is ``r``, its calls ``r.0``, ``r.1``, …"""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        self.steps: dict[str, Step] = {}
        self._most = rng.choice((1, 4, 12, 30))
        self._remote = rng.choice((0.0, 0.3, 1.0))
        self._troubled = rng.choice((0.0, 0.0, 0.15))
        self._doomed = rng.choice((0.0, 0.0, 0.0, 0.05))
        feeding = [self._call(f"f.{position}", position, 1) for position in range(rng.choice((0, 0, 0, 1, 3)))]
        root = self._call("r", len(feeding), 0)
        if feeding:  # each is there because something needs it
            everything: dict[str, Reference] = {**root.arguments, "all": first_of(list(range(len(feeding))))}
            root = root._replace(arguments=everything, dependencies=dependencies(everything.values()))
        self.graph = Graph((*feeding, root), Output(len(feeding)))

    def _call(self, place: str, position: int, depth: int) -> Node:
        rng = self._rng
        arguments = {f"p{number}": self._argument(position) for number in range(rng.randint(0, 2))}
        retry = None
        failures = 0
        if rng.random() < self._troubled:
            failures = rng.randint(1, 3)
            retry = RetrySettings((), failures, backoff=rng.choice((0.0, 1.0)), jitter=0.2)
        elif rng.random() < self._doomed:
            failures = -1
            retry = RetrySettings((), 2) if rng.random() < 0.5 else None
        options = Options(inline=rng.random() >= self._remote, retry=retry)
        inner = self._inner(place, depth)
        self.steps[place] = Step(place, inner, failures, retryable=retry is not None)
        return Node(f"m:{place}", arguments, options, dependencies(arguments.values()))

    def _argument(self, position: int) -> Reference:
        rng = self._rng
        if position == 0 or rng.random() < 0.2:
            return Constant(encode(INT, rng.randrange(100), STORE))
        some = [rng.randrange(position) for _ in range(rng.randint(1, 4))]
        return Output(some[0]) if len(some) < 3 else first_of(some)

    def _inner(self, place: str, depth: int) -> Graph | None:
        rng = self._rng
        if depth >= 6 or len(self.steps) >= self._most or rng.random() < 0.4 + 0.08 * depth:
            return None
        self.steps[place] = Step(place, None, 0, retryable=False)  # counts while its calls are drawn
        count = rng.choice((1, 1, 2, 3, 5))
        nodes = [self._call(f"{place}.{position}", position, depth + 1) for position in range(count)]
        used: set[int] = set()
        for node in reversed(range(count)):
            if node == count - 1 or node in used:
                used.update(nodes[node].dependencies)
        unused = [position for position in range(count - 1) if position not in used]
        return Graph(tuple(nodes), first_of([count - 1, *unused]) if unused else Output(count - 1))

    def value(self, place: str, arguments: dict[str, int]) -> int:
        return _mixed(place, arguments)

    def plain(self) -> int:
        """What plain evaluation of the whole program gives."""
        return self._evaluated(self.graph)[-1]

    def _evaluated(self, graph: Graph) -> list[int]:
        values: list[int] = []
        for node in graph.nodes:
            arguments = {name: _looked_up(reference, values) for name, reference in node.arguments.items()}
            step = self.steps[place_of(node.path)]
            if step.graph is None:
                values.append(self.value(step.place, arguments))
            else:
                values.append(int(_looked_up(step.graph.output, self._evaluated(step.graph))))
        return values

    def order(self) -> list[str]:
        """The places in the order in which plain evaluation comes to them."""
        return list(self._ordered(self.graph))

    def _ordered(self, graph: Graph) -> Iterator[str]:
        for node in graph.nodes:
            place = place_of(node.path)
            yield place
            inner = self.steps[place].graph
            if inner is not None:
                yield from self._ordered(inner)

    def doomed(self) -> set[str]:
        return {place for place, step in self.steps.items() if step.failures < 0}

    def mend(self) -> None:
        """The user corrects the code."""
        self.steps = {place: step._replace(failures=0) for place, step in self.steps.items()}


def first_of(positions: list[int]) -> Reference:
    """``[a, b, …][0]``: needs all of them and is the first."""
    outputs = tuple(map(Output, positions))
    return Item(Collect(INTS.spec, None, outputs, (INT.spec,) * len(outputs)), Constant(encode(INT, 0, STORE)))


def place_of(path: str) -> str:
    return path.partition(":")[2]


def _mixed(place: str, arguments: dict[str, int]) -> int:
    mixed = 17
    for text in (place, *(f"{name}={value}" for name, value in sorted(arguments.items()))):
        for character in text:
            mixed = (mixed * 31 + ord(character)) % MODULUS
    return mixed


def _looked_up(reference: Reference, values: list[int]) -> Any:
    if isinstance(reference, Output):
        return values[reference.position]
    if isinstance(reference, Constant):
        assert isinstance(reference.artifact, Artifact)
        return load(reference.artifact, STORE)
    if isinstance(reference, Item):
        return _looked_up(reference.of, values)[_looked_up(reference.key, values)]
    assert isinstance(reference, Collect)
    return [_looked_up(element, values) for element in reference.elements]


# -- those who act -----------------------------------------------------------------------------------------------------


class Died(Exception):
    """A process ends here and now."""


@dataclass
class Worker:
    """A process with one attempt; `steps` goes from one place where it may die to the next."""

    run_id: str
    attempt: int
    nonce: str
    driver: Driver
    steps: Generator[None, None, None] = field(init=False)


@dataclass
class Driver:
    """A process that resolves: an engine, what it has still to do here, and its timers."""

    engine: Engine
    owner: str
    nonce: str
    todo: list[Instruction] = field(default_factory=list)
    timers: list[tuple[float, str]] = field(default_factory=list)
    workers: list[Worker] = field(default_factory=list)
    body: RunInline | None = None
    finish: Finish | None = None


class Simulation:
    """One history."""

    def __init__(self, seed: int) -> None:
        self.rng = random.Random(seed)
        self.program = Program(self.rng)
        self.ledger = MemoryLedger()
        self.clock = 1000.0
        self.history: list[str] = []
        self.faults = self.rng.choice((0, 0, 3, 10, 30))
        self.parallelism = self.rng.choice((0, 1, 2, 5))
        self.cursed = self.rng.choice(sorted(self.program.steps)) if self.rng.random() < 0.05 else None
        self.cancels = 1 if self.rng.random() < 0.05 else 0
        self.driver: Driver | None = None
        self.orphans: list[Worker] = []
        self.old_events: list[Event] = []
        self.id = f"{self.rng.getrandbits(128):032x}"
        self.incarnations = 0
        self.bodies: list[str] = []
        self.finished: Finish | None = None
        self.check = Checks(self)

    def run(self) -> None:
        """From the first event to the end, then a second time where it did not succeed, then a part of it again."""
        self.start()
        self.until_the_end()
        self.check.at_the_end()
        if self.record().state is not State.RESOLVED:
            self.program.mend()
            self.cursed = None
            self.check.faultless = False
            self.take_up(Wish(self.id, None, False))
            self.until_the_end()
            self.check.at_the_end()
        if self.rng.random() < 0.3 and self.record().state is State.RESOLVED:
            self.again_from_somewhere()

    def until_the_end(self) -> None:
        while self.finished is None or self.orphans:
            if self.driver is None and self.finished is None:
                self.take_up(Wish(self.id, None, False))
            else:
                self.rng.choice(list(self.moves()))()
            self.check.after_step()

    def moves(self) -> Iterator[Callable[[], None]]:
        """Whatever may happen next."""
        for worker in self.orphans:
            yield lambda worker=worker: self.step_worker(worker)  # type: ignore[misc]
        driver = self.driver
        if driver is None:
            return
        for worker in driver.workers:
            yield lambda worker=worker: self.step_worker(worker)  # type: ignore[misc]
        if driver.body is not None or driver.todo:
            yield self.step_driver
        if driver.timers:
            yield self.ring
        if self.faults:
            yield self.fault
        if self.cancels and self.rng.random() < 0.2:
            yield self.cancel

    # -- the driver ----------------------------------------------------------------------------------------------------

    def start(self) -> None:
        driver = self.new_driver(self.id)
        root = self.program.graph.nodes[-1].path
        record = PipelineRun(self.id, root, State.RUNNING, self.clock, driver.owner, "local")
        self.tell(Submitted(self.program.graph, record, self.clock))
        if self.driver is None and not self.ledger.find(self.id):
            self.start()  # it died before anything was recorded: the user starts it again

    def new_driver(self, id: str) -> Driver:
        self.incarnations += 1
        number = self.incarnations
        engine = Engine(id, claimant=f"nonce{number}", max_parallelism=self.parallelism)
        self.driver = Driver(engine, f"owner{number}", f"nonce{number}")
        return self.driver

    def take_up(self, wish: Wish) -> None:
        """What `LocalResolver` does with SEMATIC_RESUME."""
        earlier = self.record()
        if earlier.owner is not None and earlier.state not in TERMINAL:
            self.settle(earlier.owner)
            earlier = self.record()
        if earlier.state is State.RESOLVED and wish.again_from is None:
            # the driver died after the last commit: nothing is left to do
            self.finished = Finish(State.RESOLVED, earlier_output(self))
            return
        new_id = f"{self.rng.getrandbits(128):032x}"
        driver = self.new_driver(new_id)
        new = PipelineRun(new_id, self.program.graph.nodes[-1].path, State.RUNNING, self.clock, driver.owner, "local")
        planned = plan(self.ledger, earlier, wish, new, self.program.graph)
        self.say(f"driver {self.incarnations} takes up {earlier.id[:6]} as {planned.pipeline_run.id[:6]}")
        driver.engine = Engine(
            planned.pipeline_run.id, claimant=driver.nonce, max_parallelism=driver.engine.max_parallelism
        )
        rebuild(driver.engine, planned.runs, lambda path: None)
        if self.commit_or_die(planned.pipeline_run.id, planned.changes):
            self.id = planned.pipeline_run.id
            self.tell(Resumed(self.clock))
        elif self.ledger.find(planned.pipeline_run.id):
            self.id = planned.pipeline_run.id
        self.finished = None
        self.check.taken_up()

    def settle(self, owner: str) -> None:
        failure = Failure("infrastructure", "Interrupted", "the process is gone", retryable=True)
        self.ledger.commit(self.id, [Interrupted(owner, self.clock, failure.to_json())])
        self.say("the record says interrupted")

    def tell(self, event: Event) -> None:
        """What `Loop.post` does, in a process that may die before, between and after."""
        driver = self.driver
        assert driver is not None
        self.say(f"event {describe(event)}")
        for instruction in driver.engine.handle(event):
            if isinstance(instruction, Record):
                if not self.commit_or_die(driver.engine.id, instruction.changes):
                    return
            elif self.bad_luck(0.02):
                self.kill_driver("before an instruction was carried out")
                return
            else:
                self.carry_out(driver, instruction)

    def carry_out(self, driver: Driver, instruction: Instruction) -> None:
        if isinstance(instruction, SetTimer):
            heappush(driver.timers, (self.clock + instruction.delay, instruction.run_id))
        elif isinstance(instruction, Submit):
            self.check.starts(instruction.run_id)
            worker = Worker(instruction.run_id, instruction.attempt, driver.nonce, driver)
            worker.steps = self.work(worker)
            driver.workers.append(worker)
        elif isinstance(instruction, Withdraw):
            for worker in driver.workers:
                if worker.run_id == instruction.run_id:
                    driver.workers.remove(worker)
                    break
        else:
            driver.todo.append(instruction)

    def commit_or_die(self, id: str, changes: Any) -> bool:
        """Whether the process lives on. A commit may have happened or not when it dies, or when it gets an error."""
        fate = self.rng.choice(("before", "after", "error before", "error after")) if self.bad_luck(0.05) else ""
        changes = list(changes)
        if fate.endswith("before"):
            changes = []
        if changes:
            self.ledger.commit(id, changes)
            self.check.committed(id)
        if not fate:
            return True
        driver = self.driver
        assert driver is not None
        self.kill_driver(f"{fate} a commit")
        if fate.startswith("error"):  # `Recorder.give_up`: it still says that it is gone
            failure = Failure("infrastructure", "LedgerError", "resolving stopped")
            try:
                self.ledger.commit(id, [Interrupted(driver.owner, self.clock, failure.to_json())])
            except LedgerError:
                self.say("nothing was there to be interrupted")
        return False

    def step_driver(self) -> None:
        driver = self.driver
        assert driver is not None
        if driver.body is not None:
            body, driver.body = driver.body, None
            self.tell(self.outcome(body.run_id, body.attempt, body.node, body.outputs))
            return
        instruction = driver.todo.pop(0)
        if driver.engine.finished and not isinstance(instruction, Finish):
            return  # `Loop.run` drops it too
        if isinstance(instruction, RunInline):
            self.check.starts(instruction.run_id)
            driver.body = instruction
        elif isinstance(instruction, Assemble):
            outputs = self.outputs(instruction.outputs)
            output = materialise(instruction.output, INT, Materials(outputs, self.ledger.artifact, STORE))
            self.tell(Assembled(instruction.run_id, output, self.clock))
        else:
            assert isinstance(instruction, Finish)
            self.say(f"finish {instruction.state}")
            driver.finish = self.finished = instruction
            self.end_driver()

    def ring(self) -> None:
        driver = self.driver
        assert driver is not None
        due, run_id = heappop(driver.timers)
        self.clock = max(self.clock, due)
        self.tell(TimerFired(run_id, self.clock))

    def end_driver(self) -> None:
        """Its workers notice, sooner or later: what they commit in between counts, or is refused."""
        driver, self.driver = self.driver, None
        assert driver is not None
        self.orphans += driver.workers

    def kill_driver(self, when: str) -> None:
        self.say(f"the driver dies {when}")
        self.end_driver()

    def cancel(self) -> None:
        self.cancels -= 1
        self.check.faultless = False
        if self.driver is not None and self.driver.finish is None:
            self.driver.todo = [i for i in self.driver.todo if isinstance(i, Finish)]
            self.driver.body = None
            self.tell(Cancelled(self.clock))

    # -- bodies and workers --------------------------------------------------------------------------------------------

    def outputs(self, outputs: Any) -> dict[int, Artifact]:
        return {p: self.ledger.artifact(o) if isinstance(o, str) else o for p, o in outputs.items()}

    def outcome(self, run_id: str, attempt: int, node: Node, outputs: Any) -> Event:
        """What running a body gives."""
        step = self.program.steps[place_of(node.path)]
        self.bodies.append(step.place)
        if step.failures:
            self.program.steps[step.place] = step._replace(failures=step.failures - (step.failures > 0))
            failure = Failure("user", "ValueError", step.place, "", step.retryable)
            return Failed(run_id, attempt, failure, self.clock)
        materials = Materials(self.outputs(outputs), self.ledger.artifact, STORE)
        arguments = {
            name: load(materialise(reference, INT, materials), STORE) for name, reference in node.arguments.items()
        }
        if step.graph is not None:
            return ReturnedGraph(run_id, attempt, step.graph, self.clock)
        return ReturnedValue(run_id, attempt, encode(INT, self.program.value(step.place, arguments), STORE), self.clock)

    def work(self, worker: Worker) -> Generator[None, None, None]:
        """What `worker.attempt.run_attempt` does; between any two steps the process may die."""
        run_id, attempt, nonce = worker.run_id, worker.attempt, worker.nonce
        yield
        run = self.ledger.run(run_id)
        claim = AttemptClaimed(run_id, attempt, nonce, "worker", self.clock)
        self.ledger.commit(run.pipeline_run_id, [claim, RunMoved(run_id, State.RUNNING, self.clock)])
        self.check.committed(run.pipeline_run_id)
        self.say(f"worker claims {place_of(run.function)} {attempt}")
        if self.driver is worker.driver and self.rng.random() < 0.5:
            self.tell(Started(run_id, attempt, self.clock))
        yield
        node = node_of(run)
        siblings = self.ledger.children(run.parent_id or run.id)
        found = {each.position: each.output for each in siblings if each.parent_attempt == run.parent_attempt}
        event = self.outcome(run_id, attempt, node, {p: found[p] for p in node.dependencies})
        yield
        if isinstance(event, ReturnedValue):
            changes = recording.returned_value(run_id, attempt, nonce, event.output, self.clock, NO_USAGE)
            report = {"kind": "value", "detail": event.output.id}
        elif isinstance(event, ReturnedGraph):
            changes = recording.returned_graph(
                run_id, run.pipeline_run_id, attempt, nonce, event.graph, self.clock, NO_USAGE
            )
            report = {"kind": "graph", "detail": ""}
        else:
            assert isinstance(event, Failed)
            changes = recording.attempt_failed(run_id, attempt, nonce, event.failure, self.clock, NO_USAGE)
            report = {"kind": "failed", "detail": event.failure.to_json()}
        self.ledger.commit(run.pipeline_run_id, changes)
        self.check.committed(run.pipeline_run_id)
        self.say(f"worker commits {report['kind']} of {place_of(run.function)} {attempt}")
        yield
        if self.driver is worker.driver:
            self.report(reported(self.ledger, {"run_id": run_id, "attempt": attempt, "at": self.clock, **report}))

    def step_worker(self, worker: Worker) -> None:
        run = self.ledger.run(worker.run_id)
        if worker in self.orphans and self.rng.random() < 0.5:
            self.orphans.remove(worker)  # its pipe is closed: it ends
            return
        doomed = place_of(run.function) == self.cursed
        if doomed or self.bad_luck(0.1):
            self.say(f"the worker at {place_of(run.function)} {worker.attempt} dies")
            self.gone(worker, "killed")
            return
        try:
            next(worker.steps)
        except StopIteration:
            self.forget(worker)
        except Fenced as error:
            self.say(f"worker refused: {error}")
            assert worker in self.orphans, f"an attempt that is wanted was refused: {error}"
            self.gone(worker, "refused")

    def gone(self, worker: Worker, how: str) -> None:
        """What `WorkerPool.listen` does when a process ended."""
        if self.forget(worker):
            event = lost(self.ledger, worker.run_id, worker.attempt, how)
            self.report(event._replace(at=self.clock))

    def forget(self, worker: Worker) -> bool:
        """Whether there is somebody to be told."""
        if worker in self.orphans:
            self.orphans.remove(worker)
            return False
        if worker in worker.driver.workers:
            worker.driver.workers.remove(worker)
        return worker.driver is self.driver

    def report(self, event: Event) -> None:
        self.old_events.append(event)
        self.tell(event)
        if self.driver is not None and self.bad_luck(0.1):
            self.tell(event)

    # -- faults --------------------------------------------------------------------------------------------------------

    def bad_luck(self, probability: float) -> bool:
        if not self.faults or self.rng.random() >= probability:
            return False
        self.faults -= 1
        self.check.faultless = False
        return True

    def fault(self) -> None:
        if not self.bad_luck(0.2):
            return
        if self.old_events and self.rng.random() < 0.5:
            self.tell(self.rng.choice(self.old_events))
        elif self.driver is not None and self.rng.random() < 0.5:
            self.kill_driver("at any time")
        else:
            self.clock -= self.rng.uniform(0, 100)  # the clock jumps back

    # -- and then ------------------------------------------------------------------------------------------------------

    def again_from_somewhere(self) -> None:
        """`sematic rerun --from`: exactly that run and what came after it runs again."""
        self.faults = self.cancels = 0
        runs = self.ledger.runs(self.id)
        chosen = self.rng.choice(runs)
        expected = run_again(self.program, place_of(chosen.function))
        self.say(f"rerun from {place_of(chosen.function)}")
        self.check.forget_committed(expected)
        self.bodies.clear()
        self.take_up(Wish(self.id, chosen.id, True))
        self.until_the_end()
        self.check.at_the_end()
        assert sorted(self.bodies) == sorted(expected), "exactly what came after it runs again"

    def record(self) -> PipelineRun:
        return self.ledger.pipeline_run(self.id)

    def say(self, line: str) -> None:
        self.history.append(f"{self.clock:8.1f} {line}")


def earlier_output(simulation: Simulation) -> Artifact:
    output = simulation.ledger.run(simulation.id).output
    assert output is not None
    return simulation.ledger.artifact(output)


def describe(event: Event) -> str:
    parts = SimpleNamespace(**event._asdict())
    name = event.__class__.__name__
    return f"{name} {getattr(parts, 'run_id', '')[:6]} {getattr(parts, 'attempt', '')}"


def run_again(program: Program, chosen: str) -> set[str]:
    """The places that a rerun from `chosen` runs again, found in another way than the product does: by walking the
    program until nothing is added."""
    again = {chosen}
    before: set[str] = set()
    while again != before:
        before = set(again)
        above = {place.rsplit(".", count)[0] for place in again for count in range(1, place.count(".") + 1)}
        for graph in (program.graph, *(step.graph for step in program.steps.values() if step.graph is not None)):
            places = [place_of(node.path) for node in graph.nodes]
            changed = {position for position, place in enumerate(places) if place in again or place in above}
            again.update(places[p] for p, node in enumerate(graph.nodes) if changed.intersection(node.dependencies))
    return {place for place in program.steps if any(place == top or place.startswith(f"{top}.") for top in again)}


# -- the failure contract ----------------------------------------------------------------------------------------------


class Checks:
    """Assertions over the record, after each step on what it touched, at the end on all of it."""

    def __init__(self, simulation: Simulation) -> None:
        self._simulation = simulation
        self._seen: dict[str, int] = {}
        self._outputs: dict[str, str] = {}
        self._graphs: dict[str, str] = {}
        self._ended: dict[str, State] = {}
        self._attempts: dict[str, int] = {}
        self._closed: dict[str, int] = {}
        self._committed: set[str] = set()
        self.faultless = True

    def committed(self, id: str) -> None:
        """After each commit: what it touched."""
        ledger = self._simulation.ledger
        steps = ledger.changes_after(id, self._seen.get(id, 0))
        for step in steps:
            self._seen[id] = step.seq
            assert id not in self._closed, "nothing is recorded after the end"
            touched = (run.id for run in ledger.runs(id)) if step.run_ids == ("*",) else step.run_ids
            for run_id in touched:
                self._touched(ledger.run(run_id))
        if ledger.pipeline_run(id).state in TERMINAL:
            self._closed[id] = ledger.pipeline_run(id).seq

    def after_step(self) -> None:
        for id in list(self._seen):
            self.committed(id)

    def _touched(self, run: Run) -> None:
        place = place_of(run.function)
        if run.id in self._ended:
            assert run.state is self._ended[run.id], f"{place} left its terminal state"
        if run.state in TERMINAL:
            self._ended[run.id] = run.state
        if run.output is not None:
            assert run.state is State.RESOLVED
            assert self._outputs.setdefault(run.id, run.output) == run.output, f"the result of {place} changed"
            self._committed.add(place)
        if run.graph is not None:
            assert self._graphs.setdefault(run.id, run.graph) == run.graph, f"the graph of {place} changed"
            self._committed.add(place)
        assert run.attempt >= self._attempts.get(run.id, 0), f"{place} went back to an earlier attempt"
        self._attempts[run.id] = run.attempt
        attempts = self._simulation.ledger.attempts(run.id)
        numbers = [attempt.number for attempt in attempts]
        assert numbers == sorted(set(numbers))
        assert all(attempt.state in TERMINAL or attempt.state is State.RAN for attempt in attempts[:-1])

    def starts(self, run_id: str) -> None:
        """A body is about to run."""
        run = self._simulation.ledger.run(run_id)
        place = place_of(run.function)
        assert place not in self._committed, f"{place} has committed already and runs again"
        assert not any(state is State.FAILED for id, state in self._ended.items() if self._is_current(id)), (
            "a body starts after the first final failure"
        )

    def _is_current(self, run_id: str) -> bool:
        return self._simulation.ledger.run(run_id).pipeline_run_id == self._simulation.id

    def taken_up(self) -> None:
        self.after_step()

    def forget_committed(self, places: set[str]) -> None:
        self._committed -= places

    def at_the_end(self) -> None:
        simulation, ledger = self._simulation, self._simulation.ledger
        self.after_step()
        record = simulation.record()
        runs = ledger.runs(record.id)
        by_id = {run.id: run for run in runs}
        finish = simulation.finished
        assert finish is not None
        assert record.state is finish.state
        assert record.owner is None and record.ended_at is not None
        assert not ledger.live_attempts(record.id), "no live attempt is left"
        assert all(run.state in TERMINAL for run in runs), "each run ends in a terminal state"
        if record.state is not State.CANCELED:  # a worker may commit the root just before its driver cancels
            assert (by_id[record.id].state is State.RESOLVED) == (record.state is State.RESOLVED)
        failed = [run for run in runs if run.state is State.FAILED]
        assert len(failed) == (record.state is State.FAILED), "one failure is the first"
        for run in runs:
            self._failed_together(run, runs, by_id)
        places = [place_of(run.function) for run in runs]
        assert len(places) == len(set(places)), "a body's graph is recorded once"
        if record.state is State.RESOLVED:
            assert load(earlier_output(simulation), STORE) == simulation.program.plain()
            if record.resumed_from is None:  # what is below a result that was taken over stays with the earlier one
                assert set(places) == set(simulation.program.steps), "everything is on record"
        elif record.state is State.FAILED:
            assert finish.failure is not None
            self._rightly_failed(failed[0], finish.failure)
        if self.faultless:
            self._without_faults(record)

    def _failed_together(self, run: Run, runs: list[Run], by_id: dict[str, Run]) -> None:
        """A failed parent has a failed child, and a failed child a failed parent."""
        if run.state is State.NESTED_FAILED:
            below = [each for each in runs if each.parent_id == run.id]
            assert any(each.state in (State.FAILED, State.NESTED_FAILED) for each in below)
        elif run.state is State.FAILED:
            assert run.failure is not None
        if run.state in (State.FAILED, State.NESTED_FAILED) and run.parent_id is not None:
            assert by_id[run.parent_id].state is State.NESTED_FAILED

    def _rightly_failed(self, run: Run, failure: Failure) -> None:
        place = place_of(run.function)
        if failure.kind == "infrastructure":
            ended = [a for a in self._simulation.ledger.attempts(run.id) if a.state is State.FAILED]
            assert len(ended) > INFRASTRUCTURE_RETRIES, f"{place} was given up too early"
        else:
            assert place in self._simulation.program.doomed(), f"{place} was given up though it would succeed"

    def _without_faults(self, record: PipelineRun) -> None:
        """No fault, no retry: bodies ran once each, and, all inline, in plain Python's order."""
        simulation = self._simulation
        steps = simulation.program.steps.values()
        if record.state is not State.RESOLVED or len(simulation.bodies) != len(steps):
            return
        if not simulation.parallelism:
            assert simulation.bodies == simulation.program.order()


def simulate(seed: int) -> Simulation:
    """The history of a seed. An assertion that fails comes with the whole of it."""
    simulation = Simulation(seed)
    try:
        simulation.run()
    except BaseException as error:
        error.add_note("\n".join(simulation.history[-60:]))
        error.add_note(f"seed {seed}; to replay: SIM_SEED={seed} pytest sematic/engine/tests/test_simulation.py")
        raise
    return simulation
