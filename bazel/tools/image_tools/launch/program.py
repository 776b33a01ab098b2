"""Waiting for the end of a program that is no child of ours."""

from __future__ import annotations

import contextlib
import os
import select
import time

_POLL_SECONDS = 0.2


def wait(pid: int) -> None:
    """Returns when the process is gone, or was gone already."""
    with contextlib.suppress(ProcessLookupError):
        if hasattr(os, "pidfd_open"):
            _by_descriptor(pid)
        elif hasattr(select, "kqueue"):
            _by_event(pid)
        else:
            _by_asking(pid)


def _by_descriptor(pid: int) -> None:
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        raise
    except OSError:  # An old kernel, or a sandbox that forbids it.
        return _by_asking(pid)
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    poll.poll()
    os.close(descriptor)
    return None


def _by_event(pid: int) -> None:
    """As macOS and the BSDs have it."""
    queue = select.kqueue()  # type: ignore[attr-defined,unused-ignore]
    exits = select.kevent(  # type: ignore[attr-defined,unused-ignore]
        pid,
        select.KQ_FILTER_PROC,  # type: ignore[attr-defined,unused-ignore]
        select.KQ_EV_ADD,  # type: ignore[attr-defined,unused-ignore]
        select.KQ_NOTE_EXIT,  # type: ignore[attr-defined,unused-ignore]
    )
    queue.control([exits], 1)


def _by_asking(pid: int) -> None:
    while True:
        with contextlib.suppress(PermissionError):  # Somebody else's by now, but there.
            os.kill(pid, 0)
        time.sleep(_POLL_SECONDS)
