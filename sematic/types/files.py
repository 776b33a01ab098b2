"""File and Directory: values that are on a disk, with their names and modes."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from sematic.types import scratch
from sematic.types.trees import Node, file_node, walk, write, write_file


class File:
    """A file as a value: its name, its permissions and its bytes.

    The file at `path` is read when this is passed to a function or returned from one. A function that is given one
    has a copy of its own: at `path`, or wherever a path is taken (``open(file)``). It may be changed or returned;
    when the function ended, it is gone.

    Raises ValueError unless `path` is a file.
    """

    __slots__ = ("_kept", "_path", "name")

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self._path: Path | None = Path(os.path.abspath(path))
        self._kept: Node | None = None
        self.name = self._path.name
        if not self._path.is_file():
            raise ValueError(f"{self._path} is not there, or is no file")

    @classmethod
    def _of(cls, node: Node) -> File:
        """One that is not on the disk before somebody asks for its path."""
        self = cls.__new__(cls)
        self._path, self._kept, self.name = None, node, node.path
        return self

    @property
    def path(self) -> Path:
        """Where it is."""
        if self._path is None:
            path = scratch.new() / self.name
            write_file(self._node(), path)
            self._path = path
        return self._path

    @property
    def size(self) -> int:
        """Its number of bytes."""
        return self._node().size

    def read_bytes(self) -> bytes:
        """All of it."""
        content = self._node().content
        assert content is not None
        return b"".join(content())

    def __fspath__(self) -> str:
        return os.fspath(self.path)

    def __repr__(self) -> str:
        return f"File({self.name!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, File) and _same([self._node()], [other._node()])

    __hash__ = None  # type: ignore[assignment]  # it may be changed

    def _node(self) -> Node:
        if self._path is not None:
            return file_node(self._path, self.name)
        assert self._kept is not None
        return self._kept


class Directory:
    """A folder as a value, with all that is in it: files, folders and links among them, their names and permissions.

    It is read, and given to functions, as a File is: at `path`, or wherever a path is taken. Raises ValueError unless
    `path` is a folder.
    """

    __slots__ = ("_kept", "_path", "name")

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self._path: Path | None = Path(os.path.abspath(path))
        self._kept: tuple[int, list[Node]] | None = None
        self.name = self._path.name
        if not self._path.is_dir():
            raise ValueError(f"{self._path} is not there, or is no folder")

    @classmethod
    def _of(cls, name: str, mode: int, nodes: list[Node]) -> Directory:
        """One that is not on the disk before somebody asks for its path."""
        self = cls.__new__(cls)
        self._path, self._kept, self.name = None, (mode, nodes), name
        return self

    @property
    def path(self) -> Path:
        """Where it is."""
        if self._path is None:
            assert self._kept is not None
            path = scratch.new() / (self.name or "root")
            write(self._kept[1], path, self._kept[0])
            self._path = path
        return self._path

    def __fspath__(self) -> str:
        return os.fspath(self.path)

    def __truediv__(self, name: str | os.PathLike[str]) -> Path:
        return self.path / name

    def __repr__(self) -> str:
        return f"Directory({self.name!r})"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Directory) or self._mode() != other._mode():
            return False
        return _same(list(self._nodes()), list(other._nodes()))

    __hash__ = None  # type: ignore[assignment]  # it may be changed

    def _mode(self) -> int:
        if self._path is not None:
            return self._path.stat().st_mode & 0o777
        assert self._kept is not None
        return self._kept[0]

    def _nodes(self) -> Iterable[Node]:
        if self._path is not None:
            return walk(self._path)
        assert self._kept is not None
        return self._kept[1]


def _same(left: list[Node], right: list[Node]) -> bool:
    """Whether two folders hold the same, read side by side."""
    facts = [[node._replace(content=None) for node in nodes] for nodes in (left, right)]
    return facts[0] == facts[1] and all(map(_same_content, left, right))


def _same_content(left: Node, right: Node) -> bool:
    if left.content is None or right.content is None:
        return left.content is right.content
    return all(one == other for one, other in zip(left.content(), right.content(), strict=True))
