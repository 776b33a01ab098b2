"""Worker processes on this machine, for functions with ``inline=False``."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from contextlib import suppress
from functools import partial
from types import TracebackType
from typing import Any

from sematic.attempts.output import Capture
from sematic.engine.events import Event, Failed, ReturnedGraph, ReturnedValue, Submit, Usage, Withdraw
from sematic.engine.records import Failure, Run
from sematic.engine.states import State
from sematic.entry import import_path
from sematic.graph import Graph, from_json
from sematic.home import Home
from sematic.ledger.base import Ledger
from sematic.resolvers.base import Loop
from sematic.worker.attempt import Claim, node_of

_BOOT = (
    "import json, sys; sys.path[:] = json.loads(sys.argv[1]); from sematic.worker.serve import main; main(sys.argv[2])"
)


class _Worker:
    """One process: idle, or at one attempt."""

    def __init__(self, pool: WorkerPool) -> None:
        self.busy: Claim | None = None
        self.withdrawn = False
        claims_end, self._claims = os.pipe()
        self._reports, reports_end = os.pipe()
        capture = pool.capture
        try:
            self.process = subprocess.Popen(
                [sys.executable, *subprocess._args_from_interpreter_flags(), "-c", _BOOT, json.dumps(import_path()),  # type: ignore[attr-defined]
                 pool.arguments(claims_end, reports_end)],
                stdin=subprocess.DEVNULL,
                stdout=capture.out_terminal() if capture else None,
                stderr=capture.terminal() if capture else None,
                pass_fds=(claims_end, reports_end),
                start_new_session=True,  # Ctrl-C is the driver's: it ends its workers itself
            )  # fmt: skip
        finally:
            os.close(claims_end)
            os.close(reports_end)
        threading.Thread(target=pool.listen, args=(self,), name="sematic-worker", daemon=True).start()

    def give(self, claim: Claim) -> None:
        self.busy = claim
        with suppress(OSError):  # it has just died: whoever listens to it says so
            os.write(self._claims, (json.dumps(claim._asdict()) + "\n").encode())

    def reports(self) -> Any:
        return os.fdopen(self._reports)

    def end(self) -> None:
        self.process.kill()
        self.process.wait()

    def close(self) -> None:
        os.close(self._claims)


class WorkerPool:
    """Up to as many processes as the engine submits at once; each is used again. A context manager."""

    def __init__(self, home: Home, loop: Loop, nonce: str, command: str, capture: Capture | None) -> None:
        self.capture = capture
        self._home = home
        self._loop = loop
        self._nonce = nonce
        self._command = command
        self._workers: list[_Worker] = []
        self._lock = threading.Lock()
        self._closing = False
        self._started = 0

    def __enter__(self) -> WorkerPool:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._closing = True
        for worker in list(self._workers):
            worker.end()

    def arguments(self, claims: int, reports: int) -> str:
        self._started += 1
        logs = f"{self._loop.engine.id}-{os.getpid()}-{self._started}" if self.capture is not None else None
        home = str(self._home.folder)
        return json.dumps(
            {
                "home": home,
                "logs": logs,
                "command": self._command,
                "nonce": self._nonce,
                "claims": claims,
                "reports": reports,
            }
        )

    def submit(self, instruction: Submit) -> None:
        """Give the attempt to an idle worker, or to a new one."""
        claim = Claim(instruction.run_id, instruction.attempt, self._nonce)
        with self._lock:
            worker = next((w for w in self._workers if w.busy is None), None)
            if worker is None:
                worker = _Worker(self)
                self._workers.append(worker)
            worker.give(claim)

    def withdraw(self, instruction: Withdraw) -> None:
        """End the process that runs the attempt."""
        with self._lock:
            for worker in self._workers:
                if worker.busy is not None and worker.busy.run_id == instruction.run_id:
                    worker.withdrawn = True
                    worker.process.kill()

    def listen(self, worker: _Worker) -> None:
        """Post what a worker reports, until it ends."""
        with worker.reports() as lines:
            for line in lines:
                report = json.loads(line)
                with self._lock:
                    worker.busy = None
                self._loop.post_from_helper(partial(reported, self._home.ledger, report))
        worker.process.wait()
        with self._lock:
            self._workers.remove(worker)
            claim, worker.busy = worker.busy, None
            worker.close()
        if claim is not None and not self._closing and not worker.withdrawn:
            problem = _how_it_ended(worker.process.returncode)
            self._loop.post_from_helper(partial(lost, self._home.ledger, claim.run_id, claim.attempt, problem))


def reported(ledger: Ledger, report: dict[str, Any]) -> Event:
    """What a worker says that it has committed."""
    run_id, attempt, at = report["run_id"], report["attempt"], report["at"]
    usage = Usage(seconds=report.get("seconds"))
    if report["kind"] == "value":
        return ReturnedValue(run_id, attempt, report["detail"], at, usage, recorded=True)
    if report["kind"] == "graph":
        return ReturnedGraph(run_id, attempt, _graph(ledger, ledger.run(run_id)), at, usage, recorded=True)
    if report["kind"] == "failed":
        return Failed(run_id, attempt, Failure.from_json(report["detail"]), at, usage, recorded=True)
    return lost(ledger, run_id, attempt, report["detail"])


def lost(ledger: Ledger, run_id: str, attempt: int, problem: str) -> Event:
    """What became of an attempt nobody reports on any more: it may have committed, or been ended, before."""
    run = ledger.run(run_id)
    recorded = next(each for each in ledger.attempts(run_id) if each.number == attempt)
    if recorded.state is State.RESOLVED:
        return ReturnedValue(run_id, attempt, run.output, time.time(), recorded=True)
    if recorded.state is State.RAN:
        return ReturnedGraph(run_id, attempt, _graph(ledger, run), time.time(), recorded=True)
    if recorded.failure is not None:
        return Failed(run_id, attempt, Failure.from_json(recorded.failure), time.time(), recorded=True)
    return Failed(run_id, attempt, Failure("infrastructure", "WorkerLost", problem), time.time())


def _graph(ledger: Ledger, run: Run) -> Graph:
    """The graph that a worker committed."""
    nodes = tuple(node_of(child) for child in ledger.children(run.id) if child.parent_attempt == run.attempt)
    return Graph(nodes, from_json(json.loads(run.graph or "null")))


def _how_it_ended(code: int) -> str:
    how = f"was killed by signal {-code}" if code < 0 else f"exited with code {code}"
    return f"the worker process {how} before it committed a result"
