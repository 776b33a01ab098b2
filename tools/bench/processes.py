"""Programs that are measured run in fresh processes of their own; what they found out is the last line they print."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "sematic-bench"


class ProgramFailed(Exception):
    """A measured program ended with an error, or took too long."""


def run(command: list[str], folder: Path, environment: Mapping[str, str] | None = None, timeout: float = 900.0) -> str:
    """The stdout of a command; what else it prints is shown only when it fails."""
    merged = {**os.environ, **(environment or {})}
    try:
        done = subprocess.run(command, cwd=folder, env=merged, capture_output=True, text=True, timeout=timeout)
    except subprocess.TimeoutExpired:
        raise ProgramFailed(f"took longer than {timeout:.0f} s") from None
    if done.returncode:
        last = (done.stderr or done.stdout).strip().splitlines()[-1:] or ["it said nothing"]
        raise ProgramFailed(f"exited with code {done.returncode}: {last[0][:300]}")
    return done.stdout


def report(module: str, *arguments: object, home: Path) -> dict[str, Any]:
    """What a program of this package reports, run by this interpreter with a SEMATIC_HOME of its own."""
    command = [sys.executable, "-m", module, *map(str, arguments)]
    return last_line(run(command, home, ours(home)))


def ours(home: Path) -> dict[str, str]:
    """The environment in which Sematic is measured: its settings are the defaults, its folder is `home`, and nothing
    is compiled again, wherever and as whoever the bench runs."""
    return {
        "SEMATIC_HOME": str(home / "sematic"),
        "PYTHONPATH": str(ROOT),
        "TMPDIR": str(home),
        "PYTHONDONTWRITEBYTECODE": "",
        "PYTHONPYCACHEPREFIX": str(CACHE / "bytecode"),
    }


def last_line(text: str) -> dict[str, Any]:
    """The report that a program printed last."""
    found: dict[str, Any] = json.loads(text.strip().splitlines()[-1])
    return found


def whole(command: list[str], folder: Path, environment: Mapping[str, str] | None = None) -> dict[str, Any]:
    """How long a whole process of ours takes, from start to end, how much CPU, and what it reports, if it does."""
    begun, cpu = time.perf_counter(), _children_cpu()
    text = run(command, folder, {**ours(folder), **(environment or {})})
    measured = {"seconds": time.perf_counter() - begun, "cpu": _children_cpu() - cpu}
    return {**measured, **(last_line(text) if text.rstrip().endswith("}") else {})}


def _children_cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
