"""Where a blob's bytes come from when a registry lacks them. Nothing is opened before."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from image_tools.registry.client import Call, Registry, pull
from image_tools.registry.connection import PIECE
from image_tools.registry.errors import BadContent, Place
from image_tools.registry.reference import Reference


class Readable(Protocol):
    """An open binary file, as far as it is needed."""

    def read(self, size: int, /) -> bytes: ...

    def close(self) -> None: ...


Content = Callable[[int], Readable]
"""Opens a blob's bytes from an offset on; may be called again, to go on after a connection broke."""


@dataclass(frozen=True)
class Blob:
    """A config or a layer. `content` None: it must be there, or be mounted. `origin`: a repository that has it."""

    digest: str
    size: int
    media_type: str = "application/octet-stream"
    content: Content | None = field(default=None, repr=False)
    origin: Reference | None = None

    @property
    def foreign(self) -> bool:
        """Whether it is fetched from elsewhere by whoever runs the image: no registry is given those."""
        return "nondistributable" in self.media_type or ".foreign." in self.media_type


def from_file(path: Path) -> Content:
    """The bytes of a file."""

    def at(offset: int) -> Readable:
        try:
            file = path.open("rb", buffering=0)
        except OSError as error:
            raise BadContent(f"{path} cannot be read ({error.strerror}): build it again") from None
        file.seek(offset)
        return file

    return at


def from_stream(begin: Callable[[], Readable]) -> Content:
    """The bytes of a stream that can only be begun anew: what comes before the offset is read and dropped."""

    def at(offset: int) -> Readable:
        stream = begin()
        while offset:
            piece = stream.read(min(PIECE, offset))
            if not piece:
                break  # Whoever sends it sees that it is too short.
            offset -= len(piece)
        return stream

    return at


def from_registry(registry: Registry, repository: str, digest: str) -> Content:
    """The bytes of a blob in another registry, passed through without being kept."""
    place = Place(registry.host, repository, f"blob {digest}")

    def at(offset: int) -> Readable:
        path = f"/v2/{repository}/blobs/{digest}"
        headers = (("Range", f"bytes={offset}-"),) if offset else ()
        call = Call("GET", path, place, "fetched a base layer", (pull(repository),), (200, 206), headers, streamed=True)
        answer = registry.call(call)
        skipped = offset if answer.status == 200 else 0
        return from_stream(lambda: answer)(skipped)

    return at
