"""One folder of installed wheels: what two layers may both write, and what they may not."""

from __future__ import annotations

from collections.abc import Iterable

from image_tools.layer.errors import LayerError
from image_tools.layer.records import Record


class Clash(LayerError):
    """Two layers write different things to one path."""

    def __init__(self, one: Record, other: Record) -> None:
        self.path, self.origins = one.path, (one.origin, other.origin)
        super().__init__(
            f"{one.origin} and {other.origin} both write {one.path}, and differ: {_described(one)} and "
            f"{_described(other)}. An image has one of each path: leave one of the two out."
        )


def combine(indexes: Iterable[Iterable[Record]]) -> list[Record]:
    """The union, in order of first mention. What is the same in two layers is there once; a difference is a Clash."""
    found: dict[str, Record] = {}
    for records in indexes:
        for record in records:
            known = found.setdefault(record.path, record)
            if known is not record and known.content != record.content:
                raise Clash(known, record)
    return list(found.values())


def _described(record: Record) -> str:
    if record.kind == "file":
        return f"{record.size} bytes with CRC-32 {record.crc:08x} and mode {record.mode:04o}"
    return f"a {record.kind} to {record.target}" if record.target else "a folder"
