"""The DEFLATE streams of a .whl, to be copied instead of made again."""

import os
import struct
import zipfile
from collections.abc import Iterator
from typing import NamedTuple

from image_tools.layer.errors import LayerError

_LOCAL = struct.Struct("<4s22xHH")
_UNPACKED = ("purelib/", "platlib/")  # Folders of NAME.data/ whose files are installed beside the others.


class Stream(NamedTuple):
    """A member of the archive: where its local header is, and what it unpacks to."""

    offset: int
    length: int
    crc: int
    size: int


class Wheel:
    """A wheel whose files were installed under `root` of the image."""

    def __init__(self, path: str, root: str) -> None:
        self.path = path
        try:
            with zipfile.ZipFile(path) as archive:
                self._streams = {
                    root + _installed(info.filename): _stream(info) for info in archive.infolist() if _fits(info)
                }
            self._file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        except OSError as error:
            raise LayerError(f"{path} cannot be read: {error.strerror}.") from None
        except zipfile.BadZipFile as error:
            raise LayerError(f"{path} is no wheel: {error}.") from None

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


def _installed(name: str) -> str:
    """Where an installer puts a member, as far as it copies it unchanged."""
    head, _, rest = name.partition("/")
    if head.endswith(".data"):
        for folder in _UNPACKED:
            if rest.startswith(folder):
                return rest.removeprefix(folder)
    return name
