"""The registry that tests start, and what they can ask it for."""

from __future__ import annotations

import http.client
import socket
import ssl
import subprocess
from pathlib import Path

import pytest

from tools.testing.registry import TESTER, Registry, Request
from tools.testing.tools import MissingProgram, program
from tools.testing.way import Connection, Way


def test_it_is_of_the_version_whose_ways_the_tests_know() -> None:
    said = subprocess.run([*program("docker-registry"), "--version"], check=True, capture_output=True, text=True)
    assert " 2.8." in said.stdout


def test_requests_are_told_in_order(tmp_path: Path) -> None:
    with Registry(tmp_path / "own", login=TESTER, secure=True) as registry:
        assert registry.get("/v2/") == b"{}"
        assert registry.ask("HEAD", "/v2/team/a%20b/manifests/v1")[0] == 404
        registry.login = None
        assert registry.ask("GET", "/v2/")[0] == 401
        seen = registry.requests()
    assert seen[0] == Request("GET", "/v2/", 200, 2)
    assert [(request.method, request.status) for request in seen] == [("GET", 200), ("HEAD", 404), ("GET", 401)]


def test_nobody_else_trusts_its_certificate(tmp_path: Path) -> None:
    with Registry(tmp_path / "own", secure=True) as registry:
        connection = http.client.HTTPSConnection(registry.host)
        with pytest.raises(ssl.SSLCertVerificationError):
            connection.request("GET", "/v2/")


def test_a_restart_keeps_the_port(tmp_path: Path) -> None:
    with Registry(tmp_path / "own") as registry:
        before = registry.host
        registry.restart()
        assert registry.host == before
        assert registry.get("/v2/") == b"{}"
        assert len(registry.requests()) == 1
    with pytest.raises(ConnectionRefusedError):
        registry.get("/v2/")


def test_a_registry_that_cannot_start_says_why(tmp_path: Path) -> None:
    registry = Registry(tmp_path / "own")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        registry.host = f"127.0.0.1:{taken.getsockname()[1]}"
        with pytest.raises(AssertionError, match="address already in use"):
            registry.start()


def test_a_way_counts_what_clients_send_and_can_be_cut(tmp_path: Path) -> None:
    with Registry(tmp_path / "own") as registry, Way(registry.host, after=400, happens=Connection.cut) as way:
        connection = http.client.HTTPConnection(way.host)
        connection.request("GET", "/v2/", headers={"X": "x" * 100})
        assert connection.getresponse().read() == b"{}"
        assert 100 < way.received < 400
        with pytest.raises((http.client.RemoteDisconnected, ConnectionResetError)):
            connection.request("GET", "/v2/", headers={"X": "x" * 400})
            connection.getresponse()
        assert way.happened == 1


def test_a_program_that_is_nowhere_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tools.testing.tools._commands", lambda group: dict.fromkeys(group.programs))
    with pytest.raises(MissingProgram, match="skopeo is not on PATH: install it"):
        program("skopeo")
