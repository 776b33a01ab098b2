"""Members around the DEFLATE streams of a declared .whl, so that nothing is compressed and no zlib can differ."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future
from functools import partial

from image_tools.layer import gzip_members
from image_tools.layer.archive import Member
from image_tools.layer.crc import Crc
from image_tools.layer.disk import Source
from image_tools.layer.gzip_members import CHUNK
from image_tools.layer.pipeline import Pipeline
from image_tools.layer.wheel import Wheel

_GLUE = 1 << 14
# What an installer adds to a wheel is smaller; our own encoder takes it, and the digest stays free of zlib.
_SMALL = 1 << 12


class Copier:
    """Makes members of what a tar consists of, told in the tar's order."""

    def __init__(self, pipeline: Pipeline, wheel: Wheel | None) -> None:
        self._pipeline, self._wheel = pipeline, wheel
        self._glue = bytearray()  # Headers and padding that are no member yet.
        self._done: list[str] = []  # What became of each file; two threads append to it.

    @property
    def copied(self) -> int:
        """Files whose compressed bytes are the wheel's own."""
        return self._done.count("copied")

    @property
    def compressed(self) -> int:
        """Files that zlib compressed."""
        return self._done.count("compressed")

    def glue(self, data: bytes | memoryview) -> None:
        """Headers, padding and other small things."""
        self._glue += data
        if len(self._glue) >= _GLUE:
            self.seal()

    def member(self, path: str) -> Member | None:
        """What the wheel has for a file of the image; a patched one differs in size or CRC-32."""
        return self._wheel.find(path) if self._wheel else None

    def content(self, member: Member | None, crc: int, data: bytes | memoryview) -> None:
        """A file of at most a chunk, and what the wheel has for it."""
        if self._wheel and member and (member.size, member.crc) == (len(data), crc):
            self._done.append("copied")
            stream, tail = self._wheel.stored(member), gzip_members.tail(crc, len(data))
            self._pipeline.emit(b"".join((self._sealed(), gzip_members.HEAD, stream, tail)))
        elif len(data) <= _SMALL:
            self.glue(data)
        else:  # Somebody patched what was installed, or the wheel does not hold it.
            self._done.append("compressed")
            self.seal()
            kept = bytes(data)
            self._pipeline.compress(lambda: kept)

    def large(self, member: Member | None, summed: Future[int], source: Source) -> None:
        """A larger one of the right size is taken for the wheel's own until its CRC-32 is known."""
        self.seal()
        compressed = self._compressed_late(summed, source)
        if self._wheel and member and member.size == source.size:
            stream = gzip_members.around(self._wheel.stream(member), member.crc, member.size)
            self._pipeline.emit_guess(stream, partial(self._is_copied, member.crc, summed, source), compressed)
        else:
            self._pipeline.emit_later(compressed)

    def seal(self) -> None:
        """Makes a member of the headers and padding so far."""
        if self._glue:
            self._pipeline.emit(self._sealed())

    def _sealed(self) -> bytes:
        member = gzip_members.glue(bytes(self._glue)) if self._glue else b""
        self._glue.clear()
        return member

    def _is_copied(self, crc: int, summed: Future[int], source: Source) -> bool:
        if summed.result() != crc:
            return False
        self._done.append("copied")
        source.close()
        return True

    def _compressed_late(self, summed: Future[int], source: Source) -> Iterator[bytes]:
        summed.result()
        self._done.append("compressed")
        yield from map(gzip_members.content, source.chunks(CHUNK))
        source.close()


def compress_file(pipeline: Pipeline, source: Source) -> Future[int]:
    """Members of a large file, a chunk each; gives its CRC-32, which is put together from theirs."""
    crc = Crc()
    for offset in range(0, source.size, CHUNK):
        made = pipeline.compress(pipeline.hash_chunk(source, offset).result)
        pipeline.when_written(_join, crc, made)
    return pipeline.when_written(_closed, crc, source)


def _join(crc: Crc, made: Future[bytes]) -> None:
    crc.join(*gzip_members.tail_of(made.result()))


def _closed(crc: Crc, source: Source) -> int:
    source.close()
    return crc.value
