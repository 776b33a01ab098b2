"""Where a layer's bytes go: the file, its digest and its size, in one pass."""

from __future__ import annotations

import hashlib
from typing import Any, BinaryIO

Place = tuple[Any, int]  # A sum and a size.


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

    def place(self) -> Place:
        """Where it is now."""
        return self._sum.copy(), self.size

    def back(self, place: Place) -> None:
        """Forgets what was written since then."""
        self._sum, self.size = place
        self._file.seek(self.size)
        self._file.truncate()

    @property
    def digest(self) -> str:
        """Of everything written so far."""
        return "sha256:" + self._sum.hexdigest()
