"""A root file system as a tar archive: all owned by root, of one time, in one order, without what nobody needs."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator
from pathlib import Path

from image_tools.layer import tar
from image_tools.layer.gzip_members import CHUNK

# Folders stay where what is in them goes: programs expect them.
_DROPPED = re.compile(
    r"(?:dev|proc|sys|run|tmp|var/(?:cache|log|tmp)|var/lib/apt/lists)/.+"
    r"|usr/share/(?:man|info|locale|lintian|linda|groff)/.+"
    r"|var/lib/dpkg/[^/]+-old"
    r"|etc/[a-z]+-"  # passwd- and the like: the state before the last change.
    r"|etc/(?:hostname|resolv\.conf|machine-id|apt/sources\.list)"  # The machine's that it was made on.
)
_DOCUMENTATION = re.compile(r"usr/share/doc/.+")


def kept(path: str, is_file: bool) -> bool:
    """Whether a path is put into the image. Licences are, as they ask for it."""
    if is_file and _DOCUMENTATION.fullmatch(path):
        return path.endswith("/copyright")
    return _DROPPED.fullmatch(path) is None


def archive(root: Path) -> Iterator[bytes]:
    """The archive's bytes, piece by piece."""
    names: dict[int, str] = {}
    for path in _walk(root):
        yield from _entry(root, path, names)
    yield tar.END


def _walk(root: Path, folder: str = "") -> Iterator[str]:
    for item in sorted(os.scandir(root / folder), key=lambda item: item.name):
        path = f"{folder}{item.name}"
        is_folder = item.is_dir(follow_symlinks=False)
        if kept(path, item.is_file(follow_symlinks=False)):
            yield path
            if is_folder:
                yield from _walk(root, f"{path}/")


def _entry(root: Path, path: str, names: dict[int, str]) -> Iterator[bytes]:
    """`names`: of files with several names, the first. Rights to become another user are left out."""
    status = (root / path).lstat()
    if stat.S_ISDIR(status.st_mode):
        yield tar.header(path, tar.DIRECTORY, mode=status.st_mode & 0o1777)
    elif stat.S_ISLNK(status.st_mode):
        yield tar.header(path, tar.SYMLINK, mode=0o777, target=os.readlink(root / path))
    elif stat.S_ISREG(status.st_mode):
        first = names.setdefault(status.st_ino, path) if status.st_nlink > 1 else path
        if first != path:
            yield tar.header(path, tar.HARD_LINK, mode=status.st_mode & 0o777, target=first)
        else:
            yield tar.header(path, tar.FILE, size=status.st_size, mode=status.st_mode & 0o777)
            yield from _content(root / path)
            yield tar.padding(status.st_size)


def _content(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while piece := file.read(CHUNK):
            yield piece
