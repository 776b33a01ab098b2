"""Who resolves a pipeline run on this machine, and whether that process is still there.

A process id alone is used again after a while; together with the machine's boot and the process's start it is not.
"""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

from sematic.engine.changes import Interrupted
from sematic.engine.records import INTERRUPTED, Failure, PipelineRun
from sematic.engine.states import TERMINAL
from sematic.errors import Fenced, LedgerError
from sematic.ledger.base import Ledger

_PROC = Path("/proc")
_MACHINE_ID = Path("/etc/machine-id")
_ENDED = ("Z", "X")


def current_owner() -> str:
    """JSON that identifies this process."""
    pid = os.getpid()
    return json.dumps({**_place(), "pid": pid, "started": _started(pid)})


def alive(owner: str) -> bool | None:
    """Whether the process still runs; None when it cannot be known from here (another machine or container)."""
    try:
        known = json.loads(owner)
        place, pid, started = (
            {key: known[key] for key in ("boot", "host", "machine", "pids")},
            known["pid"],
            known["started"],
        )
    except (ValueError, KeyError, TypeError):
        return None
    here = _place()
    if place != here:
        return False if _rebooted(place, here) else None
    return started is not None and _started(int(pid)) == started


def settle(ledger: Ledger, pipeline_run: PipelineRun) -> PipelineRun:
    """`pipeline_run`, marked interrupted when the process that ran it is gone. Also where nothing can be written: then
    it only reads as if."""
    owner = pipeline_run.owner
    if owner is None or pipeline_run.state in TERMINAL or alive(owner) is not False:
        return pipeline_run
    now = time.time()
    message = f"the process that ran it (pid {json.loads(owner)['pid']}) ended without finishing"
    failure = Failure("infrastructure", INTERRUPTED, message, retryable=True)
    try:
        ledger.commit(pipeline_run.id, [Interrupted(owner, now, failure.to_json())])
    except Fenced:
        pass  # it ended, or somebody else found it dead: what is recorded now is the truth
    except LedgerError:
        return pipeline_run._replace(owner=None, interrupted_at=now)
    return ledger.pipeline_run(pipeline_run.id)


def _place() -> dict[str, str]:
    """Where process ids mean the same."""
    return {"boot": _boot(), "host": os.uname().nodename, "machine": _machine(), "pids": _namespace()}


def _rebooted(place: dict[str, str], here: dict[str, str]) -> bool:
    """The same machine, for sure, started again since."""
    same = place["host"] == here["host"] and place["machine"] == here["machine"] != ""
    return same and place["boot"] != here["boot"]


def _boot() -> str:
    return _text(_PROC / "sys/kernel/random/boot_id") or _output("sysctl", "-n", "kern.bootsessionuuid")


def _machine() -> str:
    return _text(_MACHINE_ID)


def _namespace() -> str:
    try:
        return os.readlink(_PROC / "self/ns/pid")
    except OSError:
        return ""


def _started(pid: int) -> str | None:
    """When a process started, as the system writes it; None when there is no such process."""
    if _PROC.is_dir():
        # the name, in parentheses, may hold anything
        fields = _text(_PROC / str(pid) / "stat").rpartition(")")[2].split()
        return None if not fields or fields[0] in _ENDED else fields[19]
    state, _, started = _output("ps", "-o", "stat=,lstart=", "-p", str(pid)).partition(" ")
    return None if not state or state[0] in _ENDED else started.strip()


def _text(path: Path) -> str:
    try:
        return path.read_text(errors="replace").strip()
    except OSError:
        return ""


def _output(*command: str) -> str:
    import subprocess  # only where there is no /proc: it is slow to import

    try:
        environment = {**os.environ, "LC_ALL": "C"}
        return subprocess.run(command, capture_output=True, text=True, env=environment, timeout=10).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return ""
