"""An engine driven by hand: graphs written as calls, events in, instructions out, no clock and no bodies."""

from __future__ import annotations

from typing import Any

from sematic.engine.changes import Change
from sematic.engine.engine import Engine
from sematic.engine.events import (
    Assemble,
    Assembled,
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
    Submit,
    Submitted,
    TimerFired,
    Withdraw,
)
from sematic.engine.records import Failure, PipelineRun
from sematic.engine.states import State
from sematic.graph import Collect, Graph, Node, Output, Reference, dependencies
from sematic.options import Options
from sematic.types import registry
from sematic.types.artifact import Artifact, MemoryStore, encode

ROOT = "0" * 32
INFRASTRUCTURE = Failure("infrastructure", "WorkerLost", "gone")
USER = Failure("user", "ValueError", "no")
RETRYABLE = USER._replace(retryable=True)


def call(function: str, *needs: int, **options: Any) -> Node:
    """A call of `function` that takes the outputs at positions `needs`."""
    arguments: dict[str, Reference] = {f"p{index}": Output(position) for index, position in enumerate(needs)}
    return Node(f"m:{function}", arguments, Options(**options), dependencies(arguments.values()))


def graph(*nodes: Node, output: Reference | None = None) -> Graph:
    """A graph whose output is its last call's, if nothing else is said."""
    return Graph(nodes, Output(len(nodes) - 1) if output is None else output)


def listed(*positions: int) -> Collect:
    """A list of outputs."""
    return Collect(["list", ["int"]], None, tuple(map(Output, positions)), (["int"],) * len(positions))


def artifact(value: int) -> Artifact:
    return encode(registry.of(int), value, MemoryStore())


class Driver:
    """Names runs by their function, tells the engine what happens, and keeps all it has asked for."""

    def __init__(self, max_parallelism: int = 0, *, recording: bool = False) -> None:
        self.engine = Engine(ROOT, claimant="me", max_parallelism=max_parallelism, recording=recording)
        self.changes: list[Change] = []
        self.asked: list[Instruction] = []
        self.now = 0.0

    def tell(self, event: Event) -> list[Instruction]:
        """What is to be done about an event, Record apart: it has to come first."""
        instructions = self.engine.handle(event)
        assert not any(isinstance(instruction, Record) for instruction in instructions[1:])
        if instructions and isinstance(instructions[0], Record):
            assert instructions[0].changes
            self.changes += instructions.pop(0).changes  # type: ignore[union-attr]
        self.asked += instructions
        return instructions

    def submit(self, *nodes: Node) -> list[str]:
        self._tick()
        pipeline_run = PipelineRun(ROOT, nodes[-1].path, State.RUNNING, self.now, "owner", "local")
        return self.said(self.tell(Submitted(graph(*nodes), pipeline_run, self.now)))

    def returns(self, name: str, output: Any = "value", *, attempt: int | None = None) -> list[str]:
        self._tick()
        return self.said(self.tell(ReturnedValue(*self._this(name, attempt), output, self.now)))

    def expands(self, name: str, graph: Graph, *, attempt: int | None = None) -> list[str]:
        self._tick()
        return self.said(self.tell(ReturnedGraph(*self._this(name, attempt), graph, self.now)))

    def assembled(self, name: str, output: Any = "assembled") -> list[str]:
        self._tick()
        return self.said(self.tell(Assembled(self.id(name), output, self.now)))

    def fails(self, name: str, failure: Failure = USER, *, attempt: int | None = None) -> list[str]:
        self._tick()
        return self.said(self.tell(Failed(*self._this(name, attempt), failure, self.now)))

    def rings(self, name: str) -> list[str]:
        self._tick()
        return self.said(self.tell(TimerFired(self.id(name), self.now)))

    def resumes(self) -> list[str]:
        self._tick()
        return self.said(self.tell(Resumed(self.now)))

    def id(self, name: str) -> str:
        found = [id for id, run in self.engine.runs.items() if run.node.path == f"m:{name}"]
        assert len(found) == 1, f"{len(found)} runs of {name}"
        return found[0]

    def state(self, name: str) -> State:
        return self.engine.runs[self.id(name)].state

    def last(self, kind: type[Instruction]) -> Any:
        return next(instruction for instruction in reversed(self.asked) if isinstance(instruction, kind))

    def order(self) -> list[str]:
        """The functions in the order in which their bodies were asked for."""
        return [_name(i.node) for i in self.asked if isinstance(i, RunInline | Submit)]

    def said(self, instructions: list[Instruction]) -> list[str]:
        """Instructions in words: ``run f``, ``submit f 2`` (its second attempt), ``assemble f``, ``wait f``, …"""
        return [self._words(instruction) for instruction in instructions]

    def _words(self, instruction: Instruction) -> str:
        if isinstance(instruction, Finish):
            return f"finish {instruction.state}"
        name = _name(self.engine.runs[instruction.run_id].node)  # type: ignore[union-attr]
        if isinstance(instruction, Assemble):
            return f"assemble {name}"
        if isinstance(instruction, SetTimer):
            return f"wait {name}"
        verb = {RunInline: "run", Submit: "submit", Withdraw: "withdraw"}[instruction.__class__]
        attempt = instruction.attempt  # type: ignore[union-attr]
        return f"{verb} {name}" if attempt == 1 else f"{verb} {name} {attempt}"

    def _this(self, name: str, attempt: int | None) -> tuple[str, int]:
        id = self.id(name)
        return id, self.engine.runs[id].attempt if attempt is None else attempt

    def _tick(self) -> None:
        self.now += 1.0


def _name(node: Node) -> str:
    return node.path.partition(":")[2]
