"""PIL images: a PNG where that keeps every pixel as it is, else the pixels themselves."""

from __future__ import annotations

import io
import sys
import tempfile
import zlib
from collections.abc import Iterator
from typing import IO, Any

from sematic.errors import ConversionError
from sematic.types import packed, sections, thumbnails
from sematic.types.base import BinaryType, Buffer, Json, Spec, ValueType
from sematic.types.registry import Row, register
from sematic.types.sections import Section, checked

_PNG_MODES = ("1", "L", "LA", "P", "RGB", "RGBA", "I;16")
_RAW_MODES = ("I", "F", "CMYK", "YCbCr", "HSV", "LAB", "RGBX", "RGBa", "La", "PA", "I;16B", "I;16L", "I;16N")
_IN_MEMORY = 1 << 23
_PIECE = 1 << 22


class PictureType(BinaryType):
    """PIL.Image.Image."""

    codec = "picture"
    python: type

    def __init__(self, cls: type) -> None:
        super().__init__(["picture"], "PIL.Image.Image")
        self.python = cls

    def accepts(self, source: ValueType) -> bool:
        return False

    def convert(self, value: Any) -> Any:
        """An opened file becomes the image that is in it."""
        if not issubclass(type(value), self.python):
            raise self.refuse(value)
        if getattr(value, "n_frames", 1) != 1:
            raise self.refuse(
                value, f"it has {value.n_frames} frames; pass list(ImageSequence.Iterator(…)) or its file"
            )
        if value.mode not in _PNG_MODES + _RAW_MODES:
            raise self.refuse(value, f"its mode is {value.mode}; write value.convert(...)")
        try:
            packed.pack(value.info, [], "info")
            return value if type(value) is self.python else _plain(value)
        except ConversionError as error:
            raise self.refuse(value, f"{error.path[0]}: {error.problem}") from None
        except (OSError, SyntaxError) as error:  # its file is read only now
            raise self.refuse(value, f"its file cannot be read: {error}") from error

    def to_chunks(self, value: Any) -> Iterator[Buffer]:
        """What is compressed goes through a temporary file where it is large: it is never held a second time."""
        beside: list[Section] = []
        facts = {
            "mode": value.mode,
            "size": list(value.size),
            "info": packed.pack(value.info, beside),
            "palette": _palette(value, beside),
            "kept": "png" if _goes_as_png(value) else "raw",
        }
        pixels = _png(value) if facts["kept"] == "png" else _raw(value)
        return sections.write(facts, [*beside, pixels])

    def from_buffer(self, buffer: Buffer) -> Any:
        facts, (*beside, pixels) = sections.read(buffer)
        image = _READERS[facts["kept"]](facts["mode"], tuple(facts["size"]), pixels)
        if facts["palette"] is not None:
            image.palette = _palette_of(facts["palette"], beside)
            image.im.putpalette(image.palette.mode, image.palette.mode, bytes(image.palette.palette))
        image.info = packed.unpack(facts["info"], beside)
        return image

    def summarise(self, value: Any) -> Json:
        summary = {"picture": value.mode, "size": list(value.size)}
        thumbnail = thumbnails.of_pillow(value)
        return summary if thumbnail is None else summary | {"thumbnail": thumbnail}


def _plain(image: Any) -> Any:
    """An image with the pixels of another, which it shares, and with its info and palette."""
    image.load()
    return image._new(image.im)


def _goes_as_png(image: Any) -> bool:
    """A PNG keeps these, unless it has no pixels, or pixels beyond its palette."""
    if image.mode not in _PNG_MODES or 0 in image.size:
        return False
    return image.mode != "P" or bool(image.getextrema()[1] < len(image.palette.palette) // len(image.palette.mode))


def _palette(image: Any, beside: list[Section]) -> Json:
    if image.mode not in ("P", "PA"):
        return None
    image.load()
    mode = image.palette.mode
    beside.append(checked(image.im.getpalette(mode, mode)[: len(image.palette.palette)]))
    return [mode, len(beside) - 1]


def _palette_of(data: Json, beside: list[memoryview]) -> Any:
    from PIL import ImagePalette

    mode, index = data
    return ImagePalette.ImagePalette(mode, bytes(beside[index]))


def _png(image: Any) -> Section:
    """Without what goes beside it: a PNG can say only some of that."""
    bare = _plain(image)
    bare.info = {}
    spool = _Spool()
    bare.save(spool, "PNG")
    return Section(spool.pieces(), spool.size, spool.checksum)


def _raw(image: Any) -> Section:
    width, height = image.size
    row = len(image.crop((0, 0, width, min(1, height))).tobytes())
    rows = max(1, _PIECE // max(row, 1))
    strips = (image.crop((0, top, width, min(top + rows, height))) for top in range(0, height, rows))
    return Section((strip.tobytes() for strip in strips), row * height, None)


class _Spool:
    """A file that is written once, then read once; in memory while it is small."""

    def __init__(self) -> None:
        self.size = 0
        self.checksum = 0
        self._file: IO[bytes] = tempfile.SpooledTemporaryFile(_IN_MEMORY)  # noqa: SIM115 - closed by the reader

    def write(self, data: bytes) -> int:
        """Called by Pillow."""
        self.size += len(data)
        self.checksum = zlib.crc32(data, self.checksum)
        return self._file.write(data)

    def flush(self) -> None:
        """Called by Pillow."""

    def pieces(self) -> Iterator[bytes]:
        with self._file as file:
            file.seek(0)
            while piece := file.read(_PIECE):
                yield piece


class View(io.RawIOBase):
    """A buffer as a file, without a copy of it."""

    def __init__(self, data: memoryview) -> None:
        self._data = data
        self._at = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = 0) -> int:
        self._at = max(0, offset + (0, self._at, len(self._data))[whence])
        return self._at

    def tell(self) -> int:
        return self._at

    def readinto(self, target: Any) -> int:
        piece = self._data[self._at : self._at + len(target)]
        target[: len(piece)] = piece
        self._at += len(piece)
        return len(piece)


def _from_png(mode: str, size: tuple[int, int], data: memoryview) -> Any:
    """By the reader of PNG itself: Pillow's open() refuses large pictures that nobody made to harm."""
    from PIL.PngImagePlugin import PngImageFile

    with PngImageFile(View(data)) as file:
        if (file.mode, file.size) != (mode, size):
            raise ValueError(f"its picture is {file.mode} {file.size}")
        return _plain(file)


def _from_raw(mode: str, size: tuple[int, int], data: memoryview) -> Any:
    from PIL import Image

    image = Image.new(mode, size)
    if 0 not in size:
        image.frombytes(data)
    return image


_READERS: Any = {"png": _from_png, "raw": _from_raw}


def _match(annotation: Any) -> ValueType | None:
    module = sys.modules.get("PIL.Image")
    return PictureType(annotation) if module is not None and annotation is module.Image else None


def _load(spec: Spec) -> ValueType:
    from PIL import Image

    return PictureType(Image.Image)


register(
    _match,
    {"picture": _load},
    (
        Row(
            "PIL.Image.Image",
            "an image of one frame, with its info and palette, as PNG or pixels; an opened file becomes an image",
            "picture",
            "mode, size, thumbnail",
        ),
    ),
)
