"""The members of a ZIP archive and their bytes as they are stored.

The standard library's zipfile reads the directory too, at four times the cost of the one `unpack` that a member needs
here, and has no way to a member's compressed bytes.
"""

from __future__ import annotations

import os
import struct
import zlib
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from image_tools.layer.errors import LayerError

STORED, DEFLATED = 0, 8
_ENCRYPTED, _UTF8 = 1, 1 << 11

_END = struct.Struct("<4s6xHLLH")
_END_64 = struct.Struct("<4s28xQQQ")
_LOCATOR_64 = 20  # Says where the wide end is, which is always right before it.
_MEMBER = struct.Struct("<4s4xHH4xLLLHHH8xL")
_WINDOW = 1 << 17
_SPARE = 64  # Few local headers have more to say than their name.
_LOCAL = struct.Struct("<4s22xHH")
_LONGEST_END = _END.size + (1 << 16)
_IN_EXTRA = 0xFFFFFFFF


class Member(NamedTuple):
    """A file of the archive: where its local header is, and what it unpacks to."""

    name: str
    method: int
    encrypted: bool
    crc: int
    length: int
    size: int
    offset: int


class Archive:
    """An open archive."""

    def __init__(self, path: str) -> None:
        self.path = path
        self._window, self._window_at = b"", 0
        try:
            self._file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        except OSError as error:
            raise LayerError(f"{path} cannot be read: {error.strerror}.") from None
        try:
            self.members = list(self._directory())
        except (struct.error, UnicodeDecodeError):
            raise LayerError(f"{path} is no wheel: its directory is damaged; fetch it again.") from None

    def stored(self, member: Member, chunk: int) -> Iterator[bytes]:
        """The bytes of a member as they are in the archive; those of a small one are one piece."""
        guess = _LOCAL.size + len(member.name.encode()) + _SPARE
        head = os.pread(self._file, guess + min(member.length, chunk), member.offset)
        start = self._header_size(head)
        piece = head[start : start + min(member.length, chunk)]
        done = len(piece)
        yield piece
        while done < member.length:
            piece = self._read(min(chunk, member.length - done), member.offset + start + done)
            done += len(piece)
            yield piece

    def small(self, member: Member) -> bytes:
        """The same in one piece; read together with what lies behind it, since members are mostly asked for in turn."""
        place = member.offset - self._window_at
        if place < 0 or place + _LOCAL.size + len(member.name) + member.length + _SPARE > len(self._window):
            self._window, self._window_at = os.pread(self._file, _WINDOW, member.offset), member.offset
            place = 0
        start = place + self._header_size(self._window, place)
        data = self._window[start : start + member.length]
        return data if len(data) == member.length else b"".join(self.stored(member, member.length))

    def unpacked(self, member: Member, chunk: int) -> Iterator[bytes]:
        """What a member holds."""
        if member.encrypted or member.method not in (STORED, DEFLATED):
            raise LayerError(f"{self.path}: {member.name} is encrypted, or compressed as no wheel may be.")
        stored = self.stored(member, chunk)
        crc = 0
        try:
            for data in stored if member.method == STORED else _inflated(stored, chunk):
                crc = zlib.crc32(data, crc)
                yield data
        except zlib.error as error:
            raise LayerError(f"{self.path}: {member.name} cannot be unpacked: {error}; fetch it again.") from None
        if crc != member.crc:
            raise LayerError(f"{self.path}: {member.name} cannot be unpacked: its CRC-32 is wrong; fetch it again.")

    def close(self) -> None:
        """Gives the file back."""
        os.close(self._file)

    def _directory(self) -> Iterator[Member]:
        at, size, count = self._find_directory()
        data = self._read(size, at)
        place = 0
        for _ in range(count):
            signature, flags, method, crc, length, unpacked, name, extra, comment, offset = _MEMBER.unpack_from(
                data, place
            )
            if signature != b"PK\x01\x02":
                raise LayerError(f"{self.path} is no wheel: its directory is damaged; fetch it again.")
            begin = place + _MEMBER.size
            place = begin + name + extra + comment
            text = data[begin : begin + name].decode("utf-8" if flags & _UTF8 else "cp437")
            if _IN_EXTRA in (length, unpacked, offset):
                wide = data[begin + name : begin + name + extra]
                unpacked, length, offset = _from_extra(wide, (unpacked, length, offset))
            yield Member(text, method, bool(flags & _ENCRYPTED), crc, length, unpacked, offset + self._before)

    def _find_directory(self) -> tuple[int, int, int]:
        """Where the directory is, its size, and how many members it has."""
        whole = os.fstat(self._file).st_size
        tail = os.pread(self._file, _LONGEST_END, max(0, whole - _LONGEST_END))
        found = tail.rfind(b"PK\x05\x06")
        if found < 0:
            raise LayerError(f"{self.path} is no wheel: it is no ZIP archive.")
        end = whole - len(tail) + found
        _, count, size, at, _ = _END.unpack_from(tail, found)
        before = end - _LOCATOR_64 - _END_64.size
        if before >= 0 and (wide := self._read(_END_64.size, before)).startswith(b"PK\x06\x06"):
            end = before
            _, count, size, at = _END_64.unpack(wide)
        self._before = end - size - at  # What was put before the archive, of which its offsets know nothing.
        return end - size, size, count

    def _header_size(self, head: bytes, place: int = 0) -> int:
        """A local header's, whose extra field may differ from the directory's."""
        if len(head) < place + _LOCAL.size or not head.startswith(b"PK\x03\x04", place):
            raise LayerError(f"{self.path} has no member where its directory says: fetch it again.")
        _, name, extra = _LOCAL.unpack_from(head, place)
        return _LOCAL.size + int(name) + int(extra)

    def _read(self, length: int, offset: int) -> bytes:
        data = os.pread(self._file, length, offset) if offset >= 0 else b""
        if len(data) != length:
            raise LayerError(f"{self.path} ends in the middle: fetch it again.")
        return data


def _from_extra(extra: bytes, values: tuple[int, int, int]) -> list[int]:
    """Sizes and offset, those that do not fit 32 bits from the ZIP64 field."""
    place = 0
    while (header := struct.unpack_from("<HH", extra, place))[0] != 1:
        place += 4 + int(header[1])
    wide = struct.iter_unpack("<Q", extra[place + 4 : place + 4 + int(header[1]) // 8 * 8])
    return [int(next(wide)[0]) if value == _IN_EXTRA else value for value in values]


def _inflated(pieces: Iterable[bytes], chunk: int) -> Iterator[bytes]:
    decoder = zlib.decompressobj(-zlib.MAX_WBITS)
    for piece in pieces:
        while data := decoder.decompress(piece, chunk):
            yield data
            piece = decoder.unconsumed_tail
