"""A layer of a tar archive, compressed the way all of our layers are, so that one archive gives one digest."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import BinaryIO

from image_tools.layer.gzip_members import CHUNK
from image_tools.layer.pipeline import Pipeline
from image_tools.layer.sink import Sink


@dataclass(frozen=True)
class Squeezed:
    """A blob that was written, and the digest of the archive in it."""

    digest: str
    size: int
    diff_id: str


def squeeze(archive: Iterable[bytes], out: BinaryIO) -> Squeezed:
    """Compresses an archive that comes in pieces of any size."""
    sink = Sink(out)
    pipeline = Pipeline(sink)
    try:
        for chunk in _chunks(archive):
            pipeline.hash([chunk])
            pipeline.compress(partial(bytes, chunk))
        pipeline.drain()
    finally:
        pipeline.close()
    return Squeezed(sink.digest, sink.size, pipeline.diff_id)


def _chunks(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """The same bytes in pieces of one size: a member's limits must not depend on how they came."""
    waiting = bytearray()
    for piece in pieces:
        waiting += piece
        while len(waiting) >= CHUNK:
            yield bytes(waiting[:CHUNK])
            del waiting[:CHUNK]
    if waiting:
        yield bytes(waiting)
