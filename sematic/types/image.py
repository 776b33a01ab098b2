"""Image: a picture as a file of one of the formats that browsers show."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sematic.types import thumbnails
from sematic.types.base import BinaryType, Buffer, Json, Spec, ValueType
from sematic.types.registry import Row, register

_Size = tuple[int, int]


@dataclass(frozen=True, repr=False)
class Image:
    """The bytes of a PNG, JPEG, GIF or WebP. Raises ValueError for anything else."""

    bytes: bytes

    def __post_init__(self) -> None:
        if type(self.bytes) is not bytes or _size(self.bytes) is None:
            known = ", ".join(_FORMATS)
            raise ValueError(f"this is no picture of a known format ({known}): convert it first")

    @property
    def format(self) -> str:
        """``png``, ``jpeg``, ``gif`` or ``webp``."""
        return next(name for name, read in _FORMATS.items() if read(self.bytes) is not None)

    @property
    def size(self) -> _Size:
        """Width and height in pixels."""
        found = _size(self.bytes)
        assert found is not None
        return found

    @classmethod
    def from_file(cls, path: str | os.PathLike[str]) -> Image:
        """The picture in a file."""
        return cls(Path(path).read_bytes())

    @classmethod
    def from_pillow(cls, image: Any) -> Image:
        """A PNG of an image of Pillow."""
        file = io.BytesIO()
        image.save(file, "PNG")
        return cls(file.getvalue())

    @classmethod
    def from_figure(cls, figure: Any) -> Image:
        """A PNG of a figure of Matplotlib."""
        file = io.BytesIO()
        figure.savefig(file, format="png")
        return cls(file.getvalue())

    def __repr__(self) -> str:
        return f"Image({self.format}, {self.size[0]} x {self.size[1]})"


def _size(data: bytes) -> _Size | None:
    return next((found for read in _FORMATS.values() if (found := read(data)) is not None), None)


def _png(data: bytes) -> _Size | None:
    if data[:8] != b"\x89PNG\r\n\x1a\n" or data[12:16] != b"IHDR":
        return None
    return _pair(data, 16, 4, "big")


def _gif(data: bytes) -> _Size | None:
    return _pair(data, 6, 2, "little") if data[:6] in (b"GIF87a", b"GIF89a") else None


def _webp(data: bytes) -> _Size | None:
    if data[:4] != b"RIFF" or data[8:12] != b"WEBP" or len(data) < 30:
        return None
    if data[12:16] == b"VP8X":
        return 1 + int.from_bytes(data[24:27], "little"), 1 + int.from_bytes(data[27:30], "little")
    if data[12:16] == b"VP8L":
        bits = int.from_bytes(data[21:25], "little")
        return 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
    found = _pair(data, 26, 2, "little") if data[12:16] == b"VP8 " else None
    return found and (found[0] & 0x3FFF, found[1] & 0x3FFF)


def _jpeg(data: bytes) -> _Size | None:
    """The size is in the frame's header, behind any number of other segments."""
    at = 2
    while data[:3] == b"\xff\xd8\xff" and at + 9 <= len(data) and data[at] == 0xFF:
        marker = data[at + 1]
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            height, width = _pair(data, at + 5, 2, "big") or (0, 0)
            return width, height
        at += 2 + int.from_bytes(data[at + 2 : at + 4], "big")
    return None


def _pair(data: bytes, at: int, width: int, order: Any) -> _Size | None:
    if len(data) < at + 2 * width:
        return None
    first, second = data[at : at + width], data[at + width : at + 2 * width]
    return int.from_bytes(first, order), int.from_bytes(second, order)


_FORMATS: dict[str, Callable[[bytes], _Size | None]] = {"png": _png, "jpeg": _jpeg, "gif": _gif, "webp": _webp}


class ImageType(BinaryType):
    """sematic.Image, as the file that it is."""

    codec = "image"
    python = Image

    def accepts(self, source: ValueType) -> bool:
        return False

    def convert(self, value: Any) -> Any:
        if type(value) is not Image:
            raise self.refuse(value, "write sematic.Image.from_pillow(value)" if _is_pillow(value) else "")
        return value

    def to_chunks(self, value: Image) -> tuple[Buffer]:
        return (value.bytes,)

    def from_buffer(self, buffer: Buffer) -> Image:
        return Image(bytes(buffer))

    def summarise(self, value: Image) -> Json:
        summary = {"image": value.format, "size": list(value.size), "length": len(value.bytes)}
        thumbnail = thumbnails.of_bytes(value.bytes, value.format)
        if thumbnail is None and "PIL" in sys.modules:
            thumbnail = thumbnails.of_compressed(value.bytes)
        return summary if thumbnail is None else summary | {"thumbnail": thumbnail}


def _is_pillow(value: Any) -> bool:
    module = sys.modules.get("PIL.Image")
    return module is not None and isinstance(value, module.Image)


_IMAGE = ImageType(["image"], "Image")


def _match(annotation: Any) -> ValueType | None:
    return _IMAGE if annotation is Image else None


def _load(spec: Spec) -> ValueType:
    return _IMAGE


register(
    _match,
    {"image": _load},
    (Row("sematic.Image", "an instance: a PNG, JPEG, GIF or WebP", "image", "format, size, thumbnail"),),
)
