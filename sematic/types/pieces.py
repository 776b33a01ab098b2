"""One value as several arrays and texts: pieces, each aligned for a memory map, then JSON that says what they are.

The description comes last, so that lengths which are known only when something was written can be in it, and all is
written in one pass.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from sematic.types import npy
from sematic.types.base import Buffer, Json
from sematic.types.jsontext import dumps, loads

_MAGIC = b"pieces 1"
_ALIGNMENT = 64
_WIDTH = 8


class Writer:
    """Collects pieces; each is read only when its turn comes."""

    def __init__(self) -> None:
        self._pieces: list[Iterable[Buffer]] = []

    def array(self, array: Any) -> int:
        """Add a numpy array; its number."""
        return self.piece(npy.write(array))

    def piece(self, chunks: Iterable[Buffer]) -> int:
        """Add bytes; their number."""
        self._pieces.append(chunks)
        return len(self._pieces) - 1

    def chunks(self, description: Json) -> Iterator[Buffer]:
        """All bytes, in order. `description` is read last: what pieces put in it while they are written is kept."""
        sizes: list[int] = []
        for piece in self._pieces:
            size = 0
            for chunk in piece:
                size += memoryview(chunk).nbytes
                yield chunk
            sizes.append(size)
            yield bytes(_padding(size))
        text = dumps([description, sizes]).encode("ascii")
        yield b"".join([text, len(text).to_bytes(_WIDTH, "little"), _MAGIC])


class Reader:
    """Gives the description, and the pieces by their numbers. Raises ValueError for what is none of ours."""

    def __init__(self, buffer: Buffer) -> None:
        view = memoryview(buffer)
        tail = len(view) - _WIDTH - len(_MAGIC)
        if tail < 0 or view[tail + _WIDTH :] != _MAGIC:
            raise ValueError("it is truncated, or of another format")
        start = tail - int.from_bytes(view[tail : tail + _WIDTH], "little")
        if start < 0:
            raise ValueError("its description is truncated")
        self.description, sizes = loads(bytes(view[start:tail]).decode("ascii"))
        self._views = list(_cut(view[:start], sizes))

    def array(self, number: int) -> Any:
        """A numpy array: over the buffer itself where that is writable, else a copy."""
        return npy.read(self.bytes(number))

    def bytes(self, number: int) -> memoryview:
        """A piece as it is."""
        if type(number) is not int or not 0 <= number < len(self._views):
            raise ValueError(f"it has no piece {number}")
        return self._views[number]


def _cut(view: memoryview, sizes: list[int]) -> Iterator[memoryview]:
    start = 0
    for size in sizes:
        if type(size) is not int or size < 0:
            raise ValueError(f"a piece of {size} bytes")
        yield view[start : start + size]
        start += size + _padding(size)
    if start != len(view):
        raise ValueError(f"{len(view)} bytes where {start} were expected")


def _padding(size: int) -> int:
    return -size % _ALIGNMENT
