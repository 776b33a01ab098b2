"""The tar of small files, headers and padding, in buffers of a chunk that are used again."""

from __future__ import annotations

from concurrent.futures import Future
from typing import Any

from image_tools.layer.gzip_members import CHUNK
from image_tools.layer.pipeline import Pipeline

_BUFFERS = 24  # What is read while a large file is hashed.


class Tape:
    """Hands every full buffer to the pipeline; while `compress` is set, each is a member of the blob as it is."""

    def __init__(self, pipeline: Pipeline) -> None:
        self._pipeline = pipeline
        self.compress = self.has_compressed = False
        self._buffers = [memoryview(bytearray(CHUNK))]
        self._users: list[list[Future[Any]]] = [[]]
        self._current = self._used = 0

    def put(self, data: bytes) -> None:
        """Appends."""
        end = self._used + len(data)
        if end < CHUNK:
            self._buffers[self._current][self._used : end] = data
            self._used = end
        else:
            self._put_across(memoryview(data))

    def room(self, before: int) -> memoryview:
        """What is left of the buffer behind the next `before` bytes, to read a file into."""
        return self._buffers[self._current][self._used + before :]

    def take(self, head: bytes, size: int) -> None:
        """Appends `head` and so many of the bytes that were read into the room behind it."""
        end = self._used + len(head)
        self._buffers[self._current][self._used : end] = head
        self._used = end + size

    def flush(self) -> None:
        """Hands over what there is."""
        if self._used:
            view = self._buffers[self._current][: self._used]
            users = self._users[self._current]
            users.append(self._pipeline.hash([view]))
            if self.compress:
                users.append(self._pipeline.compress(lambda: view))
                self.has_compressed = True
            self._next()

    def _put_across(self, data: memoryview) -> None:
        while data:
            length = min(CHUNK - self._used, len(data))
            self._buffers[self._current][self._used : self._used + length] = data[:length]
            data = data[length:]
            self._used += length
            if self._used == CHUNK:
                self.flush()

    def _next(self) -> None:
        """The next buffer, as soon as nobody reads it any more."""
        if len(self._buffers) < _BUFFERS:  # Small layers need few.
            self._buffers.append(memoryview(bytearray(CHUNK)))
            self._users.append([])
            self._current = len(self._buffers) - 1
        else:
            self._current = (self._current + 1) % _BUFFERS
        self._used = 0
        for user in self._users[self._current]:
            user.result()
        self._users[self._current].clear()
