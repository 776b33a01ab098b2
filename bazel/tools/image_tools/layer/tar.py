"""Headers of a tar archive that depend on nothing but their arguments.

ustar, with a pax record before it for what ustar cannot say: names that are long or not ASCII, and sizes from 8 GiB.
The standard library's tarfile writes correct archives too, at several times the cost of a header and with its choices
open to change between versions.
"""

from __future__ import annotations

import zlib
from functools import lru_cache

from image_tools.layer.errors import LayerError

FILE, HARD_LINK, SYMLINK, DIRECTORY = b"0", b"1", b"2", b"5"
BLOCK = 512
END = bytes(2 * BLOCK)

# 2000-01-01: some programs put installed files into ZIP archives, which know no time before 1980.
MTIME = 946684800

_PAX = b"x"
_NAME, _PREFIX = 100, 155
_OCTAL_LIMIT = 1 << 33


def header(path: str, kind: bytes, *, size: int = 0, mode: int = 0o644, target: str = "", mtime: int = MTIME) -> bytes:
    """The blocks that precede an entry's data: one, or three and more with pax records."""
    raw, link = _encoded(path), _encoded(target) if target else b""
    if kind == DIRECTORY:
        raw += b"/"
    name, prefix = _split(raw)
    records = _records(raw, name, link, size)
    block = _block(name, prefix, mode, size % _OCTAL_LIMIT, mtime, kind, link[:_NAME])
    return _pax(records, mtime) + block if records else block


def padding(size: int) -> bytes:
    """The zeros between a file's data and the next header."""
    return bytes(-size % BLOCK)


def _encoded(text: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError:
        raise LayerError(f"{text!a} is no UTF-8 text: rename it; registries and runtimes disagree about it.") from None


def _split(raw: bytes) -> tuple[bytes, bytes]:
    """Name and prefix of ustar; a name that fits neither is cut, since its pax record is what counts."""
    if len(raw) <= _NAME:
        return raw, b""
    slash = raw.rfind(b"/", 0, _PREFIX + 1)
    if slash > 0 and 0 < len(raw) - slash - 1 <= _NAME:
        return raw[slash + 1 :], raw[:slash]
    return raw[:_NAME], b""


def _records(raw: bytes, name: bytes, link: bytes, size: int) -> bytes:
    if raw.isascii() and name is raw and not link and size < _OCTAL_LIMIT:
        return b""
    records = b""
    if not raw.isascii() or (len(raw) > _NAME and name == raw[:_NAME]):
        records += _record(b"path", raw)
    if not link.isascii() or len(link) > _NAME:
        records += _record(b"linkpath", link)
    if size >= _OCTAL_LIMIT:
        records += _record(b"size", b"%d" % size)
    return records


def _record(key: bytes, value: bytes) -> bytes:
    """`length key=value`, where the length counts its own digits."""
    bare = len(key) + len(value) + 3
    length = bare + len(str(bare))
    length = bare + len(str(length))
    return b"%d %b=%b\n" % (length, key, value)


def _pax(records: bytes, mtime: int) -> bytes:
    block = _block(b"PaxHeaders/next", b"", 0o644, len(records), mtime, _PAX, b"")
    return block + records + padding(len(records))


def _block(name: bytes, prefix: bytes, mode: int, size: int, mtime: int, kind: bytes, link: bytes) -> bytes:
    numbers = b"%07o\x000000000\x000000000\x00%011o\x00%011o\x00" % (mode, size, mtime)
    rest, rest_total = _rest(kind, link, prefix)
    total = (zlib.adler32(name + numbers) & 0xFFFF) - 1 + rest_total  # The sum of so few bytes does not wrap round.
    return b"%b%b%06o\0 %b" % (name.ljust(_NAME, b"\0"), numbers, total, rest)


@lru_cache(maxsize=64)  # Most entries are files without link and prefix.
def _rest(kind: bytes, link: bytes, prefix: bytes) -> tuple[bytes, int]:
    """What follows the checksum, and its share of it together with the eight blanks that stand for the checksum."""
    rest = b"%b%bustar\x0000%b%b" % (kind, link.ljust(_NAME, b"\0"), bytes(80), prefix.ljust(_PREFIX + 12, b"\0"))
    return rest, sum(rest) + 8 * ord(" ")
