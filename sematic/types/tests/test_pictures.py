from __future__ import annotations

import io
import json
import random
import subprocess
import sys
import tempfile
import tracemalloc
import warnings

import PIL.Image
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sematic.errors import ConversionError
from sematic.types import thumbnails
from sematic.types.artifact import MemoryStore, encode, load
from sematic.types.registry import of
from sematic.types.tests.damage import refuses_what_is_cut, survives_changes
from sematic.types.tests.elsewhere import there_and_back
from sematic.types.tests.helpers import DictStore, round_trip, stored

Picture = PIL.Image.Image
MODES = (
    *("1", "L", "LA", "P", "RGB", "RGBA", "I;16", "I", "F", "CMYK", "YCbCr", "HSV", "LAB", "RGBX", "RGBa", "La", "PA"),
    *("I;16B", "I;16L", "I;16N"),
)
INFO = {"dpi": (72, 72.5), "icc_profile": b"\0profile", "text": "é\udc80", "nothing": None, "gamma": float("inf")}


def picture(mode: str, size: tuple[int, int], seed: int = 0) -> Picture:
    image = PIL.Image.new(mode, size)
    if 0 not in size:
        image.frombytes(random.Random(seed).randbytes(len(image.tobytes())))
    return image


def assert_same(one: Picture, other: Picture) -> None:
    assert type(one) is type(other) is Picture
    assert one == other
    assert one.palette is other.palette is None or (
        (one.palette.mode, bytes(one.palette.palette)) == (other.palette.mode, bytes(other.palette.palette))
    )
    assert one.load() is not None


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("size", [(5, 7), (0, 0), (0, 3), (300, 200), (1, 1)])
def test_every_mode(mode: str, size: tuple[int, int]) -> None:
    image = picture(mode, size)
    image.info = dict(INFO)
    before = image.copy()
    found = round_trip(Picture, image)
    assert_same(found, image)
    assert_same(image, before)


@pytest.mark.parametrize("colors", [1, 2, 3, 7, 17, 256])
@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
def test_palettes(colors: int, mode: str) -> None:
    image = PIL.Image.effect_noise((50, 50), 60).convert(mode).quantize(colors)
    assert_same(round_trip(Picture, image), image)
    image.info["transparency"] = 0
    assert_same(round_trip(Picture, image), image)
    image.putpalette([1, 2, 3])  # fewer colours than its pixels name
    assert_same(round_trip(Picture, image), image)


@settings(deadline=None, suppress_health_check=list(HealthCheck), max_examples=20, derandomize=True)
@given(
    st.lists(
        st.builds(
            picture, st.sampled_from(MODES), st.tuples(st.integers(0, 20), st.integers(0, 20)), st.integers(0, 99)
        ),
        min_size=5,
        max_size=20,
    )
)
def test_another_process_gives_the_same(images: list[Picture]) -> None:
    for one, other in zip(there_and_back(Picture, images), images, strict=True):
        assert_same(one, other)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "TIFF", "GIF", "WEBP", "BMP"])
def test_an_opened_file_becomes_the_image_in_it(kind: str) -> None:
    file = io.BytesIO()
    PIL.Image.effect_noise((20, 10), 60).convert("RGB").save(file, kind, dpi=(72, 72))
    opened = PIL.Image.open(file)
    found = round_trip(Picture, opened)
    assert_same(found, opened.copy())
    assert type(opened) is not Picture


def test_several_frames_are_refused_since_only_one_would_be_kept() -> None:
    file = io.BytesIO()
    frames = [picture("L", (4, 4), seed) for seed in range(3)]
    frames[0].save(file, "GIF", save_all=True, append_images=frames[1:])
    with pytest.raises(ConversionError, match="it has 3 frames; pass list"):
        of(Picture).convert(PIL.Image.open(file))


def test_what_is_refused() -> None:
    image = picture("L", (4, 4))
    image.info["odd"] = {"a": [object()]}
    with pytest.raises(ConversionError, match=r"info.odd.a\[0\]: expected numbers"):
        of(Picture).convert(image)
    with pytest.raises(ConversionError, match=r"expected PIL.Image.Image, got bytes"):
        of(Picture).convert(b"")
    file = io.BytesIO()
    PIL.Image.effect_noise((200, 200), 90).save(file, "PNG")
    with pytest.raises(ConversionError, match="its file cannot be read"):
        of(Picture).convert(PIL.Image.open(io.BytesIO(file.getvalue()[:5000])))


@pytest.mark.parametrize("mode", ["RGB", "P", "F"])
def test_damaged(mode: str) -> None:
    image = picture(mode, (6, 5))
    image.info = dict(INFO)
    refuses_what_is_cut(Picture, image)
    survives_changes(Picture, image, 3)


def test_readers_do_not_share() -> None:
    store = MemoryStore()
    image = picture("F", (40, 40))
    artifact = encode(of(Picture), image, store)
    before = image.copy()
    image.putpixel((0, 0), 1)
    load(artifact, store).putpixel((0, 0), 2)
    assert_same(load(artifact, store), before)


def test_thumbnails_are_small_and_quick_whatever_the_picture() -> None:
    for image in (
        picture("RGB", (3000, 2000)),
        picture("F", (500, 3)),
        picture("CMYK", (2, 9000)),
        picture("P", (0, 5)),
    ):
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            summary = stored(Picture, image, DictStore()).summary
        assert summary["size"] == list(image.size)
        assert len(json.dumps(summary)) < thumbnails.LARGEST * 1.4
    assert "thumbnail" in of(Picture).summarise(picture("I;16", (900, 900)))


def test_large_pictures_are_not_held_twice() -> None:
    """In Python's memory, which is what is traced, there are only pieces of it; Pillow's own holds the picture once."""
    for mode in ("RGB", "F"):
        image = picture(mode, (3000, 3000))
        tracemalloc.start()
        size = sum(len(chunk) for chunk in of(Picture).to_chunks(image))
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert size >= 27_000_000
        assert peak < 20_000_000


def test_peak_memory_of_a_large_picture() -> None:
    program = (
        "import resource, sys, PIL.Image\n"
        "from sematic.types.registry import of\n"
        "from sematic.storage.local import LocalStore\n"
        "from sematic.types.artifact import encode\n"
        "kind = of(PIL.Image.Image)\n"
        "encode(kind, PIL.Image.effect_noise((9, 9), 9).convert('RGBA'), LocalStore(sys.argv[1]))\n"
        "peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024\n"
        "before = peak()\n"
        "image = PIL.Image.new('RGBA', (8192, 8192), (1, 2, 3, 4))\n"
        "encode(kind, image, LocalStore(sys.argv[1]))\n"
        "print((peak() - before) / (4 * 8192 * 8192))\n"
    )
    with tempfile.TemporaryDirectory() as folder:
        result = subprocess.run([sys.executable, "-c", program, folder], capture_output=True, text=True, check=True)
    assert float(result.stdout) < 1.25


def test_pillow_is_not_imported_to_find_out() -> None:
    program = (
        "import sys, sematic\nfrom sematic.types.registry import of\nof(list[int])\nassert 'PIL' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
