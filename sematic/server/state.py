"""The server of a home: whether it runs, where, and that there is one.

The process that serves holds a lock on one file and says in it who it is. The lock goes with the process, however it
ends: a file that nobody holds is what a server left behind.
"""

from __future__ import annotations

import fcntl
import json
import os
from pathlib import Path
from typing import IO, NamedTuple

from sematic.errors import SettingsError

FOLDER = "server"
_FILE = "server.json"


class Running(NamedTuple):
    """The server that runs."""

    pid: int
    address: str
    version: str


def server_folder(home: Path) -> Path:
    """Where the server of a home keeps what is its own."""
    return home / FOLDER


def log_path(home: Path) -> Path:
    """What the server in the background writes."""
    return server_folder(home) / "log"


def running(home: Path) -> Running | None:
    """The server of this home, if there is one. One that only begins to run counts when it listens."""
    try:
        with open(server_folder(home) / _FILE, "rb") as file:
            if _take(file, fcntl.LOCK_SH):
                return None
            text = file.read()
    except FileNotFoundError:
        return None
    return Running(**json.loads(text)) if text else None


def gone(home: Path) -> bool:
    """Whether no process holds the lock."""
    try:
        with open(server_folder(home) / _FILE, "rb") as file:
            return _take(file, fcntl.LOCK_SH)
    except FileNotFoundError:
        return True


class Place:
    """The one place for a server in a home, taken until this process ends. Raises SettingsError when it is taken."""

    def __init__(self, home: Path) -> None:
        folder = server_folder(home)
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._file: IO[bytes] = os.fdopen(os.open(folder / _FILE, os.O_RDWR | os.O_CREAT, 0o600), "r+b", buffering=0)
        if not _take(self._file, fcntl.LOCK_EX):
            self._file.close()
            raise SettingsError(f"a server for {home} runs already: `sematic status` says where")
        self._file.truncate()

    def say(self, running: Running) -> None:
        """Tell everybody who asks: it listens now."""
        self._file.write(json.dumps(running._asdict()).encode())


def _take(file: IO[bytes], kind: int) -> bool:
    try:
        fcntl.flock(file, kind | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
