"""The store of a server, with a local one before it: what is written or read once is on this machine, too.

So a large value is written and hashed in one pass, goes over the network once, and is mapped into memory when read.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from sematic.client.connection import Connection
from sematic.errors import ArtifactError, LedgerError, StoreError
from sematic.storage.local import INLINE_LIMIT, LocalStore
from sematic.types.artifact import Blob
from sematic.types.base import Buffer
from sematic.wire import PIECE

_BYTES = {"Content-Type": "application/octet-stream"}
_STANDSTILLS = 5


class RemoteStore:
    """A store on a team's server. `near` keeps what passes through."""

    def __init__(self, connection: Connection, near: LocalStore) -> None:
        self._connection = connection
        self._near = near

    def write(self, chunks: Iterable[Buffer]) -> Blob:
        """Keep the bytes, here and on the server; a few stay in the Blob. Raises StoreError."""
        blob = self._near.write(chunks)
        if blob.data is None:
            try:
                self._upload(blob, memoryview(self._near.read(blob.digest, blob.size)).cast("B"))
            except (LedgerError, ArtifactError) as error:
                raise StoreError(f"blob {blob.digest} cannot be brought to the server: {error}") from error
        return blob

    def read(self, digest: str, size: int, artifact_id: str | None = None) -> Buffer:
        """The bytes, verified. Raises ArtifactError when they are missing or corrupt."""
        if not self._near.exists(digest, size):
            self._download(digest, size)
        return self._near.read(digest, size)

    def exists(self, digest: str, size: int) -> bool:
        """Whether the bytes are on the server."""
        return bool(self._progress(digest, size)["stored"])

    def _upload(self, blob: Blob, data: memoryview) -> None:
        """Piece by piece from where the server is: it may have some of it from a process that was cut off."""
        progress, standstills = self._progress(blob.digest, blob.size), 0
        while not progress["stored"]:
            start = int(progress["received"])
            query = {"size": blob.size, "offset": start}
            piece = data[start : start + PIECE]
            path = f"/uploads/{blob.digest}"
            progress = self._connection.ask("PUT", path, query=query, body=piece, headers=_BYTES).json()
            standstills = standstills + 1 if int(progress["received"]) <= start else 0
            if standstills > _STANDSTILLS:
                raise StoreError(f"the server does not get on with blob {blob.digest}: it stays at {start} bytes")

    def _progress(self, digest: str, size: int) -> dict[str, Any]:
        answer: dict[str, Any] = self._connection.ask("GET", f"/uploads/{digest}", query={"size": size}).json()
        return answer

    def _download(self, digest: str, size: int) -> None:
        if size <= INLINE_LIMIT:
            raise ArtifactError(f"blob {digest} is missing: {size} bytes are kept with their artifact, not in a store")
        try:
            found = self._near.write(self._pieces(digest, size)).digest
        except KeyError:
            raise ArtifactError(
                f"blob {digest} is missing on the server {self._connection.address}: restore it from a backup, or run "
                "again what made it"
            ) from None
        except (LedgerError, StoreError) as error:
            raise ArtifactError(f"blob {digest} cannot be fetched: {error}") from error
        if found != digest:
            raise ArtifactError(f"blob {digest} is corrupt: what the server sent has the digest {found}")

    def _pieces(self, digest: str, size: int) -> Iterator[bytes]:
        for start in range(0, size, PIECE):
            end = min(start + PIECE, size)
            asked = {"Range": f"bytes={start}-{end - 1}"}
            yield self._connection.ask("GET", f"/blobs/{digest}", query={"size": size}, headers=asked).body
