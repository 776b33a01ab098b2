"""Content-addressed bytes in a local folder: `blobs/ab/cdef…`."""

from __future__ import annotations

import contextlib
import hashlib
import mmap
import os
import re
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

from sematic.errors import ArtifactError, StoreError
from sematic.types.artifact import Blob
from sematic.types.base import Buffer

INLINE_LIMIT = 65536
"""Up to this size bytes stay in their Blob, and so in the ledger."""

_PIECE = 1 << 20
_TEMPORARY = "tmp-"
_TEMPORARY_SECONDS = 86400.0
_DIGEST = re.compile(r"[0-9a-f]{64}")


class LocalStore:
    """A store in `folder`. `fsync`: wait until written bytes are on the disk."""

    def __init__(self, folder: str | os.PathLike[str], fsync: bool = False) -> None:
        self.blobs = Path(folder) / "blobs"
        self.fsync = fsync
        self._verified: set[str] = set()

    def write(self, chunks: Iterable[Buffer]) -> Blob:
        """Keep the bytes, in one pass. Raises StoreError when they cannot be written."""
        pieces = _pieces(chunks)
        head: list[memoryview] = []
        size = 0
        for piece in pieces:
            head.append(piece)
            size += piece.nbytes
            if size > INLINE_LIMIT:
                return self._write_file(_chain(head, pieces))
        return Blob(b"".join(head), size)

    def read(self, digest: str, size: int, artifact_id: str | None = None) -> Buffer:
        """The bytes as a private, writable memory map; verified once a process unless it wrote them itself.

        Raises ArtifactError when they are missing, truncated or corrupt.
        """
        path = self._path(digest)
        data = _map(path, digest, size)
        if digest not in self._verified:
            _verify(data, path, digest)
            self._verified.add(digest)
        return data

    def exists(self, digest: str, size: int) -> bool:
        """Whether the bytes are there, by name and size."""
        return _size(self._path(digest)) == size

    def collect(self, referenced: set[str], keep_seconds: float = 86400.0) -> tuple[int, int]:
        """Delete blobs that are not `referenced` and were not written again for `keep_seconds`, and what writers
        that died left behind; returns how many blobs and bytes."""
        now = time.time()
        _sweep(self.blobs.glob(f"{_TEMPORARY}*"), now - _TEMPORARY_SECONDS)
        return _sweep(self._unreferenced(referenced), now - keep_seconds)

    def _unreferenced(self, referenced: set[str]) -> Iterator[Path]:
        for path in self.blobs.glob("[0-9a-f][0-9a-f]/*"):
            if path.parent.name + path.name not in referenced:
                yield path

    def _path(self, digest: str) -> Path:
        if not _DIGEST.fullmatch(digest):
            raise ArtifactError(f"{digest!r} is not the digest of a blob: 64 hexadecimal digits were expected")
        return self.blobs / digest[:2] / digest[2:]

    def _write_file(self, pieces: Iterable[memoryview]) -> Blob:
        temporary = self.blobs / f"{_TEMPORARY}{os.getpid()}-{os.urandom(8).hex()}"
        try:
            self.blobs.mkdir(parents=True, exist_ok=True)
            digest, size = self._copy(pieces, temporary)
            self._keep(temporary, digest, size)
        except OSError as error:
            raise StoreError(
                f"bytes cannot be stored in {self.blobs} ({error.strerror}): free some space or check its "
                "permissions; nothing half written was kept"
            ) from error
        finally:
            with contextlib.suppress(OSError):
                temporary.unlink(missing_ok=True)
        return Blob(None, size, digest)

    def _copy(self, pieces: Iterable[memoryview], path: Path) -> tuple[str, int]:
        digest, size = hashlib.sha256(), 0
        with open(path, "xb", buffering=0) as file:
            for piece in pieces:
                digest.update(piece)
                size += piece.nbytes
                _write_all(file.fileno(), piece)
            if self.fsync:
                os.fsync(file.fileno())
        return digest.hexdigest(), size

    def _keep(self, temporary: Path, digest: str, size: int) -> None:
        """Give the bytes their name; those that are there already count as written now."""
        path = self._path(digest)
        if _size(path) == size:
            os.utime(path)
            return
        path.parent.mkdir(exist_ok=True)
        temporary.replace(path)
        self._verified.add(digest)
        if self.fsync:
            _sync_folder(path.parent)


def _pieces(chunks: Iterable[Buffer]) -> Iterator[memoryview]:
    """At most 1 MiB at a time, without copying."""
    for chunk in chunks:
        view = memoryview(chunk)
        if view.nbytes:
            view = view.cast("B")
            for start in range(0, len(view), _PIECE):
                yield view[start : start + _PIECE]


def _chain(head: list[memoryview], rest: Iterator[memoryview]) -> Iterator[memoryview]:
    yield from head
    yield from rest


def _write_all(file: int, piece: memoryview) -> None:
    while piece:
        piece = piece[os.write(file, piece) :]


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _size(path: Path) -> int | None:
    try:
        return path.stat().st_size
    except OSError:
        return None


def _map(path: Path, digest: str, size: int) -> memoryview:
    try:
        with open(path, "rb") as file:
            found = os.fstat(file.fileno()).st_size
            if found != size:
                raise ArtifactError(
                    f"blob {digest} is truncated: {path} has {found} bytes where {size} were written. "
                    "Delete it and run again what made it"
                )
            return memoryview(mmap.mmap(file.fileno(), size, access=mmap.ACCESS_COPY) if size else bytearray())
    except FileNotFoundError as error:
        raise ArtifactError(
            f"blob {digest} is missing: there is no {path}. Restore it from a backup, or run again what made it"
        ) from error
    except OSError as error:
        raise ArtifactError(f"blob {digest} cannot be read: {path}: {error.strerror}. Check the disk") from error


def _verify(data: memoryview, path: Path, digest: str) -> None:
    found = hashlib.sha256()
    for piece in _pieces([data]):
        found.update(piece)
    if found.hexdigest() != digest:
        raise ArtifactError(
            f"blob {digest} is corrupt: the bytes of {path} have the digest {found.hexdigest()}. "
            "Delete it and run again what made it"
        )


def _sweep(paths: Iterable[Path], oldest: float) -> tuple[int, int]:
    """Delete files last written before `oldest`; how many and their bytes."""
    count = size = 0
    for path in paths:
        with contextlib.suppress(OSError):
            status = path.stat()
            if status.st_mtime <= oldest:
                path.unlink()
                count += 1
                size += status.st_size
    return count, size
