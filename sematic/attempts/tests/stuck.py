"""A program whose body holds the GIL in C until somebody writes to its standard input."""

from __future__ import annotations

import ctypes
import sys
import threading
from pathlib import Path

from sematic.attempts.limits import TimedOut
from sematic.attempts.watchdog import Watchdog
from sematic.context import Context
from sematic.engine.changes import AttemptAdded, PipelineRunAdded, RunMoved, RunsAdded
from sematic.engine.records import Attempt, PipelineRun, Run
from sematic.engine.states import State
from sematic.home import Home

ROOT = "0" * 32
NONCE = "n"


def record(folder: Path) -> None:
    """A pipeline run whose root is running."""
    with Home(folder) as home:
        changes = [
            PipelineRunAdded(PipelineRun(ROOT, "m:f", State.RUNNING, 0.0, None, "local")),
            RunsAdded([Run(ROOT, ROOT, "m:f", "{}")]),
            RunMoved(ROOT, State.RUNNING, 1.0, 1),
            AttemptAdded(Attempt(ROOT, ROOT, 1, State.RUNNING, NONCE, 1.0)),
        ]
        home.ledger.commit(ROOT, changes)


def body(watchdog: Watchdog, said: list[str]) -> None:
    """Not on the main thread, where a signal would wake the read."""
    try:
        with watchdog.limit(Context(ROOT, ROOT, 1), 0.1):
            ctypes.PyDLL(None).read(0, ctypes.create_string_buffer(1), 1)
    except TimedOut as error:
        said.append(f"{error} (recorded: {error.sematic_recorded})")


def main(folder: str, kill: str) -> None:
    record(Path(folder))
    said: list[str] = []
    with Watchdog(Path(folder), NONCE, kill=bool(kill), grace=0.1) as watchdog:
        thread = threading.Thread(target=body, args=(watchdog, said))
        thread.start()
        thread.join()
    print("".join(said))


if __name__ == "__main__":
    main(*sys.argv[1:])
