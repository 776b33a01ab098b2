"""What goes into a layer: entries as the rules list them, checked, sorted, with their parent folders.

A rule writes one JSON list a line, `[path in the image, file on disk, kind, mode]`, the last two optional. Kinds:

    file      the file's bytes, through whatever links Bazel laid on the way
    data      the same for a file of the user's sources: an absolute link of the user's own is refused
    tree      a folder that an action made, with all files that are in it
    symlink   a link; the second field is its target
    hardlink  a second name of another path of this layer, which the second field names
    link      a link that is read from disk
    empty     an empty file
    dir       a folder

Inside this program there is one more, `text`: a file whose content is the source itself.
"""

from __future__ import annotations

import json
import posixpath
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from image_tools.layer.errors import LayerError

KINDS = ("file", "data", "tree", "symlink", "hardlink", "link", "empty", "dir")
MODES = {"auto": None, "0644": 0o644, "0755": 0o755}
_DEFAULTS = ["file", "auto"]
_BAD_PART = re.compile(r"(?:^|/)(?:\.{0,2}(?:/|\Z)|\.wh\.)|\0")


class Entry(NamedTuple):
    """One path of the image: `source` is a file on disk, a link's target or a text; the content decides a mode None."""

    path: str
    source: str
    kind: str = "file"
    mode: int | None = None


def read(path: str) -> list[Entry]:
    """The entries of a file that a rule wrote."""
    try:
        lines = _decoded(Path(path).read_bytes()).removesuffix("\n").split("\n")
    except OSError as error:
        raise LayerError(f"{path} cannot be read: {error.strerror}.") from None
    parsed = _parsed(lines)
    return _plain(parsed) or [_entry(fields) for fields in parsed]


def _decoded(data: bytes) -> str:
    """Bazel writes a name as the bytes it has on disk, or as Latin-1 where its Java decodes names, as Debian's does."""
    try:
        return data.decode()
    except UnicodeDecodeError:
        return data.decode("latin-1")


def _parsed(lines: list[str]) -> list[Any]:
    """All lines at once, which takes a third of the time; line by line only to say which one is wrong."""
    try:
        return list(json.loads(f"[{','.join(lines)}]"))
    except ValueError:
        return [_parsed_line(line) for line in lines]


def _parsed_line(line: str) -> object:
    try:
        return json.loads(line)
    except ValueError:
        raise LayerError(f"{line!r} is no entry: expected [path, source, kind, mode] as a JSON list.") from None


def _plain(parsed: list[Any]) -> list[Entry]:
    """All entries at once where nothing is the matter with any of them and each is a file; else none."""
    if {*map(type, parsed)} != {list} or {*map(len, parsed)} != {2}:
        return []
    paths, sources = zip(*parsed)
    if {*map(type, paths), *map(type, sources)} != {str}:
        return []
    together = f"/{'/|/'.join(paths)}/"
    if any(bad in together for bad in ("//", "/./", "/../", "/.wh.", "\0")):
        return []
    return [*map(Entry, paths, sources)]


def _entry(fields: object) -> Entry:
    if not isinstance(fields, list) or not 2 <= len(fields) <= 4 or {*map(type, fields)} != {str}:
        raise LayerError(f"{fields!r} is no entry: expected [path, source, kind, mode] as a JSON list.")
    path, source, kind, mode = fields + _DEFAULTS[len(fields) - 2 :]
    if kind not in KINDS or mode not in MODES:
        raise LayerError(f"{fields!r} is no entry: kinds are {', '.join(KINDS)}; modes are {', '.join(MODES)}.")
    return Entry(checked(path), source, kind, MODES[mode])


def checked(path: str) -> str:
    """`path` without a slash in front, if it can be a path of a layer."""
    bare = path.removeprefix("/")
    if bad := _BAD_PART.search(bare):
        if ".wh." in bad.group():
            raise LayerError(
                f"{path!r} cannot be in a layer: a runtime deletes what a name in .wh. names; call it otherwise."
            )
        raise LayerError(f"{path!r} cannot be a path in an image: no empty part, no '.', no '..', no NUL.")
    return bare


