"""A worker process on this machine: claims come in on a pipe, one at a time; reports go out on another."""

from __future__ import annotations

import json
import os
import sys
import threading
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from queue import SimpleQueue
from typing import Any

from sematic.attempts.body import Outcome
from sematic.attempts.meter import ProcessMeter
from sematic.attempts.output import start_capture, stop_capture
from sematic.attempts.watchdog import Watchdog
from sematic.engine.events import Usage
from sematic.errors import SematicError
from sematic.home import RUNS_PATIENCE, open_home
from sematic.worker.attempt import Claim, Measure, run_attempt
from sematic.worker.entry import enter_program


def main(arguments: str) -> None:
    """Serve until the driver closes its end. `arguments` is JSON: home, logs, command, and the two descriptors."""
    given: dict[str, Any] = json.loads(arguments)
    problem: BaseException | None = None
    try:
        enter_program(given["command"])
    except BaseException as error:  # whatever a user's module raises when it is imported, sys.exit included
        problem = error
    claims: SimpleQueue[Claim] = SimpleQueue()
    threading.Thread(target=_listen, args=(given["claims"], claims), name="sematic-claims", daemon=True).start()
    with (
        open_home(Path(given["home"]), patience=RUNS_PATIENCE) as home,
        ExitStack() as stack,
        open(given["reports"], "w", buffering=1) as reports,
    ):
        measure = _measure(home.folder / "logs" / given["logs"] if given["logs"] else None, stack)
        limit = stack.enter_context(Watchdog(home.folder, given["nonce"], kill=True)).limit
        while True:
            claim = claims.get()
            try:
                report = run_attempt(home.ledger, home.store, claim, measure, limit, problem)
                reports.write(json.dumps(report._asdict()) + "\n")
            except SematicError as error:
                detail = f"{type(error).__name__}: {error}"
                lost = {"run_id": claim.run_id, "attempt": claim.attempt, "kind": "lost", "detail": detail, "at": 0.0}
                reports.write(json.dumps(lost) + "\n")


def _measure(logs: Path | None, stack: ExitStack) -> Measure:
    capture = None
    if logs is not None:
        capture = start_capture(logs)
        stack.callback(stop_capture, capture)
    meter = ProcessMeter(capture, alone=True)

    def measure(run: Callable[[], Outcome]) -> tuple[Outcome, Usage]:
        start = meter.start()
        outcome = run()
        usage = meter.usage(start, outcome.inputs)
        if capture is not None:
            capture.show("")  # what was printed is seen before the result is reported
        return outcome, usage

    return measure


def _listen(descriptor: int, claims: SimpleQueue[Claim]) -> None:
    with open(descriptor) as lines:
        for line in lines:
            claims.put(Claim(**json.loads(line)))
    sys.stderr.flush()
    os._exit(0)  # the driver is gone or has no more work: a body that still runs is not wanted
