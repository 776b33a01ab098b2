"""What is in a folder: read from a disk or an artifact, written to a disk. Contents are streamed."""

from __future__ import annotations

import mmap
import os
import stat
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import NamedTuple, TypeAlias

from sematic.errors import EncodingError
from sematic.types.base import Buffer

PERMISSIONS = 0o777
_PIECE = 1 << 18
"""Larger ones take longer: their memory comes from the system, and is cleared, each time."""

Content: TypeAlias = Callable[[], Iterable[Buffer]]
"""Gives the bytes of a file in pieces, each time it is called."""


class Node(NamedTuple):
    """A file (it has a content), a link (it has a target) or a folder, under its path from the root, with slashes."""

    path: str
    mode: int
    size: int = 0
    content: Content | None = None
    target: str = ""


def file_node(path: Path, name: str) -> Node:
    """The file at `path`, which may be a link to one. Raises EncodingError for anything else."""
    try:
        return _file(os.fspath(path), name, os.stat(path))
    except OSError as error:
        raise _unreadable(path, error) from error


def walk(root: Path) -> Iterator[Node]:
    """All below the folder `root`, each folder before what is in it. Raises EncodingError for sockets and the like,
    and for links that lead out of it."""
    stack = [""]
    while stack:
        inside = stack.pop()
        for node in _listed(root, inside):
            yield node
            if node.content is None and not node.target:
                stack.append(node.path)


def _listed(root: Path, inside: str) -> list[Node]:
    folder = os.path.join(root, inside) if inside else os.fspath(root)
    try:
        names = sorted(os.listdir(folder))
        return [_node(os.path.join(folder, name), f"{inside}/{name}" if inside else name) for name in names]
    except OSError as error:
        raise _unreadable(folder, error) from error


def _node(found: str, path: str) -> Node:
    status = os.lstat(found)
    if stat.S_ISDIR(status.st_mode):
        return Node(path, status.st_mode & PERMISSIONS)
    if stat.S_ISLNK(status.st_mode):
        target = os.readlink(found)
        if not stays_inside(path, target):
            raise EncodingError(
                f"{found} is a link to {target}, which leads out of the directory: copy there what it leads to"
            )
        return Node(path, 0, target=target)
    return _file(found, path, status)


def _file(found: str, path: str, status: os.stat_result) -> Node:
    if not stat.S_ISREG(status.st_mode):
        raise EncodingError(f"{found} is neither a file nor a folder nor a link, and cannot be stored: remove it")
    return Node(path, status.st_mode & PERMISSIONS, status.st_size, lambda: _pieces(found, status))


def _pieces(path: str, before: os.stat_result) -> Iterator[Buffer]:
    """The bytes of a file, which must be the one that was seen before, and stay so."""
    try:
        with open(path, "rb", buffering=0) as file:
            while piece := file.read(_PIECE):
                yield piece
            after = os.fstat(file.fileno())
    except OSError as error:
        raise _unreadable(path, error) from error
    if _identity(before) != _identity(after):
        raise EncodingError(f"{path} was changed while it was being stored: return it when it is complete")


def _identity(status: os.stat_result) -> tuple[int, ...]:
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns


def _unreadable(path: str | Path, error: OSError) -> EncodingError:
    return EncodingError(f"{error.filename or path} cannot be stored: {error.strerror}")


def stays_inside(path: str, target: str) -> bool:
    """Whether a link leads to a place below the root, whatever other links there are: up first, and not too far up;
    then down."""
    steps = target.split("/")
    up = next((at for at, step in enumerate(steps) if step != ".."), len(steps))
    return bool(target) and steps[0] != "" and up <= path.count("/") and ".." not in steps[up:] and "\0" not in target


def check(nodes: Iterable[Node]) -> None:
    """Raises ValueError unless the nodes are what `walk` may have found: nothing else is ever written to a disk."""
    folders = {""}
    seen = {""}
    for node in nodes:
        parent, _, name = node.path.rpartition("/")
        if node.path in seen or parent not in folders or name in ("", ".", "..") or "\0" in name:
            raise ValueError(f"{node.path!r} is no path below a folder")
        if node.target and not stays_inside(node.path, node.target):
            raise ValueError(f"the link {node.path!r} leads out of the directory")
        if node.mode & ~PERMISSIONS:
            raise ValueError(f"{node.path!r} has the mode {node.mode:o}")
        seen.add(node.path)
        if node.content is None and not node.target:
            folders.add(node.path)


def write(nodes: list[Node], root: Path, mode: int) -> None:
    """Make the folder `root` and all below it: links when all else is there, so that nothing is written through one;
    the modes of folders last, since some may not be written."""
    root.mkdir()
    folders = [node for node in nodes if node.content is None and not node.target]
    for folder in folders:
        (root / folder.path).mkdir()
    for node in nodes:
        if node.content is not None:
            write_file(node, root / node.path)
    for node in nodes:
        if node.target:
            os.symlink(node.target, root / node.path)
    for folder in reversed(folders):
        (root / folder.path).chmod(folder.mode)
    root.chmod(mode)


def write_file(node: Node, path: Path) -> None:
    """Make the file `path`."""
    assert node.content is not None
    with open(path, "xb", buffering=0) as file:
        for piece in node.content():
            view = memoryview(piece)
            while view:
                view = view[file.write(view) :]
    path.chmod(node.mode)


def of_buffer(buffer: memoryview, start: int, size: int) -> Content:
    """A content that lies in a buffer; what was read of a memory map is not kept in memory."""
    return lambda: _slices(buffer, start, start + size)


def _slices(buffer: memoryview, start: int, end: int) -> Iterator[memoryview]:
    for at in range(start, end, _PIECE):
        yield buffer[at : min(at + _PIECE, end)]
        if isinstance(buffer.obj, mmap.mmap):
            page = at - at % mmap.PAGESIZE
            buffer.obj.madvise(mmap.MADV_DONTNEED, page, min(at + _PIECE, end) - page)
