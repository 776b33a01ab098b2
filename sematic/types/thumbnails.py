"""Small pictures in summaries: PNG, as base64, capped in bytes and in the time it takes to make them."""

from __future__ import annotations

import base64
import io
import math
import warnings
from typing import Any

from sematic.types.base import Json

LARGEST = 12 << 10
"""Bytes of a thumbnail before base64."""

_SIDES = (320, 160, 80)
_MOST_PIXELS = 1 << 24
"""What a compressed picture may have to be opened just for its thumbnail."""


def of_bytes(data: bytes, kind: str) -> Json:
    """A picture that is small enough to be its own thumbnail."""
    return {"format": kind, "base64": base64.b64encode(data).decode("ascii")} if len(data) <= LARGEST else None


def of_pillow(image: Any) -> Json:
    """The thumbnail of a loaded PIL image; None when even the smallest is too large, or there is nothing to see."""
    for side in _SIDES if 0 not in image.size else ():
        found = of_bytes(_png(_reduced(image, side)), "png")
        if found is not None:
            return found
    return None


def of_compressed(data: bytes) -> Json:
    """The thumbnail of a PNG, JPEG or the like; None when it would take long, or cannot be made."""
    from PIL import Image

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow's, of what is refused here
            with Image.open(io.BytesIO(data)) as image:
                image.draft(None, (_SIDES[0], _SIDES[0]))
                return of_pillow(image) if math.prod(image.size) <= _MOST_PIXELS else None
    except Exception:  # a damaged picture has none
        return None


def _reduced(image: Any, side: int) -> Any:
    """At most `side` pixels wide and high. Few pixels of a large image are looked at: the time is capped."""
    width, height = image.size
    factor = max(width, height, 1) / side
    for finer in (4, 1):  # nearest neighbours first, then the mean of what is left
        if factor > finer:
            new = (max(1, round(width / factor * finer)), max(1, round(height / factor * finer)))
            image = image.resize(new, resample=0 if finer > 1 else None)
    return image if image.mode in ("1", "L", "LA", "P", "RGB", "RGBA") else image.convert("RGB")


def _png(image: Any) -> bytes:
    file = io.BytesIO()
    bare = image.copy()
    bare.info.clear()  # colour profiles and texts may be larger than the picture
    bare.save(file, "PNG")
    return file.getvalue()
