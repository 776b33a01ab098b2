"""Blobs that arrive in pieces. What has come is kept, so that whoever was cut off goes on where it stopped.

A part-file belongs to one token: nobody can add to, or spoil, what another uploads.
"""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO, NamedTuple, Protocol

from sematic.errors import ArtifactError, StoreError
from sematic.server.problems import Refused
from sematic.storage.local import INLINE_LIMIT
from sematic.types.artifact import Store

LARGEST = 1 << 40
"""Bytes of one blob."""

_KEPT_SECONDS = 86400.0
_READ = 1 << 20


class BlobStore(Store, Protocol):
    """The store that a server has."""

    def exists(self, digest: str, size: int) -> bool:
        """Whether the bytes are there."""


class Progress(NamedTuple):
    """How far an upload is: `stored` says that nothing is missing and the digest is right."""

    received: int
    stored: bool


class Uploads:
    """Part-files in `folder`, on their way into `store`."""

    def __init__(self, folder: Path, store: BlobStore) -> None:
        self._folder = folder
        self._store = store

    def progress(self, token: str, digest: str, size: int) -> Progress:
        """How much of a blob is here."""
        if self._store.exists(digest, size):
            return Progress(size, True)
        with suppress(FileNotFoundError):
            return Progress(self._path(token, digest).stat().st_size, False)
        return Progress(0, False)

    def add(self, token: str, digest: str, size: int, offset: int, piece: bytes) -> Progress:
        """Take a piece in. One that does not begin where the last one ended changes nothing: the answer says where to
        go on. Raises ArtifactError when the whole has another digest."""
        if not INLINE_LIMIT < size <= LARGEST:
            raise Refused(400, "Malformed", f"a blob has more than {INLINE_LIMIT} and at most {LARGEST} bytes")
        if not 0 <= offset <= offset + len(piece) <= size:
            raise Refused(400, "Malformed", f"{len(piece)} bytes from {offset} are not within a blob of {size}")
        if self._store.exists(digest, size):
            return Progress(size, True)
        with self._part(token, digest) as part:
            received = os.fstat(part.fileno()).st_size
            if received == offset:
                _append(part, piece)
                received += len(piece)
            if received < size:
                return Progress(received, False)
            self._finish(part, token, digest)
        return Progress(size, True)

    def _finish(self, part: BinaryIO, token: str, digest: str) -> None:
        part.seek(0)
        found = self._store.write(iter(lambda: part.read(_READ), b"")).digest
        self._path(token, digest).unlink(missing_ok=True)
        if found != digest:
            raise ArtifactError(f"the bytes that came have the digest {found}, not {digest}: it is not kept")

    @contextmanager
    def _part(self, token: str, digest: str) -> Iterator[BinaryIO]:
        path = self._path(token, digest)
        try:
            self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            if not path.exists():
                self._sweep()
            with open(path, "a+b", buffering=0) as part:
                fcntl.flock(part, fcntl.LOCK_EX)
                yield part
        except OSError as error:
            raise StoreError(f"a piece of blob {digest} cannot be kept on the server: {error.strerror}") from error

    def _path(self, token: str, digest: str) -> Path:
        return self._folder / f"{token}-{digest}"

    def _sweep(self) -> None:
        """Forget what nobody goes on with."""
        oldest = time.time() - _KEPT_SECONDS
        for path in self._folder.iterdir():
            with suppress(FileNotFoundError):
                if path.stat().st_mtime < oldest:
                    path.unlink()


def _append(part: BinaryIO, piece: bytes) -> None:
    """All of it or nothing: a disk that is full leaves no half piece."""
    before = os.fstat(part.fileno()).st_size
    view = memoryview(piece)
    try:
        while view:
            view = view[part.write(view) :]
    except OSError:
        os.ftruncate(part.fileno(), before)
        raise
