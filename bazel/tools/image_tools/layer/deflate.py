"""A DEFLATE encoder of our own for tar headers and padding.

A layer whose file contents are copied from a wheel must have one digest on every machine, so its headers cannot go
through whatever zlib a machine has. One block of the format's fixed Huffman code (RFC 1951, 3.2.6) with runs of
zeros as matches at distance 1 brings a header of 512 bytes to about 120, and nothing here can differ by version.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache

# (value, number of bits), the first bit of the stream lowest.
Bits = tuple[int, int]

_LONGEST, _SHORTEST = 258, 3
_FINAL_FIXED_BLOCK: Bits = (0b011, 3)
_END_OF_BLOCK = 7  # Zero bits.
_ZEROS = re.compile(rb"(\x00{4,})")  # Splits into other bytes and zeros, in turn.
# What mostly comes is padding and a header: a name, numbers, and from the type on what is the same for most files.
_HEADER, _NAME, _SHARED = 512, 100, 356


def encode(data: bytes) -> bytes:
    """`data` as one complete raw DEFLATE stream."""
    value, length = _FINAL_FIXED_BLOCK
    for more, bits in _parts(data):
        value |= more << length
        length += bits
    return value.to_bytes((length + _END_OF_BLOCK + 7) // 8, "little")


def _parts(data: bytes) -> Iterable[Bits]:
    before, numbers = len(data) - _HEADER, data[-_HEADER + _NAME : -_SHARED]
    name = data[before : before + _NAME].rstrip(b"\0") if before >= 0 else b""
    if not name or not (name + numbers).isascii() or data.count(0, 0, before) != before:
        return _any_parts(data)
    return _zeros(before), _ascii(name), _zeros(_NAME - len(name)), _ascii(numbers), _shared(data[-_SHARED:])


def _any_parts(data: bytes) -> Iterator[Bits]:
    for index, part in enumerate(_ZEROS.split(data)):
        if part:
            yield _zeros(len(part)) if index & 1 else _literals(part)


@lru_cache(maxsize=64)
def _shared(data: bytes) -> Bits:
    return _join(_any_parts(data))


def _ascii(data: bytes) -> Bits:
    """All codes have eight bits: the code is a table of bytes."""
    return int.from_bytes(data.translate(_EIGHT_BITS), "little"), 8 * len(data)


def _literals(data: bytes) -> Bits:
    return _ascii(data) if data.isascii() else _join(_LITERAL[byte] for byte in data)


@lru_cache(maxsize=4096)
def _zeros(count: int) -> Bits:
    """A zero, then matches that repeat it."""
    if count <= _SHORTEST:
        return _join([_LITERAL[0]] * count)
    return _join([_LITERAL[0], *(_MATCH[length] for length in _match_lengths(count - 1))])


def _match_lengths(count: int) -> list[int]:
    lengths = []
    while count:
        # What is left after a match has to be long enough for another one.
        length = count if count <= _LONGEST else min(_LONGEST, count - _SHORTEST)
        lengths.append(length)
        count -= length
    return lengths


def _join(parts: Iterable[Bits]) -> Bits:
    value = length = 0
    for more, bits in parts:
        value |= more << length
        length += bits
    return value, length


def _reversed(code: int, bits: int) -> int:
    """Huffman codes go into the stream with their highest bit first, everything else with its lowest."""
    return int(f"{code:0{bits}b}"[::-1], 2)


def _literal(byte: int) -> Bits:
    return (_reversed(0x30 + byte, 8), 8) if byte < 144 else (_reversed(0x190 + byte - 144, 9), 9)


def _match(length: int) -> Bits:
    """A match of `length` at distance 1, whose distance code is five zeros."""
    symbol, extra, extra_bits = _length_symbol(length)
    code: Bits = (_reversed(symbol - 256, 7), 7) if symbol < 280 else (_reversed(0xC0 + symbol - 280, 8), 8)
    return _join([code, (extra, extra_bits), (0, 5)])


def _length_symbol(length: int) -> tuple[int, int, int]:
    if length == _LONGEST:
        return 285, 0, 0
    above = length - _SHORTEST
    extra_bits = max(0, above.bit_length() - 3)
    return 257 + 4 * extra_bits + (above >> extra_bits), above & ((1 << extra_bits) - 1), extra_bits


_LITERAL = [_literal(byte) for byte in range(256)]
_EIGHT_BITS = bytes(code & 0xFF for code, _ in _LITERAL)
_MATCH = {length: _match(length) for length in range(_SHORTEST, _LONGEST + 1)}
