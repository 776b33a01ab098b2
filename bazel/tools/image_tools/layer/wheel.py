"""A declared .whl: its DEFLATE streams, to be copied instead of made again, and what no rule installs from it."""

from __future__ import annotations

import os
import shutil
import struct
import zipfile
import zlib
from collections.abc import Container, Iterator
from pathlib import Path
from typing import NamedTuple

from image_tools.layer.entries import Entry, checked
from image_tools.layer.errors import LayerError
from image_tools.layer.installed import Site

_LOCAL = struct.Struct("<4s22xHH")


class Stream(NamedTuple):
    """A member of the archive: where its local header is, and what it unpacks to."""

    offset: int
    length: int
    crc: int
    size: int


class Wheel:
    """A wheel whose files were installed in a site of the image."""

    def __init__(self, path: str, site: Site) -> None:
        self.path, self._site = path, site
        try:
            with zipfile.ZipFile(path) as archive:
                self._members = archive.infolist()
            self._file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        except OSError as error:
            raise LayerError(f"{path} cannot be read: {error.strerror}.") from None
        except zipfile.BadZipFile as error:
            raise LayerError(f"{path} is no wheel: {error}.") from None
        self._streams = {
            place: _stream(info) for info in self._members if _fits(info) and (place := site.installed(info.filename))
        }

    def find(self, path: str, size: int) -> Stream | None:
        """The stream of a file of the image if the size fits; whether the CRC-32 does is known when it was read."""
        stream = self._streams.get(path)
        return stream if stream and stream.size == size else None

    def read(self, stream: Stream, chunk: int) -> Iterator[bytes]:
        """The compressed bytes."""
        start = self._start(stream)
        for done in range(0, stream.length, chunk):
            length = min(chunk, stream.length - done)
            data = os.pread(self._file, length, start + done)
            if len(data) != length:
                raise LayerError(f"{self.path} ends in the middle of a member: fetch it again.")
            yield data

    def scripts_and_data(self, listed: Container[str], folder: Path) -> Iterator[Entry]:
        """The scripts and data files that are not listed yet, unpacked into `folder`."""
        for number, info in enumerate(self._members):
            place = None if info.is_dir() else self._site.installed(info.filename)
            if place and not place.startswith(self._site.root) and checked(place) not in listed:
                self._unpack(info, folder / str(number))
                yield Entry(place, str(folder / str(number)))

    def _unpack(self, info: zipfile.ZipInfo, target: Path) -> None:
        try:
            with zipfile.ZipFile(self.path) as archive, archive.open(info) as source, target.open("wb") as file:
                shutil.copyfileobj(source, file)
        except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
            raise LayerError(f"{self.path}: {info.filename} cannot be unpacked: {error}; fetch it again.") from None

    def _start(self, stream: Stream) -> int:
        """Behind the local header, whose extra field may differ from the directory's."""
        head = os.pread(self._file, _LOCAL.size, stream.offset)
        if len(head) < _LOCAL.size or not head.startswith(b"PK\x03\x04"):
            raise LayerError(f"{self.path} has no member where its directory says: fetch it again.")
        _, name, extra = _LOCAL.unpack(head)
        return stream.offset + _LOCAL.size + int(name) + int(extra)

    def close(self) -> None:
        """Gives the file back."""
        os.close(self._file)


def _fits(info: zipfile.ZipInfo) -> bool:
    encrypted = bool(info.flag_bits & 1)
    return info.compress_type == zipfile.ZIP_DEFLATED and info.file_size > 0 and not encrypted


def _stream(info: zipfile.ZipInfo) -> Stream:
    return Stream(info.header_offset, info.compress_size, info.CRC, info.file_size)
