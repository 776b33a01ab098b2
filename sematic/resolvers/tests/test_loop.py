"""The loop that carries out what the engine decides."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

import sematic
from sematic.engine.engine import Engine
from sematic.engine.events import Event, Failed, ReturnedValue, RunInline, Submit, Submitted, Withdraw
from sematic.engine.records import Failure, PipelineRun
from sematic.engine.states import State
from sematic.errors import LedgerError
from sematic.future import Future
from sematic.resolvers.base import Loop, Ports, graph_of
from sematic.types.artifact import Artifact, MemoryStore

ID = "0" * 32
ran: list[str] = []


@sematic.func(inline=False)
def away() -> int:
    return 1


@sematic.func
def here(name: str) -> int:
    ran.append(name)
    return 1


@sematic.func
def both() -> list[int]:
    return [away(), here("first"), here("second")]


@sematic.func
def pick(values: list[int], index: int) -> int:
    return values[index]


@sematic.func
def grown(values: list[int], index: int, other: int) -> list[int]:
    return [values[index], other, *values]


def no_artifact(id: str) -> Artifact:
    raise AssertionError(id)


def make_loop(max_parallelism: int = 0) -> Loop:
    ran.clear()
    return Loop(Engine(ID, max_parallelism=max_parallelism, recording=False), Ports(MemoryStore(), no_artifact))


def submitted(future: Any) -> Submitted:
    graph = graph_of(future)
    return Submitted(graph, PipelineRun(ID, graph.nodes[-1].path, State.RUNNING, 0.0, None, "test"), 0.0)


class Elsewhere:
    """Workers that keep what they are given."""

    def __init__(self) -> None:
        self.given: list[Submit] = []
        self.withdrawn: list[Withdraw] = []

    def submit(self, instruction: Submit) -> None:
        self.given.append(instruction)

    def withdraw(self, instruction: Withdraw) -> None:
        self.withdrawn.append(instruction)


class FailsAfterTheFirst:
    """Once a first value is there, and the next body is queued, the worker's attempt fails for good."""

    def __init__(self, loop: Loop, workers: Elsewhere) -> None:
        self.loop = loop
        self.workers = workers

    def started(self, instruction: RunInline | Submit) -> None: ...

    def ended(self, event: Event) -> None:
        if isinstance(event, ReturnedValue):
            failure = Failure("user", "ValueError", "no")
            self.loop.post(Failed(self.workers.given[0].run_id, 1, failure, 1.0))


def test_no_body_starts_after_a_failure_elsewhere() -> None:
    loop = make_loop(max_parallelism=1)
    workers = loop.ports.workers = Elsewhere()
    loop.ports.watcher = FailsAfterTheFirst(loop, workers)
    finish = loop.run(submitted(both()))
    assert finish.state is State.FAILED
    assert ran == ["first"]


def test_a_helper_thread_that_cannot_find_out_stops_the_loop() -> None:
    loop = make_loop(max_parallelism=1)

    def unreadable() -> Event:
        raise LedgerError("locked")

    class Unlucky(Elsewhere):
        def submit(self, instruction: Submit) -> None:
            loop.post_from_helper(unreadable)

    loop.ports.workers = Unlucky()
    with pytest.raises(LedgerError, match="locked"):
        loop.run(submitted(away()))


class InterruptAtTheEnd:
    """Ctrl-C comes just when the loop has taken its last instruction from the queue."""

    def __init__(self, loop: Loop) -> None:
        self.loop = loop

    @property
    @contextmanager
    def window(self) -> Iterator[None]:
        yield
        if self.loop.engine.finished:
            signal.default_int_handler(signal.SIGINT, None)


def test_an_interrupt_on_the_last_instruction_does_not_wait_for_another() -> None:
    loop = make_loop()
    loop.ports.interrupts = InterruptAtTheEnd(loop)  # type: ignore[assignment]
    with pytest.raises(KeyboardInterrupt):
        loop.run(submitted(here("only")))
    assert loop.cancel().state is State.RESOLVED


def test_a_graph_of_projections_by_futures_is_found_in_time() -> None:
    """Forty levels, each of which names the one before three times: 3**40 paths, 80 calls."""
    values: Any = [1, 2]
    for _ in range(40):
        index = here("index")
        values = grown(values, index, values[index] if isinstance(values, Future) else 0)
    assert len(graph_of(values).nodes) == 80
