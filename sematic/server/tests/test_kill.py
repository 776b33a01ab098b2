"""A pipeline records on a server that is killed and started again: nothing is lost, nothing runs twice."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from sematic.engine.states import State
from sematic.home import Home
from sematic.resolvers.tests.killed import expected
from sematic.resolvers.tests.killing import BODIES, COMMITS, VALUE, check_integrity
from sematic.server.tokens import Tokens, local_token

PROGRAM = """
import os, sys
import sematic
from sematic.resolvers.tests import killed
print(sematic.resolve(killed.pipeline(killed.base(int(sys.argv[1]))), sematic.LocalResolver(*map(int, sys.argv[2:]))))
"""
POINTS = [(where, number) for number in (1, 2, 5, COMMITS - 1) for where in ("before", "after")]


class Place:
    """A machine for the server, one for the program."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self._stack = stack
        self.there, self.here, self.log = folder / "there", folder / "here", folder / "bodies"
        tokens = self.there / "server"
        tokens.mkdir(parents=True)
        self.token = local_token(tokens, Tokens(tokens / "tokens.json"))
        self.port = 0

    def serve(self, *command: str) -> subprocess.Popen[bytes]:
        """A server process that listens, on the same port each time."""
        ready, told = os.pipe()
        asked = json.dumps({"home": str(self.there), "host": "127.0.0.1", "port": self.port, "ready": told})
        process = subprocess.Popen(
            [sys.executable, "-m", *command, asked], pass_fds=(told,), env=_environment(), stderr=subprocess.DEVNULL
        )
        self._stack.callback(process.wait)
        self._stack.callback(process.kill)
        os.close(told)
        with open(ready) as answer:
            said = json.loads(answer.readline())
        self.port = int(said["address"].rpartition(":")[2])
        return process

    def program(self, *arguments: str) -> subprocess.Popen[str]:
        environment = _environment(
            SEMATIC_HOME=str(self.here), SEMATIC_API_ADDRESS=f"http://127.0.0.1:{self.port}", LOG=str(self.log),
            SEMATIC_API_TOKEN=self.token, SEMATIC_PROGRESS="quiet",
        )  # fmt: skip
        self.here.mkdir()  # in no git repository: noting its state would be one more commit
        process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM, str(VALUE), *arguments],
            env=environment, cwd=self.here, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        self._stack.callback(process.wait)
        self._stack.callback(process.kill)
        return process

    def check(self) -> None:
        """One pipeline run, all of it RESOLVED, every body run once, the database whole, nothing on the other side."""
        check_integrity(self.there / "ledger.db")
        with Home(self.there) as home:
            (pipeline_run,) = home.ledger.pipeline_runs()
            runs = home.ledger.runs(pipeline_run.id)
            assert {run.state for run in [pipeline_run, *runs]} == {State.RESOLVED}
            assert [len(home.ledger.attempts(run.id)) for run in runs] == [1] * len(runs)
            steps = home.ledger.changes_after(pipeline_run.id, 0)
            assert [step.seq for step in steps] == list(range(1, len(steps) + 1))
        ran = [line.split()[0] for line in self.log.read_text().splitlines()]
        assert len(ran) == len(set(ran)) == BODIES
        assert not (self.here / "ledger.db").exists()


def _environment(**more: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("SEMATIC_", "BUILD_"))}
    return {**kept, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path), **more}


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    with ExitStack() as stack:
        yield Place(tmp_path, stack)


@pytest.mark.parametrize(("where", "number"), POINTS)
def test_killed_at_a_commit(place: Place, where: str, number: int) -> None:
    dying = place.serve("sematic.server.tests.dying", where, str(number))
    program = place.program()
    assert dying.wait() == -9
    place.serve("sematic.server")
    out, err = program.communicate()
    assert (out, program.returncode) == (f"{expected(VALUE)}\n", 0), err
    place.check()


def test_killed_while_workers_commit(place: Place) -> None:
    dying = place.serve("sematic.server.tests.dying", "after", "6")
    program = place.program("2")
    assert dying.wait() == -9
    place.serve("sematic.server")
    out, err = program.communicate()
    assert (out, program.returncode) == (f"{expected(VALUE)}\n", 0), err
    place.check()


def test_away_for_too_long_and_resumed(place: Place) -> None:
    """The program is gone, the server comes back: what was committed is taken up by another program."""
    dying = place.serve("sematic.server.tests.dying", "after", "6")
    program = place.program()
    assert dying.wait() == -9
    program.kill()
    program.communicate()
    before = place.log.read_text().splitlines()
    place.serve("sematic.server")
    environment = _environment(
        SEMATIC_HOME=str(place.here), SEMATIC_API_ADDRESS=f"http://127.0.0.1:{place.port}", LOG=str(place.log),
        SEMATIC_API_TOKEN=place.token, SEMATIC_PROGRESS="quiet", SEMATIC_RESUME="last",
    )  # fmt: skip
    again = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(VALUE)], env=environment, cwd=place.here, capture_output=True, text=True
    )
    assert again.stdout == f"{expected(VALUE)}\n", again.stderr
    assert len(place.log.read_text().splitlines()) - len(before) < BODIES
