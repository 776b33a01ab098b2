"""Reading, compressing, hashing and writing side by side, in order, with a bounded number of chunks in memory.

The thread of the caller reads files and makes headers, which is all the Python there is. zlib, hashlib and file I/O
let go of the interpreter, so that they run beside it: one lane hashes the tar, a pool compresses, one lane writes.
The output does not depend on how many threads there are: members are cut by the input alone.
"""

import hashlib
import os
import zlib
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from image_tools.layer import gzip_members
from image_tools.layer.sink import Sink

# A part of the output: bytes as they are, or what makes them when everything before them was written.
Part = bytes | Callable[[], Iterable[bytes]]

_COMPRESSORS = min(4, max(2, os.cpu_count() or 2))
_IN_FLIGHT = 6  # Batches of a chunk each.


class Pipeline:
    """Takes batches of tar bytes together with the jobs that make their members."""

    def __init__(self, sink: Sink) -> None:
        self._sink = sink
        self._tar = hashlib.sha256()
        self.tar_size = 0
        self._hasher, self._summer = ThreadPoolExecutor(1), ThreadPoolExecutor(1)
        self._compressors = ThreadPoolExecutor(_COMPRESSORS)
        self._writer = ThreadPoolExecutor(1)
        self._pending: deque[tuple[Future[Any], ...]] = deque()

    def put(self, tar: list[bytes], make: Callable[[], list[Part]], crc: "Crc | None" = None) -> None:
        """Hashes `tar`, runs `make` on a compressor, and writes what it returns after everything before it.

        `crc` takes the bytes too, where they are a part of a longer file.
        """
        self.tar_size += sum(map(len, tar))
        made = self._compressors.submit(make)
        hashed = self._hasher.submit(_update, self._tar, tar)
        summed = (crc.follow(self._summer, tar),) if crc else ()
        self._pending.append((hashed, *summed, self._writer.submit(self._write, made)))
        while len(self._pending) > _IN_FLIGHT:
            self._settle()

    def drain(self) -> None:
        """Returns when everything was hashed and written; raises what went wrong."""
        while self._pending:
            self._settle()

    def close(self) -> None:
        """Stops the threads, also after an error."""
        for lane in (self._compressors, self._hasher, self._summer, self._writer):
            lane.shutdown(cancel_futures=True)

    @property
    def diff_id(self) -> str:
        """Digest of the uncompressed tar so far; `drain` first."""
        return "sha256:" + self._tar.hexdigest()

    def _settle(self) -> None:
        for future in self._pending.popleft():
            future.result()

    def _write(self, made: "Future[list[Part]]") -> None:
        waiting, length = [], 0
        for data in _flat(made.result()):
            waiting.append(data)
            length += len(data)
            if length > gzip_members.CHUNK:
                self._sink.write(b"".join(waiting))
                waiting, length = [], 0
        self._sink.write(b"".join(waiting))


class Crc:
    """The CRC-32 of a file that is longer than a chunk."""

    def __init__(self) -> None:
        self._value = 0
        self._last: Future[None] | None = None

    def add(self, chunks: list[bytes]) -> None:
        """Takes the next ones."""
        for chunk in chunks:
            self._value = zlib.crc32(chunk, self._value)

    def follow(self, lane: ThreadPoolExecutor, chunks: list[bytes]) -> "Future[None]":
        """Takes the next ones on a lane."""
        self._last = lane.submit(self.add, chunks)
        return self._last

    def result(self) -> int:
        """The sum of everything taken so far."""
        if self._last:
            self._last.result()
        return self._value


def _flat(parts: list[Part]) -> Iterator[bytes]:
    for part in parts:
        if isinstance(part, bytes):
            yield part
        else:
            yield from part()


def _update(tar: Any, parts: list[bytes]) -> None:
    # One call for a batch: each call gives the interpreter up and has to win it back.
    tar.update(parts[0] if len(parts) == 1 else b"".join(parts))
