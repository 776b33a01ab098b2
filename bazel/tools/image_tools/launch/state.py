"""The file through which a program follows the push of its image.

One line of JSON: {"state": "pushing", "pid": …, "sent": bytes, "total": bytes, "rate": bytes a second}, and at last
{"state": "pushed"} or {"state": "failed", "reason": "<sentence>"}. It is empty before, and locked (flock) for as long
as the push program lives: "pushing" in a file that is not locked means that nobody pushes any more.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
from pathlib import Path
from typing import Any

_LENGTH = 4096
"""Of the line, filled up with blanks."""


class State:
    """The file, open and locked. Raises OSError when made: BlockingIOError if another push has it."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def pushing(self, sent: int, total: int, rate: float) -> None:
        """So far it is."""
        self._write({"state": "pushing", "pid": os.getpid(), "sent": sent, "total": total, "rate": round(rate)})

    def pushed(self) -> None:
        """The registry has confirmed every image."""
        self._write({"state": "pushed"})

    def failed(self, reason: str) -> None:
        """It will not be pushed any more."""
        self._write({"state": "failed", "reason": reason})

    def remove(self) -> None:
        """Nobody is left to read it."""
        with contextlib.suppress(OSError):
            self._path.unlink()

    def _write(self, document: dict[str, Any]) -> None:
        """In one go and always as long: a reader sees the old line or the new one, never half of one."""
        os.pwrite(self._file, json.dumps(document).encode().ljust(_LENGTH - 1) + b"\n", 0)


def sweep(folder: Path) -> None:
    """Removes the files of programs that are gone, where a push program was killed before it could."""
    with contextlib.suppress(OSError):
        for path in folder.iterdir():
            if path.name.isdigit() and not _lives(int(path.name)):
                path.unlink()


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:  # Somebody else's.
        return True
    return True
