"""Hashing, compressing and writing beside the thread that reads, in order, with a bounded number of chunks in memory.

The caller's thread does what is Python: opening files, making headers. The lanes get pieces of about a chunk, or large
files, for which zlib, hashlib and file I/O let go of the interpreter; a second thread that worked on small files would
take it away from the first one at every system call. The output does not depend on how many threads there are.
"""

from __future__ import annotations

import hashlib
import os
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, TypeVar

from image_tools.layer import gzip_members
from image_tools.layer.crc import Crc
from image_tools.layer.disk import Source
from image_tools.layer.gzip_members import CHUNK
from image_tools.layer.sink import Sink

_COMPRESSORS = min(4, max(2, os.cpu_count() or 2))
_HELD = 40 * CHUNK  # So much at most waits to be hashed, compressed and written; what waits for two is counted twice.
_WRITTEN_AT_ONCE = 1 << 18

_Result = TypeVar("_Result")


class Pipeline:
    """Takes the tar, and the members that stand for it, each in its order."""

    def __init__(self, sink: Sink) -> None:
        self._sink = sink
        self._tar = hashlib.sha256()
        self.tar_size = 0
        self._hasher, self._summer, self._writer = (ThreadPoolExecutor(1) for _ in range(3))
        self._compressors = ThreadPoolExecutor(_COMPRESSORS)
        self._pending: deque[tuple[Future[Any], int]] = deque()
        self._held = 0  # Bytes that what is pending keeps in memory.
        self._parts: list[bytes] = []  # Members too small to be written one by one.
        self._parts_size = 0

    def hash(self, tar: Sequence[bytes | memoryview]) -> Future[None]:
        """The next bytes of the tar."""
        size = sum(map(len, tar))
        self.tar_size += size
        return self._later(size, self._hasher, _update, self._tar, tar)

    def hash_file(self, source: Source) -> Future[int]:
        """The next bytes of the tar are a file; gives its CRC-32."""
        self.tar_size += source.size
        return self._later(0, self._hasher, _update_and_sum, self._tar, source, self._summer)

    def hash_chunk(self, source: Source, offset: int) -> Future[bytes]:
        """The next bytes of the tar are a chunk of a file; gives them."""
        length = min(CHUNK, source.size - offset)
        self.tar_size += length
        return self._later(length, self._hasher, _update_and_keep, self._tar, source, length, offset)

    def emit(self, member: bytes) -> None:
        """The next bytes of the blob."""
        self._parts.append(member)
        self._parts_size += len(member)
        if self._parts_size >= _WRITTEN_AT_ONCE:
            self._write()

    def compress(self, read: Callable[[], bytes | memoryview]) -> Future[bytes]:
        """The next bytes of the blob are a member of what `read` gives."""
        self._write()
        made = self._later(CHUNK, self._compressors, lambda: gzip_members.content(read()))
        self._later(0, self._writer, lambda: self._sink.write(made.result()))
        return made

    def emit_later(self, members: Iterable[bytes]) -> None:
        """The next bytes of the blob are made when everything before them was written."""
        self.when_written(self._write_all, members)

    def emit_guess(self, guess: Iterable[bytes], right: Callable[[], bool], otherwise: Iterable[bytes]) -> None:
        """The same, where what is right turns out later than it can be written."""
        self.when_written(self._write_guess, guess, right, otherwise)

    def when_written(self, work: Callable[..., _Result], *arguments: Any) -> Future[_Result]:
        """Does something when everything so far was written."""
        self._write()
        return self._later(0, self._writer, work, *arguments)

    def drain(self) -> None:
        """Returns when everything was hashed and written; raises what went wrong."""
        self._write()
        while self._pending:
            self._await_oldest()

    def close(self) -> None:
        """Stops the threads, also after an error."""
        for future, _ in self._pending:
            future.cancel()
        for lane in (self._compressors, self._hasher, self._summer, self._writer):
            lane.shutdown()

    @property
    def diff_id(self) -> str:
        """Digest of the uncompressed tar so far; `drain` first."""
        return "sha256:" + self._tar.hexdigest()

    def _write(self) -> None:
        if self._parts:
            self._later(self._parts_size, self._writer, self._sink.write, b"".join(self._parts))
            self._parts, self._parts_size = [], 0

    def _write_all(self, members: Iterable[bytes]) -> None:
        for member in members:
            self._sink.write(member)

    def _write_guess(self, guess: Iterable[bytes], right: Callable[[], bool], otherwise: Iterable[bytes]) -> None:
        place = self._sink.place()
        self._write_all(guess)
        if not right():
            self._sink.back(place)
            self._write_all(otherwise)

    def _later(self, held: int, lane: ThreadPoolExecutor, work: Callable[..., Any], *arguments: Any) -> Future[Any]:
        future = lane.submit(work, *arguments)
        self._pending.append((future, held))
        self._held += held
        while self._pending and (self._held > _HELD or self._pending[0][0].done()):
            self._await_oldest()
        return future

    def _await_oldest(self) -> None:
        future, held = self._pending.popleft()
        future.result()
        self._held -= held


def _update(tar: Any, parts: Sequence[bytes | memoryview]) -> None:
    # One call for many small parts: each call gives the interpreter up and has to win it back.
    tar.update(parts[0] if len(parts) == 1 else b"".join(parts))


def _update_and_keep(tar: Any, source: Source, length: int, offset: int) -> bytes:
    data = source.read(length, offset)
    tar.update(data)
    return data


def _update_and_sum(tar: Any, source: Source, lane: ThreadPoolExecutor) -> int:
    """The CRC-32 comes from a lane of its own, which reads the file again: handing over each piece would cost more."""
    crc = Crc()
    summed = lane.submit(_each, source, crc.add)
    _each(source, tar.update)
    summed.result()
    return crc.value


def _each(source: Source, take: Callable[[memoryview], object]) -> None:
    buffer = memoryview(bytearray(CHUNK))
    for offset in range(0, source.size, CHUNK):
        take(source.fill(buffer, offset))
