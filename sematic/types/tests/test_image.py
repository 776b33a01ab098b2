from __future__ import annotations

import io
import json
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import PIL.Image
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.figure import Figure

from sematic import Image
from sematic.errors import ConversionError
from sematic.types import thumbnails
from sematic.types.registry import of
from sematic.types.tests.damage import refuses
from sematic.types.tests.elsewhere import there_and_back
from sematic.types.tests.helpers import DictStore, round_trip, stored


def encoded(kind: str, size: tuple[int, int] = (7, 5), mode: str = "RGB", **options: Any) -> bytes:
    file = io.BytesIO()
    PIL.Image.effect_noise(size, 90).convert(mode).save(file, kind, **options)
    return file.getvalue()


PICTURES = [
    ("png", encoded("PNG")),
    ("gif", encoded("GIF")),
    ("jpeg", encoded("JPEG")),
    ("jpeg", encoded("JPEG", progressive=True, exif=b"Exif\0\0" + bytes(5000))),
    ("webp", encoded("WEBP")),
    ("webp", encoded("WEBP", lossless=True)),
    ("webp", encoded("WEBP", exif=b"Exif\0\0abc")),
]


@pytest.mark.parametrize(("kind", "data"), PICTURES, ids=[f"{kind}{at}" for at, (kind, _) in enumerate(PICTURES)])
def test_formats_and_sizes_are_read_from_the_bytes(kind: str, data: bytes, tmp_path: Path) -> None:
    image = Image(data)
    assert (image.format, image.size) == (kind, (7, 5))
    (tmp_path / "file").write_bytes(data)
    assert Image.from_file(tmp_path / "file") == image
    assert round_trip(Image, image) == image
    for length in range(100):
        refuses_or_reads(data[:length])


def refuses_or_reads(data: bytes) -> None:
    with suppress(ValueError):
        assert Image(data).size is not None


@given(st.binary(), st.sampled_from([b"", b"\x89PNG\r\n\x1a\n", b"GIF89a", b"\xff\xd8\xff", b"RIFF0000WEBP"]))
def test_any_bytes_are_a_picture_or_refused(data: bytes, start: bytes) -> None:
    refuses_or_reads(start + data)


@pytest.mark.parametrize("data", [b"", b"<svg/>", b"text", bytearray(encoded("PNG")), "text", None])
def test_other_things_are_no_pictures(data: Any) -> None:
    with pytest.raises(ValueError, match="no picture of a known format"):
        Image(data)


def test_damaged_ones() -> None:
    for payload in (b"", b"text", encoded("PNG")[:20]):
        refuses(Image, payload)


def test_from_pillow_and_from_a_figure() -> None:
    assert Image.from_pillow(PIL.Image.new("L", (3, 4))).size == (3, 4)
    assert Image.from_figure(Figure((2, 1), dpi=50)).size == (100, 50)
    with pytest.raises(ConversionError, match=r"write sematic.Image.from_pillow\(value\)"):
        of(Image).convert(PIL.Image.new("L", (3, 4)))
    with pytest.raises(ConversionError, match="expected Image, got bytes"):
        of(Image).convert(encoded("PNG"))


def test_another_process_gives_the_same() -> None:
    images = [Image(data) for _, data in PICTURES]
    assert there_and_back(Image, images) == images


def test_thumbnails_are_small_whatever_the_picture() -> None:
    small = of(Image).summarise(Image(PICTURES[0][1]))
    assert small["thumbnail"]["format"] == "png"
    for data in (encoded("PNG", (3000, 2000)), encoded("JPEG", (5000, 4)), encoded("PNG", (1, 20_000))):
        summary = stored(Image, Image(data), DictStore()).summary
        assert len(json.dumps(summary)) < thumbnails.LARGEST * 1.4
        assert "thumbnail" in summary
    lying = bytearray(encoded("PNG", (1000, 100)))
    lying[16:24] = b"\0\1\0\0\0\1\0\0"
    assert "thumbnail" not in of(Image).summarise(Image(bytes(lying)))


def test_it_needs_no_library() -> None:
    program = (
        "import sys, sematic\n"
        "from sematic.types.registry import of\n"
        "image = sematic.Image(sys.stdin.buffer.read())\n"
        "kind = of(sematic.Image)\n"
        "assert kind.from_buffer(b''.join(kind.to_chunks(image))) == image and kind.summarise(image)['size'] == [300, 200]\n"
        "assert not {'PIL', 'numpy', 'matplotlib'} & {*sys.modules}\n"
    )
    subprocess.run([sys.executable, "-c", program], input=encoded("PNG", (300, 200)), check=True)
