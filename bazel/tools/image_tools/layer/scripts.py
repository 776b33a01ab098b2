"""Console scripts: what an installer makes from a wheel's entry points, and the first line of those it brings."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from image_tools.layer.entries import Entry
from image_tools.layer.errors import LayerError
from image_tools.layer.installed import Site, described, text

_SECTIONS = ("console_scripts", "gui_scripts")
_FUNCTION = re.compile(r"([\w.]+)\s*:\s*([\w.]+)\s*(?:\[.*\])?")  # Extras in brackets say nothing to a script.
_MODE = 0o755
_FIRST_LINE = b"#!/usr/bin/env python3\n"

# As published, and as an installer leaves it that knows no interpreter.
_TO_REPLACE = re.compile(rb"#!(?:python|/dev/null\b)[^\n]*\n?")


def add(listed: Iterable[Entry], site: Site) -> list[Entry]:
    """The entries with the scripts of the wheel's entry points.

    One that was listed under the same name gives way, as it does with pip: it may name an interpreter of this machine.
    """
    listed = list(listed)
    made = {
        entry.path: entry for file in described(listed, site.root, "entry_points.txt") for entry in _made(file, site)
    }
    return [*(_runnable(entry, site) for entry in listed if entry.path not in made), *made.values()]


def _made(file: Entry, site: Site) -> Iterator[Entry]:
    for name, module, function in parse(text(file), file.source):
        yield Entry(site.scripts + name, content(module, function), "text", _MODE)


def parse(entry_points: str, source: str) -> Iterator[tuple[str, str, str]]:
    """Name, module and function of each script that a file of entry points declares."""
    section = ""
    for line in map(str.strip, entry_points.splitlines()):
        if line.startswith("[") and line.endswith("]"):
            section = line[1:-1].strip()
        elif section in _SECTIONS and line and line[0] not in "#;":
            yield _script(line, source)


def content(module: str, function: str) -> str:
    """The program; it imports before it looks at how it was started, so that spawned processes find the module too."""
    first = function.partition(".")[0]
    return (
        f"{_FIRST_LINE.decode()}from {module} import {first}\n\n"
        f'if __name__ == "__main__":\n    raise SystemExit({function}())\n'
    )


def _script(line: str, source: str) -> tuple[str, str, str]:
    name, _, value = (part.strip() for part in line.partition("="))
    found = _FUNCTION.fullmatch(value)
    if not found or not all(part.isidentifier() for path in found.groups() for part in path.split(".")):
        raise LayerError(f"{source}: {line!r} is no script: expected `name = module:function`; pip refuses it too.")
    if not name or "/" in name or "\0" in name or name in (".", ".."):
        raise LayerError(f"{source}: {line!r} declares a script whose name is no name of a file.")
    return name, found[1], found[2]


def _runnable(entry: Entry, site: Site) -> Entry:
    """A script that a wheel brings, with a first line that an image can follow; anything else as it is."""
    if not entry.path.startswith(site.scripts) or entry.kind not in ("file", "data"):
        return entry
    try:
        with open(entry.source, "rb") as file:
            first = file.readline(256)
            if not _TO_REPLACE.fullmatch(first):
                return entry._replace(mode=_MODE)
            program = _FIRST_LINE + file.read()
    except OSError:
        return entry  # Whoever packs it says why it cannot be read.
    return Entry(entry.path, program.decode("utf-8", "surrogateescape"), "text", _MODE)
