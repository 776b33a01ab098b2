"""Starts the program of `killed.py` in real processes, looks at what a kill has left, and goes on from there.

After each kill the record must say so to whoever looks first, the database must be whole, and resuming must give the
right result without running again any body whose result or graph was committed.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

from sematic.engine.records import PipelineRun, Run
from sematic.engine.states import TERMINAL, State
from sematic.home import LEDGER_FILE, Home
from sematic.ledger.owner import settle
from sematic.resolvers.tests.killed import expected

VALUE = 4
COMMITS = 14
"""Of a run in one process; pinned by a test, so that none is left out."""
BODIES = 11


class Ended(NamedTuple):
    status: int
    said: dict[str, Any]
    output: str


class Programs:
    """Starts the program, again and again, in homes of their own. `folder` is in no git repository: noting its state
    would be one more commit at a time that nobody knows."""

    def __init__(self, folder: Path) -> None:
        environment = {name: value for name, value in os.environ.items() if not name.startswith(("SEMATIC_", "BUILD_"))}
        environment["PYTHONPATH"] = os.pathsep.join(path for path in sys.path if path)
        self._process = subprocess.Popen(
            [sys.executable, "-m", "sematic.resolvers.tests.killed"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=environment,
            cwd=folder,
            text=True,
        )
        self._cache: Path | None = None
        self.run(folder)
        self._cache = folder / "home" / "cache"

    def run(self, folder: Path, kill: str = "", parallelism: int | None = None, **environment: str) -> Ended:
        number = len(list(folder.glob("*.out")))
        if number == 0 and self._cache is not None and self._cache.is_dir():  # compiled for one home, used by all
            shutil.copytree(self._cache, folder / "home" / "cache")
        output = folder / f"{number}.out"
        variables = {
            "SEMATIC_HOME": str(folder / "home"),
            "SEMATIC_PROGRESS": "quiet",
            "LOG": str(folder / "bodies"),
            "KILL": kill,
            **environment,
        }
        asked = {"environment": variables, "output": str(output), "parallelism": parallelism, "value": VALUE}
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.write(json.dumps(asked) + "\n")
        self._process.stdin.flush()
        answer = json.loads(self._process.stdout.readline())
        said = output.with_suffix(".json")
        return Ended(answer["status"], json.loads(said.read_text()) if said.exists() else {}, output.read_text())

    def close(self) -> None:
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait()
        self._process.stdout.close()


class Record(NamedTuple):
    """What is found after the process is gone."""

    pipeline_run: PipelineRun
    runs: list[Run]

    def committed(self) -> set[str]:
        return {run.id for run in self.runs if run.state in (State.RESOLVED, State.RAN)}


def look(folder: Path) -> Record | None:
    """What the first reader sees: nothing that says it still runs."""
    check_integrity(folder / "home" / LEDGER_FILE)
    with Home(folder / "home") as home:
        found = home.ledger.pipeline_runs()
        if not found:
            return None
        (pipeline_run,) = found
        pipeline_run = settle(home.ledger, pipeline_run)
        assert pipeline_run.owner is None
        assert home.ledger.live_attempts(pipeline_run.id) == []
        runs = home.ledger.runs(pipeline_run.id)
        if pipeline_run.state not in TERMINAL:
            assert pipeline_run.interrupted_at is not None
            assert not {run.state for run in runs} & {State.SCHEDULED, State.RUNNING}
        return Record(pipeline_run, runs)


def check_integrity(database: Path) -> None:
    connection = sqlite3.connect(database)
    try:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
    finally:
        connection.close()


def bodies(folder: Path) -> list[str]:
    """The ids of the runs whose bodies have run, in order."""
    log = folder / "bodies"
    return [line.split()[0] for line in log.read_text().splitlines()] if log.exists() else []


def resumed(
    programs: Programs, folder: Path, record: Record | None, kill: str = "", parallelism: int | None = None
) -> Ended:
    """Go on, and check that nothing committed ran again. What was never recorded starts anew."""
    before = len(bodies(folder))
    environment = {"SEMATIC_RESUME": record.pipeline_run.id} if record else {}
    ended = programs.run(folder, kill, parallelism, **environment)
    again = set(bodies(folder)[before:])
    assert not again & (record.committed() if record else set()), "a committed body ran again"
    return ended


def check_finished(folder: Path, ended: Ended) -> None:
    assert ended.said.get("result") == expected(VALUE), ended
    record = look(folder)
    assert record is not None
    assert record.pipeline_run.state is State.RESOLVED
    assert {run.state for run in record.runs} == {State.RESOLVED}


def kill_and_resume(programs: Programs, folder: Path, kill: str, parallelism: int | None = None) -> None:
    """Kill a new pipeline run at `kill`, look, and resume it."""
    killed = programs.run(folder, kill, parallelism)
    assert killed.status == -signal.SIGKILL, killed
    record = look(folder)
    if record is not None and record.pipeline_run.state is State.RESOLVED:
        refused = resumed(programs, folder, record, parallelism=parallelism)
        assert "succeeded: there is nothing left to run" in refused.said["error"]
        assert len(bodies(folder)) == BODIES
        return
    check_finished(folder, resumed(programs, folder, record, parallelism=parallelism))
