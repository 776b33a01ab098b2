"""A binary format of several parts: one line of JSON, which says what follows, then the parts, each aligned.

The first line of every such artifact tells what it is (class, versions), so that nothing has to be unpickled to know.
Sections that are given to parsers which trust them (a model's text, a pickle) carry a checksum; arrays carry none:
they are read in place.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from sematic.types.base import Buffer
from sematic.types.jsontext import dumps

_ALIGNMENT = 64
_LONGEST_HEADER = 1 << 24


class Section(NamedTuple):
    """A part, which may come in pieces."""

    pieces: Iterable[Buffer]
    size: int
    checksum: int | None


def checked(data: Buffer) -> Section:
    """A part that is short, or parsed by something that trusts its input."""
    return Section((data,), memoryview(data).nbytes, zlib.crc32(data))


def plain(data: Buffer) -> Section:
    """A part that is read in place."""
    return Section((data,), memoryview(data).nbytes, None)


def write(facts: dict[str, Any], sections: Sequence[Section]) -> Iterator[Buffer]:
    """The bytes, without copying a section."""
    sizes = [[section.size, section.checksum] for section in sections]
    header = dumps({**facts, "sections": sizes}).encode("ascii") + b"\n"
    yield header
    at = len(header)
    for section in sections:
        gap = -at % _ALIGNMENT
        yield b"\0" * gap
        yield from section.pieces
        at += gap + section.size


def read(buffer: Buffer) -> tuple[dict[str, Any], list[memoryview]]:
    """The facts and the sections, over `buffer` itself. Raises ValueError when they are not all there."""
    view = memoryview(buffer).cast("B")
    facts, at = _header(view)
    found: list[memoryview] = []
    for size, checksum in facts.pop("sections"):
        if type(size) is not int or size < 0:
            raise ValueError(f"a section of {size} bytes")
        start = at + -at % _ALIGNMENT
        at = start + size
        section = view[start:at]
        if len(section) != size or (checksum is not None and zlib.crc32(section) != checksum):
            raise ValueError(f"its section {len(found)} is damaged")
        found.append(section)
    if at != len(view):
        raise ValueError(f"{len(view)} bytes where {at} were expected")
    return facts, found


def _header(view: memoryview) -> tuple[dict[str, Any], int]:
    end = _line_end(view)
    facts = json.loads(bytes(view[:end]))
    if not isinstance(facts, dict) or not isinstance(facts.get("sections"), list):
        raise ValueError("its header is malformed")
    return facts, end + 1


def _line_end(view: memoryview) -> int:
    step = 1 << 12
    for start in range(0, min(len(view), _LONGEST_HEADER), step):
        found = bytes(view[start : start + step]).find(b"\n")
        if found >= 0:
            return start + found
    raise ValueError("it has no header")
