"""Waiting for the push of this program's image, which began when the program did.

Whoever pushes holds a lock on a file and writes one line of JSON into it, over and over: ``{"state": "pushing", "sent":
…, "total": …, "rate": …}`` and in the end ``{"state": "pushed"}`` or ``{"state": "failed", "reason": …}``. The lock
is free when it is dead.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sematic import images, settings
from sematic.errors import NoImage
from sematic.resolvers.progress import duration, to_stderr

POLL_SECONDS = 0.1
START_SECONDS = 30.0

State = dict[str, Any]
Show = Callable[[State], None]


def wait_for_push() -> None:
    """Come back when this program's images are in their registry. Raises NoImage when they will not be."""
    path = os.environ.get(images.PUSH)
    if path:
        with _shown(str(settings.get("progress"))) as show:
            follow(Path(path), show)
    elif os.environ.get(images.TARGET):  # it was started by Bazel, and the launcher has said what is wrong
        raise _failed("it was not started, see what was said when the program started")


def follow(path: Path, show: Show, start_seconds: float = START_SECONDS) -> None:
    """Read the state file at `path` until the push is done; `show` is told how far it is. Raises NoImage."""
    try:
        file = path.open("rb")
    except OSError as error:
        raise _failed(f"the file that says how far it is, {path}, cannot be read ({error.strerror})") from error
    with file:
        last = _until_the_end(file.fileno(), show, time.monotonic() + start_seconds)
    if last["state"] == "failed":
        raise _failed(str(last.get("reason") or "it gave no reason").rstrip("."))


def _until_the_end(file: int, show: Show, start_before: float) -> State:
    started = False
    while True:
        text = os.pread(file, 1 << 16, 0)
        started = started or bool(text)
        if started and _is_free(file):
            text = os.pread(file, 1 << 16, 0)  # its last words may have come in between
            return _ended(_parsed(text)) or {"state": "failed", "reason": "it ended without a result"}
        state = _parsed(text)
        if last := _ended(state):
            return last
        if not started and time.monotonic() > start_before:
            return {"state": "failed", "reason": "it did not start"}
        show(state)
        time.sleep(POLL_SECONDS)


def _ended(state: State) -> State | None:
    return state if state.get("state") in ("pushed", "failed") else None


def _parsed(text: bytes) -> State:
    """The file's one line; nothing while it is being written."""
    try:
        state = json.loads(text.partition(b"\n")[0])
    except ValueError:
        return {}
    return state if isinstance(state, dict) else {}


def _is_free(file: int) -> bool:
    """Whether nobody holds the lock; then it is ours until the file is closed."""
    import fcntl

    try:
        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def _failed(reason: str) -> NoImage:
    target = os.environ.get(images.TARGET)
    again = f"Start `bazel run {target}` again" if target else "Start the program again"
    return NoImage(f"the image of this program was not pushed: {reason}. Nothing was submitted. {again}")


@contextmanager
def _shown(kind: str) -> Iterator[Show]:
    """On a terminal a line that is written over and over, elsewhere one line if there is anything to wait for."""
    if kind == "quiet":
        yield lambda state: None
        return
    on_terminal = kind != "lines" and sys.stderr is not None and sys.stderr.isatty()
    line = _Line() if on_terminal else _Once()
    try:
        yield line.show
    finally:
        line.end()


class _Line:
    def __init__(self) -> None:
        self._shown = 0

    def show(self, state: State) -> None:
        text = f"sematic: {progress(state)}"[: shutil.get_terminal_size().columns - 1]
        to_stderr(f"\r{text:<{self._shown}}")
        self._shown = len(text)

    def end(self) -> None:
        to_stderr(f"\r{'':<{self._shown}}\r" if self._shown else "")


class _Once:
    def __init__(self) -> None:
        self._said = False

    def show(self, state: State) -> None:
        if not self._said:
            to_stderr(f"sematic: {progress(state)}\n")
            self._said = True

    def end(self) -> None:
        """Nothing is left open."""


def progress(state: State) -> str:
    """How far the push is: ``pushing the image: 12 MB of 80 MB, 4 MB/s, 17.0 s left``."""
    sent, total, rate = (_count(state, name) for name in ("sent", "total", "rate"))
    if not total:
        return "waiting for the push of the image"
    left = f", {size(rate)}/s, {duration((total - sent) / rate)} left" if rate and total > sent else ""
    return f"pushing the image: {size(sent)} of {size(total)}{left}"


def _count(state: State, name: str) -> float:
    value = state.get(name)
    return max(0.0, float(value)) if isinstance(value, int | float) else 0.0


def size(count: float) -> str:
    """Bytes for people: ``512 B``, ``3.2 kB``, ``80 MB``."""
    for unit in ("B", "kB", "MB"):
        if count < 1000:
            return f"{count:.1f} {unit}" if count < 10 and unit != "B" else f"{count:.0f} {unit}"
        count /= 1000
    return f"{count:.1f} GB"
