"""A home of its own for each test, the commands, and programs as processes."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from sematic.cli import cli as commands
from sematic.cli.tests import pipelines
from sematic.cli.tests.processes import program

Run = Callable[..., Result]


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty home that everything in this test uses."""
    folder = tmp_path / "home"
    for name in list(os.environ):
        if name.startswith("SEMATIC_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("SEMATIC_HOME", str(folder))
    monkeypatch.setenv("SEMATIC_PROGRESS", "quiet")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(sys.path))
    return folder


@pytest.fixture
def cli() -> Run:
    """Runs a command here."""
    return lambda *arguments: CliRunner().invoke(commands, list(arguments))


@pytest.fixture
def good(cli: Run) -> Callable[..., str]:
    """Runs a command here that must succeed; what it printed."""

    def run(*arguments: str) -> str:
        result = cli(*arguments)
        assert result.exit_code == 0, result.output
        return result.stdout

    return run


@pytest.fixture
def bad(cli: Run) -> Callable[..., str]:
    """Runs a command here that must fail with a sentence; the sentence."""

    def run(*arguments: str) -> str:
        result = cli(*arguments)
        assert result.exit_code == 1, result.output
        assert result.stderr.startswith("sematic: error: ")
        assert "Traceback" not in result.stderr
        return result.stderr.removeprefix("sematic: error: ").rstrip("\n")

    return run


@pytest.fixture
def at_gate() -> Iterator[Callable[[str, int], subprocess.Popen[str]]]:
    """Starts a program and waits until it has come to the gate. What still runs in the end is killed."""
    started: list[subprocess.Popen[str]] = []

    def start(name: str, n: int) -> subprocess.Popen[str]:
        reader, writer = os.pipe()
        environment = {**os.environ, pipelines.GATE: str(writer)}
        process = subprocess.Popen(
            program(name, n),
            env=environment,
            pass_fds=[writer],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        os.close(writer)
        with os.fdopen(reader, "rb") as gate:
            assert gate.read(4) == b"here", process.communicate()
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


@pytest.fixture
def killed(at_gate: Callable[[str, int], subprocess.Popen[str]]) -> Callable[[str, int], None]:
    """A program that was killed in the middle of a body."""

    def kill(name: str, n: int) -> None:
        process = at_gate(name, n)
        process.kill()
        process.wait()

    return kill