def arrange(entries: Iterable[Entry]) -> list[Entry]:
    """Each path once, by path; hard links at the end, so that what they name is there before."""
    found: dict[str, Entry] = {}
    for entry in entries:
        known = found.setdefault(entry.path, entry)
        if known != entry and not _same_content(known, entry):
            raise LayerError(
                f"Two inputs want to be {entry.path!r}: {known.source!r} and {entry.source!r}, which differ."
            )
    arranged = sorted(found.values(), key=_rank)
    _check_targets(arranged)
    return arranged


def _rank(entry: Entry) -> tuple[bool, str]:
    return entry.kind == "hardlink", entry.path


def is_library(entry: Entry) -> bool:
    """Whether it is a native library by its name: those are the large files."""
    return entry.kind == "file" and (entry.path.endswith(".so") or ".so." in entry.path)


def spread(arranged: Sequence[Entry], sizes: Mapping[str, int]) -> list[Entry]:
    """Native libraries evenly among the other files, the largest first (sizes are by source); hard links at the end.

    A large file is hashed while the small ones behind it are opened and read, as many as there is memory for. So those
    of the fullest folders are next: they are the smallest, and there is the most to do for each of their bytes.
    """
    links = [entry for entry in arranged if entry.kind == "hardlink"]
    large = [entry for entry in arranged if is_library(entry)]
    small = [entry for entry in arranged if not is_library(entry) and entry.kind != "hardlink"]
    crowds = Counter(entry.path.rpartition("/")[0] for entry in small)
    small.sort(key=lambda entry: -crowds[entry.path.rpartition("/")[0]])
    large.sort(key=lambda entry: (-sizes.get(entry.source, 0), entry.path))
    mixed, done = list[Entry](), 0
    for number, entry in enumerate(large, 1):
        end = number * len(small) // len(large)
        mixed += [entry, *small[done:end]]
        done = end
    return [*mixed, *small[done:], *links]


def folders(entries: Iterable[Entry]) -> list[str]:
    """Every folder that the entries are in or ask for, parents first."""
    found: set[str] = set()
    kinds = {entry.path: entry.kind for entry in entries}
    for path, kind in kinds.items():
        folder = path if kind == "dir" else path.rpartition("/")[0]
        while folder not in found and folder != "":
            found.add(folder)
            folder = folder.rpartition("/")[0]
    for folder in found:
        if kinds.get(folder, "dir") != "dir":
            raise LayerError(
                f"{folder!r} is no folder in this layer (its kind is {kinds[folder]}), but has entries inside."
            )
    return sorted(found)


def _same_content(one: Entry, other: Entry) -> bool:
    """Files are compared by what they hold; anything else has to be listed the same."""
    if {one.kind, other.kind} <= {"file", "data"} and one.mode == other.mode:
        return _equal_files(one.source, other.source)
    return one.kind == other.kind and one.kind in ("empty", "dir")


def _equal_files(one: str, other: str) -> bool:
    if one == other:
        return True
    try:
        with open(one, "rb") as left, open(other, "rb") as right:
            while (block := left.read(1 << 16)) == right.read(1 << 16):
                if not block:
                    return True
    except OSError as error:
        raise LayerError(f"{error.filename} cannot be read: {error.strerror}.") from None
    return False


def _check_targets(entries: list[Entry]) -> None:
    links = {entry.path: entry.source for entry in entries if entry.kind == "symlink"}
    for path, target in links.items():
        if not target or target.startswith("/"):
            raise LayerError(
                f"{path!r} is an absolute symlink to {target!r}: it would leave the image; make it relative."
            )
        _follow(path, links)
    names = {entry.path for entry in entries if entry.kind in ("file", "data", "empty", "text")}
    for entry in entries:
        if entry.kind == "hardlink" and checked(entry.source) not in names:
            raise LayerError(f"{entry.path!r} is a hard link to {entry.source!r}, which is no file of this layer.")


def _follow(path: str, links: dict[str, str]) -> None:
    """Refuses a link that leads back to itself or out of the image; one that leads nowhere may find its file below."""
    seen = [path]
    while path in links:
        path = posixpath.normpath(posixpath.join(posixpath.dirname(path), links[path]))
        if path.startswith("../") or path == "..":
            raise LayerError(f"{seen[0]!r} is a symlink to {links[seen[-1]]!r}, which is outside the image.")
        if path in seen:
            raise LayerError(f"{seen[0]!r} is a symlink loop: {' -> '.join(map(repr, [*seen, path]))}.")
        seen.append(path)
