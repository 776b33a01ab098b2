"""Where a layer's bytes go: the file, its digest and its size, in one pass."""

from __future__ import annotations

import hashlib
from typing import BinaryIO


class Sink:
    """Counts and hashes what is written."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._sum = hashlib.sha256()
        self.size = 0

    def write(self, data: bytes) -> None:
        """Appends to the file."""
        self._sum.update(data)
        self.size += len(data)
        self._file.write(data)

    @property
    def digest(self) -> str:
        """Of everything written so far."""
        return "sha256:" + self._sum.hexdigest()
