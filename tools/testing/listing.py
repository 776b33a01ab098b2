"""What is in a root file system, to compare with another or with what should be there."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_KINDS = {
    stat.S_IFREG: "file",
    stat.S_IFDIR: "dir",
    stat.S_IFLNK: "symlink",
    stat.S_IFCHR: "device",
    stat.S_IFBLK: "device",
    stat.S_IFIFO: "fifo",
    stat.S_IFSOCK: "socket",
}


@dataclass(frozen=True)
class Entry:
    """One path. A symlink's mode is the system's business; `links` is how many names a file has."""

    kind: str
    mode: int = 0
    size: int = 0
    sha256: str = ""
    target: str = ""
    owner: tuple[int, int] = (0, 0)
    links: int = 1


def listing(root: Path) -> dict[str, Entry]:
    """Every path below `root`, without a slash in front; symlinks are not followed."""
    return dict(_below(os.fsencode(root), b""))


def _below(root: bytes, folder: bytes) -> Iterator[tuple[str, Entry]]:
    with os.scandir(os.path.join(root, folder)) as entries:
        found = sorted(entries, key=lambda entry: entry.name)
    for each in found:
        path = os.path.join(folder, each.name)
        yield os.fsdecode(path), _entry(each)
        if each.is_dir(follow_symlinks=False):
            yield from _below(root, path)


def _entry(found: os.DirEntry[bytes]) -> Entry:
    status = found.stat(follow_symlinks=False)
    kind, owner = _KINDS[stat.S_IFMT(status.st_mode)], (status.st_uid, status.st_gid)
    if kind == "symlink":
        return Entry(kind, target=os.fsdecode(os.readlink(found.path)), owner=owner)
    mode = stat.S_IMODE(status.st_mode)
    if kind != "file":
        return Entry(kind, mode, owner=owner)
    return Entry(
        kind, mode, status.st_size, sha256_of(Path(os.fsdecode(found.path))), owner=owner, links=status.st_nlink
    )


def sha256_of(path: Path) -> str:
    """Of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
