"""CRC-32 of something that is read in pieces, or summed in pieces by several threads."""

from __future__ import annotations

import zlib
from functools import lru_cache

_POLYNOMIAL = 0xEDB88320  # Bits from the lowest power to the highest, as gzip and ZIP have it.
_ONE = 1 << 31


class Crc:
    """Of the bytes so far."""

    def __init__(self) -> None:
        self.value = 0

    def add(self, data: bytes | memoryview) -> None:
        """The next bytes."""
        self.value = zlib.crc32(data, self.value)

    def join(self, crc: int, size: int) -> None:
        """The next bytes, of which only CRC-32 and number are known."""
        self.value = _product(_shift(size), self.value) ^ crc


@lru_cache(maxsize=64)  # All pieces but the last are of one size.
def _shift(size: int) -> int:
    """x to the power of a number of bytes, by squaring."""
    power, base = _ONE, _ONE >> 8
    while size:
        if size & 1:
            power = _product(power, base)
        base = _product(base, base)
        size >>= 1
    return power


def _product(one: int, other: int) -> int:
    """Of two polynomials, modulo the CRC's."""
    product = 0
    while one:
        if one & _ONE:
            product ^= other
        one = one << 1 & 0xFFFFFFFF
        other = other >> 1 ^ (_POLYNOMIAL if other & 1 else 0)
    return product
