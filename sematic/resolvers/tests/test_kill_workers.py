"""Worker processes: the driver killed beside them, and they themselves, wherever it hurts."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from sematic.engine.states import State
from sematic.home import Home
from sematic.resolvers.tests.killing import BODIES, Programs, bodies, check_finished, kill_and_resume

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
