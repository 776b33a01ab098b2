"""Several layers as one: their bodies one after another, nothing compressed again.

Digests cannot be put together, so a bin's two SHA-256 sums are computed again: one over the copied bytes, one over
what they inflate to, which also checks every member. Inflating costs about a tenth of what compressing did. Keeping
the plain tar of every wheel beside its layer would save that tenth, for a copy of everything that is installed.
"""

from __future__ import annotations

import os
import zlib
from collections.abc import Iterator, Sequence
from typing import BinaryIO, NamedTuple

from image_tools.layer.build import Label, LayerWriter
from image_tools.layer.errors import LayerError
from image_tools.layer.gzip_members import CHUNK
from image_tools.layer.merge import combine
from image_tools.layer.records import Metadata, Record, read_index

# Small, since what a decoder leaves of its input is copied once for each member.
_WINDOW = 1 << 14
_GZIP = 16 + zlib.MAX_WBITS


class Piece(NamedTuple):
    """Where a layer that was built is."""

    metadata: str
    records: str
    blob: str


def join(pieces: Sequence[Piece], out: BinaryIO, label: Label) -> tuple[Metadata, list[Record]]:
    """Writes one layer that unpacks to what the pieces unpack to, in this order."""
    records = combine(read_index(piece.records) for piece in pieces)
    writer = LayerWriter(out, label)
    try:
        writer.folders(sorted(record.path for record in records if record.kind == "dir"))
        for piece in pieces:
            metadata = Metadata.read(piece.metadata)
            writer.splice(metadata, _inflated(piece.blob, *metadata.body))
        return writer.end(records), records
    finally:
        writer.close()


def _inflated(path: str, start: int, end: int) -> Iterator[tuple[bytes, list[bytes]]]:
    """The members of a part of a blob, about a chunk at a time: as they are, and what they unpack to."""
    members, tar, size = [], list[bytes](), 0
    for window, unpacked in _decoded(path, start, end):
        members.append(window)
        tar.append(unpacked)
        size += len(unpacked)
        if size >= CHUNK:
            yield b"".join(members), tar
            members, tar, size = [], [], 0
    yield b"".join(members), tar


def _decoded(path: str, start: int, end: int) -> Iterator[tuple[bytes, bytes]]:
    """Pieces of input and output; an input comes with the first output that needed it."""
    decoder = zlib.decompressobj(_GZIP)
    for window in _windows(path, start, end):
        left, new, full = window, window, False
        while left or full:
            try:
                unpacked = decoder.decompress(left, CHUNK)
            except zlib.error as error:
                raise LayerError(f"{path} is no layer of ours: {error}.") from None
            yield new, unpacked
            left, new, full = decoder.unconsumed_tail, b"", len(unpacked) == CHUNK
            if decoder.eof:
                left, full, decoder = decoder.unused_data, False, zlib.decompressobj(_GZIP)


def _windows(path: str, start: int, end: int) -> Iterator[bytes]:
    file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        for offset in range(start, end, _WINDOW):
            length = min(_WINDOW, end - offset)
            window = os.pread(file, length, offset)
            if len(window) < length:
                raise LayerError(f"{path} is shorter than its metadata says.")
            yield window
    finally:
        os.close(file)
