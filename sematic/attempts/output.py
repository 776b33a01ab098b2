"""What bodies print, kept by run: stdout and stderr of this process and of all it starts.

While a capture is on, file descriptors 1 and 2 are two files that are only appended to; a run's output is the range
between their sizes at its start and at its end. So nothing is lost when the process is killed, subprocesses are
included, and telling runs apart costs two fstat calls. A helper thread copies what arrives to where it would have
gone.
"""

from __future__ import annotations

import json
import os
import re
import sys
import threading
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import IO, Any, NamedTuple

from sematic.errors import StoreError

ECHO_SECONDS = 0.05
_CHUNK = 1 << 16
_FOLDER = re.compile(r"[\w-][\w.-]*")


class Mark(NamedTuple):
    """A place in both files, in bytes."""

    out: int
    err: int


class _Stream:
    """One of the two descriptors, its file, and where the output would have gone."""

    def __init__(self, number: int, path: Path, lock: threading.RLock) -> None:
        self.number = number
        self.path = path
        self._lock = lock
        self.file = os.open(path, os.O_CREAT | os.O_APPEND | os.O_RDWR | os.O_CLOEXEC, 0o600)
        self.inode = os.fstat(self.file).st_ino
        self.echoed = os.fstat(self.file).st_size
        self.terminal: int | None = None
        self._heard = True
        self._replaced: list[Any] = []
        self._copies: int | None = None

    @property
    def name(self) -> str:
        return "stdout" if self.number == 1 else "stderr"

    def take(self) -> None:
        try:
            self.terminal = os.dup(self.number)
        except OSError:  # closed before we came: there is nowhere to echo to
            self.terminal = None
        os.dup2(self.file, self.number)
        self._take_python()

    def _take_python(self) -> None:
        stream = getattr(sys, self.name)
        if _is_on(stream, self.number):
            stream.reconfigure(line_buffering=True)  # so that a kill loses no whole line
            return
        self._replaced.append(stream)
        if stream is not None:  # a notebook's or a test runner's: it does not write to the descriptor
            self._copies = os.open(self.path, os.O_APPEND | os.O_WRONLY | os.O_CLOEXEC)
            setattr(sys, self.name, _Tee(stream, self._copy))

    def _copy(self, data: bytes) -> None:
        """Keep what a stream of its own shows by itself: it is not echoed, all that came before it is."""
        with self._lock:
            view = memoryview(data)
            while view and self._copies is not None:
                written = os.write(self._copies, view)
                end = os.lseek(self._copies, 0, os.SEEK_CUR)  # of this write: the offset is not shared
                self.echo(end - written)
                self.echoed = end
                view = view[written:]

    def keep(self) -> None:
        """Undo what a body may have done to the stream: closed it, or put something else in its place."""
        stream = getattr(sys, self.name)
        if stream is None or getattr(stream, "closed", False):
            setattr(sys, self.name, open(self.number, "w", buffering=1, closefd=False))  # noqa: SIM115
        else:
            with suppress(OSError, ValueError):
                stream.flush()
        try:
            intact = os.fstat(self.number).st_ino == self.inode
        except OSError:
            intact = False
        if not intact:
            os.dup2(self.file, self.number)

    def size(self) -> int:
        return os.fstat(self.file).st_size

    def pending(self) -> bool:
        return self.terminal is not None and self._heard and self.size() > self.echoed

    def echo(self, end: int | None = None) -> None:
        end = self.size() if end is None else end
        while self.pending() and (data := os.pread(self.file, min(_CHUNK, end - self.echoed), self.echoed)):
            self.echoed += len(data)
            self.write(data)

    def write(self, data: bytes) -> None:
        view = memoryview(data)
        try:
            while view and self.terminal is not None and self._heard:
                view = view[os.write(self.terminal, view) :]
        except OSError:  # whoever read it is gone; the record goes on
            self._heard = False

    def give_back(self) -> None:
        self.keep()
        for stream in self._replaced:
            setattr(sys, self.name, stream)
        if self.terminal is None:
            os.close(self.number)  # as it was
        else:
            os.dup2(self.terminal, self.number)
            self.echo()
            os.close(self.terminal)
        if self._copies is not None:
            os.close(self._copies)
            self._copies = None  # somebody may have kept the stream, and the number is used again
        os.close(self.file)
        with suppress(OSError):  # a body may have removed it
            if not self.path.stat().st_size:
                self.path.unlink()


