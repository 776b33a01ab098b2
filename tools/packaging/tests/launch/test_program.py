"""Waiting for a process that is no child, in each way that a system may have."""

from __future__ import annotations

import errno
import os
import subprocess
import threading
from typing import NoReturn

import pytest

from image_tools.launch import program


def forbidden(pid: int) -> NoReturn:
    raise OSError(errno.EPERM, "by a sandbox")


@pytest.fixture(params=["descriptor", "asking", "asking where descriptors are forbidden"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.param == "asking":
        monkeypatch.delattr(os, "pidfd_open")
    elif request.param != "descriptor":
        monkeypatch.setattr(os, "pidfd_open", forbidden)


def test_waits_as_long_as_the_process_lives(way: None) -> None:
    with subprocess.Popen(["cat"], stdin=subprocess.PIPE) as process:
        waiting = threading.Thread(target=program.wait, args=(process.pid,))
        waiting.start()
        waiting.join(0.3)
        assert waiting.is_alive()
        process.communicate()
        waiting.join(60)
        assert not waiting.is_alive()


def test_process_that_is_gone_is_not_waited_for(way: None) -> None:
    process = subprocess.Popen(["true"])
    process.wait()
    program.wait(process.pid)


def test_no_descriptor_is_left_open() -> None:
    before = len(os.listdir("/dev/fd"))
    for _ in range(3):
        process = subprocess.Popen(["true"])
        program.wait(process.pid)
        process.wait()
    assert len(os.listdir("/dev/fd")) == before
