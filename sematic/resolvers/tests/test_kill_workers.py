"""Worker processes: the driver killed beside them, and they themselves, wherever it hurts."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from sematic.engine.states import State
from sematic.home import Home
from sematic.resolvers.tests.killing import BODIES, Programs, bodies, check_finished, kill_and_resume
from sematic.resolvers.tests.running import environment

PARALLEL_COMMITS = 10
"""At least as many does the driver make with two workers; how many more depends on what goes on at the same time."""


@pytest.mark.parametrize("number", range(1, PARALLEL_COMMITS + 1))
@pytest.mark.parametrize("where", ["before", "after"])
def test_driver_killed_at_a_commit_beside_workers(programs: Programs, tmp_path: Path, where: str, number: int) -> None:
    kill_and_resume(programs, tmp_path, f"driver:{where}:{number}", parallelism=2)


@pytest.mark.parametrize("number", [1, 2, 3, 4])
def test_driver_killed_in_a_body_beside_workers(programs: Programs, tmp_path: Path, number: int) -> None:
    kill_and_resume(programs, tmp_path, f"driver:start:{number}", parallelism=2)


@pytest.mark.parametrize(
    "kill",
    [
        "worker:before:1",  # before it has claimed
        "worker:after:1",  # claimed, nothing run
        "worker:start:1",
        "worker:end:1",
        "worker:before:2",  # a result, not committed
        "worker:after:2",  # committed, not reported
        "worker:start:2",
        "worker:exit:1",
        "worker:segfault:1",
    ],
)
def test_worker_dies_and_the_attempt_is_made_again(programs: Programs, tmp_path: Path, kill: str) -> None:
    ended = programs.run(tmp_path, kill, 2)
    assert (tmp_path / "bodies.died").exists(), "nobody died"
    assert ended.status == 0
    check_finished(tmp_path, ended)
    again = len(bodies(tmp_path)) - BODIES
    assert again == (kill not in ("worker:before:1", "worker:after:1", "worker:after:2"))


def test_what_killed_a_worker_is_on_record(programs: Programs, tmp_path: Path) -> None:
    programs.run(tmp_path, "worker:exit:1", 2)
    with Home(tmp_path / "home") as home:
        (pipeline_run,) = home.ledger.pipeline_runs()
        attempts = [attempt for run in home.ledger.runs(pipeline_run.id) for attempt in home.ledger.attempts(run.id)]
    (failed,) = [attempt for attempt in attempts if attempt.state is State.FAILED]
    assert failed.failure is not None
    failure = json.loads(failed.failure)
    assert failure["kind"] == "infrastructure"
    assert failure["message"] == "the worker process exited with code 3 before it committed a result"


UNGUARDED = """
import sematic

@sematic.func(inline=False)
def away(x: int) -> int:
    return x

print(sematic.resolve(away(1), sematic.LocalResolver(max_parallelism=1)))
"""


def test_a_program_without_a_guard_is_told_so_and_starts_nothing_in_its_workers(tmp_path: Path) -> None:
    (tmp_path / "unguarded.py").write_text(UNGUARDED)
    ended = subprocess.run(
        [sys.executable, "unguarded.py"],
        env=environment(tmp_path / "home"),
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 1
    assert "put what the program does under `if __name__ == '__main__':`" in ended.stderr
    with Home(tmp_path / "home") as home:
        assert len(home.ledger.pipeline_runs()) == 1
