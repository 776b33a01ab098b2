"""A pipeline program that is killed where it is told to be, and a server that starts it quickly.

Started as ``python -m sematic.resolvers.tests.killed``, it reads one JSON object a line, forks a process that runs
the pipeline as asked, and answers with how it ended. The places to die at come in the variable KILL, as
``<process>:<where>:<number>``: process is ``driver`` or ``worker``; where is ``before`` or ``after`` (its n-th commit),
``start`` or ``end`` (of its n-th body); for workers also ``exit`` and ``segfault`` (in its n-th body). A worker dies once: its successor
finds a file. Every body appends a line to the file LOG as soon as it runs.
"""

from __future__ import annotations

import ctypes
import json
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sematic
from sematic import entry
from sematic.ledger.sql.ledger import SqlLedger

OUTPUT_SIZE = 5000


class Fate:
    """Where this process dies."""

    def __init__(self, process: str) -> None:
        spec = os.environ.get("KILL", "").split(":")
        mine = len(spec) == 3 and spec[0] == process
        self.where, self.number = (spec[1], int(spec[2])) if mine else ("", 0)
        self.once = process == "worker"
        self.commits = 0
        self.bodies = 0

    def comes(self, where: str, number: int) -> None:
        if (self.where, self.number) == (where, number) and (not self.once or self.first()):
            os.kill(os.getpid(), signal.SIGKILL)

    def first(self) -> bool:
        try:
            os.close(os.open(os.environ["LOG"] + ".died", os.O_CREAT | os.O_EXCL))
        except FileExistsError:
            return False
        return True

    def in_body(self) -> None:
        if self.number == self.bodies and self.where in ("exit", "segfault") and self.first():
            if self.where == "exit":
                os._exit(3)
            ctypes.string_at(0)


fate = Fate("worker")


def arm() -> None:
    """Count commits, and die at the one that is asked for."""
    commit = SqlLedger.commit

    def counted(self: SqlLedger, pipeline_run_id: str, changes: Any) -> int:
        fate.commits += 1
        number = fate.commits
        fate.comes("before", number)
        seq = commit(self, pipeline_run_id, changes)
        fate.comes("after", number)
        return seq

    SqlLedger.commit = counted  # type: ignore[method-assign]


if entry.worker_of is not None:
    arm()


@contextmanager
def body() -> Iterator[None]:
    """Says that the body runs, and dies where it is to."""
    context = sematic.context()
    fate.bodies += 1
    number = fate.bodies
    with open(os.environ["LOG"], "a") as log:
        log.write(f"{context.run_id} {context.attempt} {os.getpid()}\n")
    fate.comes("start", number)
    fate.in_body()
    yield
    fate.comes("end", number)


@sematic.func
def base(value: int) -> int:
    with body():
        return value + 1


@sematic.func(inline=False)
def work(value: int, factor: int) -> int:
    with body():
        return value * factor


@sematic.func
def big(value: int) -> list[int]:
    with body():
        return [value] * OUTPUT_SIZE


@sematic.func(inline=False)
def nested(value: int) -> int:
    with body():
        return work(work(value, 2), 3)


@sematic.func
def total(values: list[int], more: list[int]) -> int:
    with body():
        return sum(values) + sum(more)


@sematic.func
def pipeline(value: int) -> int:
    with body():
        first = base(value)
        return total([work(first, factor) for factor in range(3)] + [nested(first)], big(first))


def expected(value: int) -> int:
    """What plain Python gives."""
    first = value + 1 + 1
    return sum(first * factor for factor in range(3)) + first * 6 + first * OUTPUT_SIZE


def main(asked: dict[str, Any]) -> None:
    global fate
    os.environ.update(asked["environment"])
    output = os.open(asked["output"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    os.dup2(output, 1)
    os.dup2(output, 2)
    os.setpgid(0, 0)  # so that whoever started it can end all it started
    fate = Fate("driver")
    arm()
    try:
        result = sematic.resolve(pipeline(base(asked["value"])), sematic.LocalResolver(asked["parallelism"]))
        said: dict[str, Any] = {"result": result}
    except BaseException as error:
        said = {"error": f"{type(error).__name__}: {error}"}
    said.update(commits=fate.commits, bodies=fate.bodies)
    Path(asked["output"]).with_suffix(".json").write_text(json.dumps(said))


def serve() -> None:
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            try:
                main(json.loads(line))
            finally:
                os._exit(0)
        _, status = os.waitpid(child, 0)
        print(json.dumps({"pid": child, "status": os.waitstatus_to_exitcode(status)}), flush=True)


if __name__ == "__main__":
    serve()
