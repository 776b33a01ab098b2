"""A server that is away, that answers too late, that is another one: waited for, or said in a sentence."""

from __future__ import annotations

import os
import socket
import threading
from contextlib import suppress

import pytest

from sematic.client.connection import Connection
from sematic.client.ledger import RemoteLedger
from sematic.client.tests.relay import Relay
from sematic.engine.changes import PipelineRunAdded, RunMoved, RunsAdded
from sematic.engine.records import Run
from sematic.engine.states import State
from sematic.errors import LedgerError, SettingsError
from sematic.ledger.tests.samples import ROOT, begin, pipeline_run, run
from sematic.server.tests.serving import Served


@pytest.mark.parametrize("number", range(1, 4))
@pytest.mark.parametrize("fault", ["cut", "refuse"])
def test_a_request_of_which_no_answer_comes_has_the_effect_of_one(served: Served, fault: str, number: int) -> None:
    with Relay(served.port, **{fault: {number}}) as relay:
        ledger = RemoteLedger(Connection(relay.address, served.token))
        assert ledger.commit(ROOT, [PipelineRunAdded(pipeline_run()), RunsAdded([run(ROOT)])]) == 1
        assert ledger.commit(ROOT, [RunMoved(ROOT, State.RUNNING, 2.0, 1)]) == 2
        assert ledger.commit(ROOT, [RunMoved(ROOT, State.FAILED, 3.0)]) == 3
        assert relay.requests == 4
    assert served.ledger.pipeline_run(ROOT).seq == 3
    assert served.ledger.run(ROOT).state is State.FAILED


@pytest.mark.parametrize("fault", ["cut", "refuse"])
def test_so_does_a_removal(served: Served, fault: str) -> None:
    begin(served.ledger, owner=None)
    with Relay(served.port, **{fault: {2}}) as relay:
        RemoteLedger(Connection(relay.address, served.token)).remove(ROOT)
    assert served.ledger.pipeline_runs() == []


def test_nobody_there(served: Served) -> None:
    served.close()
    ledger = RemoteLedger(served.connection(patience=0))
    with pytest.raises(
        LedgerError, match=r"the server http://127.0.0.1:\d+ does not answer \(Connection refused; .*api_add"
    ):
        ledger.pipeline_runs()


def test_somebody_else_there(served: Served) -> None:
    for answer in (
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}",
        b"HTTP/1.1 302 Found\r\nContent-Length: 0\r\n\r\n",
    ):
        with pytest.raises(LedgerError, match="Sematic server"):
            _answered(answer)


def test_a_server_of_another_version() -> None:
    with pytest.raises(LedgerError, match=r"runs Sematic 99\.0\.0, this program .*: install one of the same"):
        _answered(b"HTTP/1.1 200 OK\r\nSematic-Version: 99.0.0\r\nContent-Length: 2\r\n\r\n{}")


def test_no_http_at_all() -> None:
    with pytest.raises(LedgerError, match="does not answer"):
        _answered(b"SSH-2.0-OpenSSH\r\n")


def test_an_answer_that_is_no_json() -> None:
    with pytest.raises(LedgerError, match="cannot be read"):
        _answered(b"HTTP/1.1 200 OK\r\nSematic-Version: 0.1.0\r\nContent-Length: 1\r\n\r\n{")


def test_a_token_that_counts_no_more(served: Served) -> None:
    ledger = RemoteLedger(served.connection())
    begin(ledger)
    served.tokens.revoke("test")
    with pytest.raises(LedgerError, match="the token 'test' was revoked: `sematic token create` makes a new one"):
        ledger.commit(ROOT, [])


def test_a_large_body_that_is_refused_says_why(served: Served) -> None:
    ledger = RemoteLedger(Connection(served.address, "wrong", patience=0))
    with pytest.raises(LedgerError, match="this token is not known"):
        ledger.commit(ROOT, [RunsAdded([Run("a" * 32, ROOT, "m:f", "x" * 40_000_000)])])


def test_a_commit_that_is_too_large(served: Served) -> None:
    ledger = RemoteLedger(served.connection())
    with pytest.raises(LedgerError, match=r"too many for one commit: at most 67108864.* nest it"):
        ledger.commit(ROOT, [RunsAdded([Run("a" * 32, ROOT, "m:f", "x" * (64 << 20))])])


def test_what_no_run_refers_to_is_the_servers_business(served: Served) -> None:
    with pytest.raises(LedgerError, match=f"call `sematic gc` on the machine of {served.address}"):
        RemoteLedger(served.connection()).collect()


def test_many_threads_at_once(served: Served) -> None:
    ledger = RemoteLedger(served.connection())
    begin(ledger)
    found: list[int] = []
    threads = [threading.Thread(target=lambda: found.append(ledger.commit(ROOT, []))) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(found) == list(range(2, 22))


def test_a_forked_process_is_cut_off(served: Served) -> None:
    ledger = RemoteLedger(served.connection())
    begin(ledger)
    child = os.fork()
    if child == 0:
        with suppress(BaseException):
            ledger.pipeline_run(ROOT)
            os._exit(0)
        os._exit(7)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
    assert ledger.pipeline_run(ROOT).seq == 1


@pytest.mark.parametrize(
    "address",
    [
        "",
        "localhost",
        "ftp://x",
        "http://",
        "http://x/path",
        "http://x?q",
        "http://u:p@x",
        "http://x:port",
        "file:///etc/passwd",
    ],
)
def test_addresses_that_are_none(address: str) -> None:
    with pytest.raises(SettingsError, match="api_address must be like https://sematic.example.com, not"):
        Connection(address, "t")


def _answered(answer: bytes) -> None:
    """Ask somebody who says this and no more."""
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def say() -> None:
            with listening.accept()[0] as client:
                client.recv(65536)
                client.sendall(answer)

        thread = threading.Thread(target=say)
        thread.start()
        try:
            RemoteLedger(Connection(f"http://127.0.0.1:{listening.getsockname()[1]}", "t", patience=0)).find("")
        finally:
            thread.join()
