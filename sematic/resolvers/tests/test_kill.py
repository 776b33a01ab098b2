"""A pipeline run in one process, killed at every commit and in every body, and taken up again."""

from __future__ import annotations

import signal
from itertools import count
from pathlib import Path

import pytest

from sematic.engine.states import State
from sematic.resolvers.tests.killed import expected
from sematic.resolvers.tests.killing import (
    BODIES,
    COMMITS,
    VALUE,
    Programs,
    bodies,
    check_finished,
    kill_and_resume,
    look,
    resumed,
)


def test_without_a_kill_it_makes_as_many_commits_as_are_killed_below(programs: Programs, tmp_path: Path) -> None:
    ended = programs.run(tmp_path)
    assert (ended.said["commits"], ended.said["bodies"]) == (COMMITS, BODIES)
    check_finished(tmp_path, ended)


@pytest.mark.parametrize("number", range(1, COMMITS + 1))
@pytest.mark.parametrize("where", ["before", "after"])
def test_killed_at_a_commit(programs: Programs, tmp_path: Path, where: str, number: int) -> None:
    kill_and_resume(programs, tmp_path, f"driver:{where}:{number}")


@pytest.mark.parametrize("number", range(1, BODIES + 1))
@pytest.mark.parametrize("where", ["start", "end"])
def test_killed_in_a_body(programs: Programs, tmp_path: Path, where: str, number: int) -> None:
    kill_and_resume(programs, tmp_path, f"driver:{where}:{number}")


@pytest.mark.parametrize("kill", ["driver:before:4", "driver:after:3", "driver:start:2", "driver:end:2"])
def test_killed_again_and_again(programs: Programs, tmp_path: Path, kill: str) -> None:
    """Each incarnation gets a little further."""
    record = None
    for number in count():
        ended = resumed(programs, tmp_path, record, kill=kill)
        record = look(tmp_path)
        if ended.status == 0:
            break
        assert ended.status == -signal.SIGKILL
        assert number < 40, "it does not get on"
    assert number >= 3
    if "result" in ended.said:
        check_finished(tmp_path, ended)
    else:  # killed after the very last commit
        assert record is not None and record.pipeline_run.state is State.RESOLVED


def test_last_is_the_one_that_was_killed(programs: Programs, tmp_path: Path) -> None:
    programs.run(tmp_path, "driver:start:5")
    before = len(bodies(tmp_path))
    ended = programs.run(tmp_path, SEMATIC_RESUME="last")
    assert ended.said["result"] == expected(VALUE)
    assert len(bodies(tmp_path)) - before == BODIES - 4
