"""``sematic start``, ``stop``, ``status`` and ``token``, with real processes; and commands that read from a server."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import sematic
from sematic.cli.tests import pipelines
from sematic.client.connection import Connection
from sematic.errors import LedgerError
from sematic.server.state import gone, running

Good = Callable[..., str]


@pytest.fixture
def started(home: Path, good: Good, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A server in the background; its address."""
    said = good("start", "--port", "0")
    yield next(word for word in said.split() if word.startswith("http://"))
    monkeypatch.setenv("SEMATIC_HOME", str(home))  # a test may have gone elsewhere
    good("stop")
    assert gone(home)


def token(home: Path) -> str:
    return (home / "server" / "token").read_text().strip()


def test_from_start_to_stop(home: Path, started: str, good: Good, bad: Good) -> None:
    facts = json.loads(good("status", "--json"))
    assert (facts["running"], facts["address"]) == (True, started)
    assert started in good("status")
    assert Connection(started, token(home)).ask("GET", "/version").json() == {"version": sematic.__version__}
    assert f"runs already: {started} (process {facts['pid']})" in bad("start")
    assert good("stop") == f"ended the server at {started}\n"
    assert "sematic start" in good("status")
    assert good("stop") == f"no server for {home} runs\n"
    assert json.loads(good("status", "--json")) == {"running": False, "log": facts["log"]}


def test_it_has_no_terminal(home: Path, started: str) -> None:
    found = running(home)
    assert found is not None
    assert os.getsid(found.pid) == found.pid != os.getsid(0)
    assert os.readlink(f"/proc/{found.pid}/cwd") == "/"


def test_what_it_keeps_is_its_users_alone(home: Path, started: str) -> None:
    folder = home / "server"
    assert folder.stat().st_mode & 0o077 == 0
    for name in ("token", "tokens.json", "server.json", "log"):
        assert (folder / name).stat().st_mode & 0o077 == 0, name
    assert token(home) not in "".join((folder / name).read_text() for name in ("tokens.json", "server.json", "log"))


def test_one_that_was_killed_is_gone(home: Path, started: str, good: Good) -> None:
    found = running(home)
    assert found is not None
    os.kill(found.pid, signal.SIGKILL)
    while not gone(home):
        pass
    assert json.loads((home / "server" / "server.json").read_text())["pid"] == found.pid
    assert "sematic start" in good("status")
    said = good("start", "--port", "0")
    assert "serving" in said
    assert token(home) in said


def test_the_pid_of_another_process_is_left_alone(home: Path, good: Good) -> None:
    (home / "server").mkdir(parents=True)
    left = {"pid": os.getpid(), "address": "http://127.0.0.1:1", "version": "0"}
    (home / "server" / "server.json").write_text(json.dumps(left))
    assert good("stop") == f"no server for {home} runs\n"


def test_a_port_that_is_taken(home: Path, bad: Good, good: Good) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert f"port {port} of 127.0.0.1 cannot be listened on (Address already in use): choose another" in bad(
            "start", "--port", str(port)
        )
    assert "sematic start" in good("status")


def test_a_host_that_is_none(bad: Good) -> None:
    assert "cannot be listened on" in bad("start", "--host", "host.invalid")


def test_a_ledger_that_cannot_be_opened(home: Path, bad: Good) -> None:
    home.mkdir()
    (home / "ledger.db").write_text("this is no database, and long enough to be taken for one" * 100)
    assert "ledger.db" in bad("start", "--port", "0")


def test_in_the_foreground(home: Path) -> None:
    command = [sys.executable, "-m", "sematic.cli", "start", "--foreground", "--port", "0"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        lines = iter(process.stderr.readline, "")
        assert any("end it with Ctrl-C" in line for line in lines)
        found = running(home)
        assert found is not None and found.pid == process.pid
        process.send_signal(signal.SIGINT)
        assert process.wait() == 0
    assert gone(home)


class TestTokens:
    def test_from_creation_to_revocation(self, started: str, good: Good) -> None:
        text = good("token", "create", "joe").strip()
        joe = Connection(started, text)
        assert joe.ask("GET", "/version").status == 200
        rows = [line.split("\t") for line in good("token", "list").splitlines()]
        assert [(row[1], row[3], row[4]) for row in rows] == [("local", "never", "valid"), ("joe", "never", "valid")]
        assert text not in good("token", "list", "--json")
        assert good("token", "revoke", "joe").startswith("revoked joe (")
        with pytest.raises(LedgerError, match="'joe' was revoked"):
            joe.ask("GET", "/version")
        assert json.loads(good("token", "list", "--json"))[1]["state"] == "revoked"

    def test_names(self, good: Good, bad: Good) -> None:
        good("token", "create", "joe", "--days", "1")
        assert "there is a token 'joe' already" in bad("token", "create", "joe")
        assert "printable characters" in bad("token", "create", "a\nb")
        assert "there is no token 'ann'" in bad("token", "revoke", "ann")


class TestReading:
    """What one machine recorded on a server is read on another."""

    @pytest.fixture
    def elsewhere(self, home: Path, started: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        monkeypatch.setenv("SEMATIC_API_ADDRESS", started)
        monkeypatch.setenv("SEMATIC_API_TOKEN", token(home))
        monkeypatch.setenv("SEMATIC_HOME", str(tmp_path / "one"))
        assert sematic.resolve(pipelines.pipeline(3)) == 3
        monkeypatch.setenv("SEMATIC_HOME", str(tmp_path / "two"))
        return tmp_path / "two"

    def test_show_and_ls(self, elsewhere: Path, good: Good) -> None:
        (row,) = good("ls").splitlines()
        assert "RESOLVED" in row
        shown = good("show", "last")
        assert "RESOLVED" in shown and "pipeline" in shown
        assert not (elsewhere / "ledger.db").exists()

    def test_from_python(self, elsewhere: Path, good: Good) -> None:
        run = sematic.get_run(good("ls").split("\t")[0])
        assert run.inputs and run.output and run.source

    def test_rm_and_gc(self, elsewhere: Path, good: Good, bad: Good) -> None:
        id = good("ls").split("\t")[0]
        assert good("rm", id, "--yes").startswith("removed")
        assert "sematic gc` on the machine of http://127.0.0.1:" in bad("gc")

    def test_without_a_token(self, elsewhere: Path, bad: Good, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.delenv("SEMATIC_API_TOKEN")
        assert "api_token is not set" in bad("ls")

    def test_with_a_wrong_one(self, elsewhere: Path, bad: Good, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("SEMATIC_API_TOKEN", "guess")
        assert "this token is not known here" in bad("show", "last")