class _Tee:
    """A stream that is not on a descriptor: what is written goes to it and to the file."""

    def __init__(self, stream: IO[str], copy: Callable[[bytes], None]) -> None:
        self._stream = stream
        self._copy = copy

    def write(self, text: str) -> int:
        self._copy(text.encode("utf-8", "backslashreplace"))
        return self._stream.write(text)

    def writelines(self, lines: Iterable[str]) -> None:
        for line in lines:
            self.write(line)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def _is_on(stream: Any, number: int) -> bool:
    try:
        return hasattr(stream, "reconfigure") and stream.fileno() == number
    except (OSError, ValueError, AttributeError):
        return False


class Capture:
    """Output of this process, on until `stop`. One at a time in a process: use `start_capture`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.users = 0
        self.shared = False
        self._stop = threading.Event()
        self._lock = threading.RLock()  # a signal handler may print
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._out = _Stream(1, folder / "stdout", self._lock)
            self._err = _Stream(2, folder / "stderr", self._lock)
        except OSError as error:
            raise StoreError(
                f"what functions print cannot be kept in {folder} ({error.strerror}): check that it can be written, or "
                "set SEMATIC_OUTPUT_CAPTURE=off"
            ) from error
        self._drawn = 0
        self._thread = threading.Thread(target=self._echo_forever, name="sematic-output", daemon=True)

    def start(self) -> None:
        for stream in (self._out, self._err):
            with suppress(OSError, ValueError, AttributeError):
                getattr(sys, stream.name).flush()
            stream.take()
        self._thread.start()

    def mark(self) -> Mark:
        """Where the output stands now, with everything flushed that Python holds."""
        self._out.keep()
        self._err.keep()
        return Mark(self._out.size(), self._err.size())

    def since(self, start: Mark) -> str | None:
        """JSON that says where the output since `start` is; None when there was none."""
        end = self.mark()
        if end == start:
            return None
        where = {"folder": self.folder.name, "stdout": [start.out, end.out], "stderr": [start.err, end.err]}
        return json.dumps({**where, "shared": True} if self.shared else where)

    def show(self, text: str) -> None:
        """Write a line of our own to where stderr would have gone, after all output so far."""
        self.draw(text, [])

    def draw(self, text: str, lines: list[str]) -> None:
        """The same, with `lines` below it that stay only until there is more to show."""
        with self._lock:
            self._echo()
            self._erase()
            self._drawn = len(lines)
            self._err.write((text + "".join(f"{line}\n" for line in lines)).encode("utf-8", "replace"))

    def _echo(self) -> None:
        for stream in (self._out, self._err):
            if stream.pending():
                self._erase()
                stream.echo()

    def _erase(self) -> None:
        if self._drawn:
            self._err.write(f"\x1b[{self._drawn}A\r\x1b[J".encode())
            self._drawn = 0

    def terminal(self) -> int | None:
        """The descriptor where stderr would have gone."""
        return self._err.terminal

    def out_terminal(self) -> int | None:
        """The descriptor where stdout would have gone."""
        return self._out.terminal

    def stop(self) -> None:
        self._stop.set()
        self._thread.join()
        with self._lock:
            self._out.give_back()
            self._err.give_back()
        with suppress(OSError):
            self.folder.rmdir()  # nothing was printed

    def _echo_forever(self) -> None:
        while not self._stop.wait(ECHO_SECONDS):
            with self._lock:
                self._echo()


_current: Capture | None = None
_current_lock = threading.Lock()


def start_capture(folder: Path) -> Capture:
    """The capture of this process: a new one into `folder`, or the one that is on (then its output is shared)."""
    global _current
    with _current_lock:
        if _current is None:
            _current = Capture(folder)
            _current.start()
        else:
            _current.shared = True
        _current.users += 1
        return _current


def stop_capture(capture: Capture) -> None:
    """One user less; the last one gives the streams back."""
    global _current
    with _current_lock:
        capture.users -= 1
        if capture.users == 0:
            _current = None
            capture.stop()


def _forget_in_child() -> None:
    global _current, _current_lock
    _current = None
    _current_lock = threading.Lock()


os.register_at_fork(after_in_child=_forget_in_child)


def read_output(logs: Path, log: str | None) -> tuple[bytes, bytes]:
    """The stdout and stderr that a `log` entry names; empty where there was none or it was removed."""
    if log is None:
        return b"", b""
    where = json.loads(log)
    if not _FOLDER.fullmatch(where["folder"]):  # on a team's server others write it: it leads nowhere but here
        return b"", b""
    return tuple(_range(logs / where["folder"] / name, *where[name]) for name in ("stdout", "stderr"))  # type: ignore[return-value]


def _range(path: Path, start: int, end: int) -> bytes:
    try:
        with path.open("rb") as file:
            file.seek(start)
            return file.read(end - start)
    except FileNotFoundError:
        return b""
