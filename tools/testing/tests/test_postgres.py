"""The server that tests start: it is there, keeps what it holds, and goes with whoever made it."""

from __future__ import annotations

import os
import select
import signal
import socket
import subprocess
import sys
from pathlib import Path

from tools.testing.postgres import Postgres

MAKER = """
import sys
from tools.testing.postgres import Postgres
with Postgres() as server:
    print(server.folder, server._process.pid, server._guard.pid, flush=True)
    sys.stdin.read()
"""


def listens(server: Postgres) -> bool:
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", server.port)) == 0


def test_it_comes_and_goes() -> None:
    with Postgres() as server:
        assert listens(server)
        server.stop()
        assert not listens(server)
        server.start()
        server.kill()
        assert not listens(server)
        server.start()
        assert listens(server)
        assert "automatic recovery in progress" in server.log
    assert not listens(server)
    assert not server.folder.exists()


def test_two_at_once() -> None:
    with Postgres() as one, Postgres() as other:
        assert listens(one)
        assert listens(other)


def test_nothing_is_left_of_a_test_that_was_killed() -> None:
    maker = subprocess.Popen([sys.executable, "-c", MAKER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert maker.stdout is not None
    folder, *pids = maker.stdout.readline().split()
    handles = [os.pidfd_open(int(pid)) for pid in pids]
    maker.send_signal(signal.SIGKILL)
    for handle in handles:
        select.select([handle], [], [])
        os.close(handle)
    maker.communicate()
    assert not Path(folder).exists()
