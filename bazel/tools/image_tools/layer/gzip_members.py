"""The three kinds of gzip member that a layer consists of.

gzip allows members one after another. A file's content is one member (of a chunk each, when it is large) that zlib
made, or one around the DEFLATE stream that its wheel already holds; tar headers and padding are members of our own
encoder. All members carry the same ten bytes of head: no name, no time, no system.
"""

from __future__ import annotations

import hashlib
import struct
import zlib
from collections.abc import Iterator

from image_tools.layer import deflate

CHUNK = 1 << 20

HEAD = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"
_LEVEL = 1
_WITHOUT_HEAD = -zlib.MAX_WBITS


def glue(data: bytes) -> bytes:
    """A member for headers and padding, by our own encoder."""
    return HEAD + deflate.encode(data) + tail(zlib.crc32(data), len(data))


def content(data: bytes | memoryview) -> bytes:
    """A member for a file's content, by zlib: the only bytes that depend on which zlib runs."""
    return HEAD + _compressed(data) + tail(zlib.crc32(data), len(data))


def around(stream: Iterator[bytes], crc: int, size: int) -> Iterator[bytes]:
    """A member of a DEFLATE stream that there is already."""
    yield HEAD + next(stream)
    yield from stream
    yield tail(crc, size)


def tail(crc: int, size: int) -> bytes:
    """A member's last eight bytes; the size is taken modulo 2**32, as gzip has it."""
    return struct.pack("<II", crc, size & 0xFFFFFFFF)


def tail_of(member: bytes) -> tuple[int, int]:
    """CRC-32 and size of what a member unpacks to."""
    crc, size = struct.unpack("<II", member[-8:])
    return int(crc), int(size)


def _compressed(data: bytes | memoryview) -> bytes:
    # Every parameter is given: a default is a version's choice.
    encoder = zlib.compressobj(_LEVEL, zlib.DEFLATED, _WITHOUT_HEAD, 8, zlib.Z_DEFAULT_STRATEGY)
    return encoder.compress(data) + encoder.flush()


def deviating_zlib() -> str | None:
    """The version of this process's zlib when it compresses unlike stock zlib (1.2.13 to 1.3.2 agree), else None.

    zlib-ng and the like decode the same and compress otherwise: layers made with them have other digests.
    """
    if hashlib.sha256(_compressed(_vector())).hexdigest() == _STOCK:
        return None
    return str(zlib.ZLIB_RUNTIME_VERSION)


def _vector() -> bytes:
    """Text with matches near and far, hardly compressible bytes, and a run."""
    digests = [hashlib.sha256(b"%d" % number).hexdigest() for number in range(600)]
    text = "".join(f"def f_{name[:5]}(x):\n    return {name[5 : 5 + int(name[0], 16)]}\n" for name in digests)
    raw = b"".join(bytes.fromhex(name) for name in digests[:200])
    return text.encode() + raw + bytes(5000) + text.encode()[:9000] + raw[:3000]


_STOCK = "6d4596fe92153ee96b7e616a300ae3afe34bcef616e3f3deaf6ac0412a286c58"
