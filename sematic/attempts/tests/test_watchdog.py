"""A body that does not come back from C is recorded as timed out by another process."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from sematic.attempts.limits import TimedOut
from sematic.attempts.tests.stuck import NONCE, ROOT, record
from sematic.attempts.watchdog import Watchdog
from sematic.context import Context
from sematic.engine.changes import AttemptEnded
from sematic.engine.records import Attempt, Failure
from sematic.engine.states import State
from sematic.errors import Fenced
from sematic.home import LEDGER_FILE, Home

DEADLINE = 60.0


def start(folder: Path, kill: str = "") -> subprocess.Popen[str]:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    command = [sys.executable, "-m", "sematic.attempts.tests.stuck", str(folder), kill]
    return subprocess.Popen(
        command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def ended_attempt(folder: Path) -> Attempt:
    """The attempt, once the record says that it ended."""
    until = time.monotonic() + DEADLINE
    while time.monotonic() < until:
        if (folder / LEDGER_FILE).exists():
            with Home(folder) as home:
                attempts = home.ledger.attempts(ROOT) if home.ledger.find(ROOT) else []
            if attempts and attempts[0].ended_at is not None:
                return attempts[0]
    raise AssertionError("nobody recorded that the body is stuck")


def test_it_is_recorded_while_it_is_stuck_and_its_late_result_refused(tmp_path: Path) -> None:
    with start(tmp_path) as program:
        attempt = ended_attempt(tmp_path)
        assert program.poll() is None, "the body is still at it"
        out, err = program.communicate("x", timeout=DEADLINE)
    assert out.strip() == "the time limit of 0.1 s is over, and the body did not stop (recorded: True)", err
    assert (attempt.state, Failure.from_json(attempt.failure or "").kind) == (State.FAILED, "timeout")
    with Home(tmp_path) as home, pytest.raises(Fenced, match="it ended FAILED before"):
        home.ledger.commit(ROOT, [AttemptEnded(ROOT, 1, NONCE, State.RESOLVED, 2.0)])


def test_a_worker_that_is_stuck_is_killed(tmp_path: Path) -> None:
    with start(tmp_path, kill="yes") as program:
        assert program.wait(DEADLINE) == -signal.SIGKILL
        assert ended_attempt(tmp_path).state is State.FAILED


def test_a_body_that_ends_in_its_grace_is_over_its_limit_but_not_recorded(tmp_path: Path) -> None:
    record(tmp_path)
    context = Context(ROOT, ROOT, 1)
    with (
        Watchdog(tmp_path, NONCE, grace=DEADLINE) as watchdog,
        pytest.raises(TimedOut) as raised,
        watchdog.limit(context, 0.05),
    ):
        while True:
            pass
    assert not raised.value.sematic_recorded
    with Home(tmp_path) as home:
        assert home.ledger.attempts(ROOT)[0].state is State.RUNNING


def test_bodies_in_time_one_after_another(tmp_path: Path) -> None:
    record(tmp_path)
    with Watchdog(tmp_path, NONCE, grace=DEADLINE) as watchdog:
        for _ in range(3):
            with watchdog.limit(Context(ROOT, ROOT, 1), DEADLINE):
                pass
    with Home(tmp_path) as home:
        assert home.ledger.attempts(ROOT)[0].state is State.RUNNING
