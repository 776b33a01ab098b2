"""Files on disk: opened, measured, walked, and refused with a sentence."""

from __future__ import annotations

import errno
import os
import posixpath
import stat
from collections.abc import Iterable, Iterator
from contextlib import suppress

from image_tools.layer.entries import Entry, checked
from image_tools.layer.errors import ChangedWhileRead, LayerError

_TO_READ = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK  # A pipe must not make us wait.
_STEPS = 40  # The kernel's own limit for links on one path.


class Source:
    """An open regular file of a known size."""

    def __init__(self, path: str, file: int | None = None) -> None:
        self.path = path
        self._file = open_file(path) if file is None else file
        self._before = self._status()
        self.size = self._before.st_size

    def read(self, length: int, offset: int) -> bytes:
        """Exactly these bytes; a file that is shorter by now is an error."""
        data = os.pread(self._file, length, offset)
        while len(data) < length and (more := os.pread(self._file, length - len(data), offset + len(data))):
            data += more
        if len(data) != length:
            raise ChangedWhileRead(self.path)
        return data

    def chunks(self, length: int) -> Iterator[bytes]:
        """The whole file."""
        for offset in range(0, self.size, length):
            yield self.read(min(length, self.size - offset), offset)

    def fill(self, buffer: memoryview, offset: int) -> memoryview:
        """The bytes from there on, as many as fit into the buffer."""
        view, done = buffer[: self.size - offset], 0
        while done < len(view) and (more := os.preadv(self._file, [view[done:]], offset + done)):
            done += more
        if done < len(view):
            raise ChangedWhileRead(self.path)
        return view

    def close(self, *, check: bool = True) -> None:
        """Also notices whether the file grew, or was written to, since it was opened."""
        after = os.fstat(self._file) if check else self._before
        os.close(self._file)
        if (after.st_size, after.st_mtime_ns) != (self.size, self._before.st_mtime_ns):
            raise ChangedWhileRead(self.path)

    def _status(self) -> os.stat_result:
        status = os.fstat(self._file)
        if stat.S_ISREG(status.st_mode):
            return status
        os.close(self._file)
        what = "a folder: list its files, or give it as a tree" if stat.S_ISDIR(status.st_mode) else "no regular file"
        raise LayerError(f"{self.path} is {what}.")


def open_file(path: str) -> int:
    """A descriptor to read from."""
    try:
        return os.open(path, _TO_READ)
    except OSError as error:
        raise LayerError(_why_not(path, error)) from None


def read_whole(file: int, room: memoryview, expected: int) -> int:
    """Reads a file that ends within `room` and gives its size; 0 when it is empty, larger, or no regular file.

    Several system calls less than a Source, which says what is the matter with the others. One of the expected size is
    not asked whether there is more, which its CRC-32 would show.
    """
    try:
        size = os.preadv(file, [room], 0)
        return size if size < len(room) and (size == expected or not os.pread(file, 1, size)) else 0
    except OSError:  # A folder cannot be read, a pipe not at a place.
        return 0


def _why_not(path: str, error: OSError) -> str:
    if error.errno == errno.ELOOP:
        return f"{path} is a symlink loop."
    if error.errno == errno.ENOENT and os.path.islink(path):
        return f"{path} is a symlink to {os.readlink(path)!r}, which does not exist."
    return f"{path} cannot be read: {error.strerror}."


def sizes(paths: Iterable[str]) -> dict[str, int]:
    """Of those files that there are."""
    found = {}
    for path in paths:
        with suppress(OSError):  # Whoever opens it says why it cannot be read.
            found[path] = os.stat(path).st_size
    return found


def resolve(entries: Iterable[Entry]) -> Iterator[Entry]:
    """The entries with what only the disk knows: a link's target, the files of a tree."""
    for entry in entries:
        if entry.kind == "link":
            yield entry._replace(kind="symlink", source=_target(entry.source))
        elif entry.kind == "tree":
            folder = _beneath_staging(entry.source)
            yield from _walk(entry.path, folder, entry.mode, folder)
        elif entry.kind == "data":
            _beneath_staging(entry.source)
            yield entry._replace(kind="file")
        else:
            yield entry


def _target(path: str) -> str:
    try:
        return os.readlink(path)
    except OSError as error:
        raise LayerError(f"{path} is no symlink: {error.strerror}.") from None


def _beneath_staging(path: str) -> str:
    """Where Bazel's own links lead from `path`.

    Bazel lays out an action's inputs as absolute links that end with the input's own path; any other absolute link
    was in the user's sources.
    """
    at = path
    for _ in range(_STEPS):
        if not os.path.islink(at):
            return at
        target = os.readlink(at)
        if not target.startswith("/"):
            at = posixpath.join(posixpath.dirname(at), target)
        elif target.endswith("/" + path.removeprefix("/")):
            at = target
        else:
            raise LayerError(
                f"{path} is an absolute symlink to {target!r}: nothing is there in an image; make it relative."
            )
    raise LayerError(f"{path} is a symlink loop.")


def _walk(path: str, folder: str, mode: int | None, root: str) -> Iterator[Entry]:
    """A folder that an action made, as Bazel's caches keep one: links are what they lead to, empty folders are not."""
    try:
        found = sorted(os.scandir(folder), key=lambda item: item.name)
    except OSError as error:
        raise LayerError(_why_not(folder, error)) from None
    for item in found:
        inside = checked(f"{path}/{item.name}")
        if item.is_symlink():
            _check_link(inside, item.path, root)
        if os.path.isdir(item.path):
            yield from _walk(inside, item.path, mode, root)
        else:
            yield Entry(inside, item.path, "file", mode)


def _check_link(path: str, link: str, root: str) -> None:
    """A link of a tree stays in it, and leads to no folder that it is in."""
    target = os.readlink(link)
    if target.startswith("/"):
        raise LayerError(f"{path!r} is an absolute symlink to {target!r}: it would leave the image; make it relative.")
    real = os.path.realpath(link)
    if os.path.isdir(real) and f"{os.path.realpath(posixpath.dirname(link))}/".startswith(real + "/"):
        raise LayerError(f"{path!r} is a symlink loop: {target!r} is the folder that it is in, or one above.")
    if not real.startswith(os.path.realpath(root) + "/"):
        raise LayerError(f"{path!r} is a symlink to {target!r}, which is outside its folder.")
