"""What a layer's two descriptions hold: metadata (small, for the manifest) and index (a line for each path).

The blob is folders, then body, then the end of the archive, each beginning with a gzip member of its own. `body` says
where the body is: a bin is folders, the bodies of several layers, and the end. So every layer is a piece too, and
nothing is compressed twice, whichever way a wheel travels.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from image_tools.layer.errors import LayerError

# Several times json.dumps of a list, of which a large wheel takes ten thousand.
_quoted = json.encoder.encode_basestring_ascii

ROLES = ("interpreter", "wheel", "bin", "deps", "app")


class Metadata(NamedTuple):
    """A layer as manifest, plan and push see it."""

    name: str
    role: str
    reason: str
    digest: str
    size: int
    diff_id: str
    entries: int
    unpacked: int
    tar_size: int
    body: tuple[int, int]
    copied: int  # Files whose compressed bytes are the wheel's own.
    compressed: int  # Files that this machine's zlib compressed.
    zlib: str | None  # The version of a zlib that compresses unlike the stock one, where it was used.
    tags: tuple[str, ...] = ()  # What a wheel says it runs on; of a bin, its wheels' own metadata say it.

    def write(self, path: str) -> None:
        """As JSON with a fixed layout."""
        with open(path, "w", encoding="utf-8") as file:
            file.write(json.dumps(self._asdict(), indent=1) + "\n")

    @classmethod
    def read(cls, path: str) -> Metadata:
        """What `write` wrote."""
        fields = _load(path)
        return cls(**{**fields, "body": tuple(fields["body"]), "tags": tuple(fields["tags"])})


class Record(NamedTuple):
    """A path of a layer. `kind` is file, symlink, hardlink or dir; `origin` is the layer that it was made for."""

    path: str
    kind: str
    mode: int = 0
    size: int = 0
    crc: int = 0
    target: str = ""
    origin: str = ""

    @property
    def content(self) -> tuple[object, ...]:
        """Equal for two records that unpack to the same; size and CRC-32 stand for a file's bytes."""
        return self.kind, self.mode, self.size, self.crc, self.target


def write_index(path: str, records: Iterable[Record]) -> None:
    """A JSON list a line."""
    with open(path, "w", encoding="utf-8") as file:
        file.writelines(
            f'[{_quoted(record.path)}, "{record.kind}", {record.mode}, {record.size}, {record.crc}, '
            f"{_quoted(record.target)}, {_quoted(record.origin)}]\n"
            for record in records
        )


def read_index(path: str) -> Iterator[Record]:
    """What `write_index` wrote."""
    try:
        with open(path, encoding="utf-8") as file:
            for line in file:
                yield Record._make(json.loads(line))
    except OSError as error:
        raise LayerError(f"{path} cannot be read: {error.strerror}.") from None


def _load(path: str) -> dict[str, Any]:
    try:
        with open(path, encoding="utf-8") as file:
            return dict(json.load(file))
    except OSError as error:
        raise LayerError(f"{path} cannot be read: {error.strerror}.") from None
    except ValueError as error:
        raise LayerError(f"{path} is no metadata of a layer: {error}.") from None
