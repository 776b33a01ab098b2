"""Folders for files that values bring along: one a run, gone when it ended; outside of runs, one a process."""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path

_PREFIX = "sematic-files-"


class Scratch:
    """Makes new folders in one that exists only when it is needed."""

    def __init__(self) -> None:
        self._folder: Path | None = None
        self._process = 0

    def new(self) -> Path:
        """A new, empty folder."""
        if self._folder is None or self._process != os.getpid():
            self._folder, self._process = Path(tempfile.mkdtemp(prefix=_PREFIX)), os.getpid()
        return Path(tempfile.mkdtemp(dir=self._folder))

    def remove(self) -> None:
        """Remove everything that is in it, unless it belongs to the process that forked this one."""
        if self._folder is not None and self._process == os.getpid():
            remove(self._folder)
        self._folder = None


_process = Scratch()
_current: ContextVar[Scratch] = ContextVar("scratch", default=_process)
atexit.register(_process.remove)


def new() -> Path:
    """A new, empty folder of the run that goes on."""
    return _current.get().new()


@contextmanager
def of_run() -> Iterator[None]:
    """What is made in here is gone afterwards."""
    scratch = Scratch()
    token = _current.set(scratch)
    try:
        yield
    finally:
        _current.reset(token)
        scratch.remove()


def remove(folder: Path) -> None:
    """Remove a folder with all that is in it, also what is in folders that may not be written."""
    for path, folders, _ in os.walk(folder):
        for name in folders:
            inner = os.path.join(path, name)
            if not os.path.islink(inner):
                os.chmod(inner, 0o700)
    shutil.rmtree(folder, ignore_errors=True)
