"""How commands write: plain and tab-separated on a pipe, tables and colour on a terminal, JSON where asked for.

Names, messages and summaries come from users' programs. Their control characters would be orders to the terminal, so
`safe` makes them visible instead.
"""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

import click

from sematic.resolvers.progress import duration

# also what reorders or ends lines: bidirectional controls, separators; and lone surrogates, which cannot be written
_CONTROL = r"\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff"
_UNSAFE = re.compile(f"[{_CONTROL}]")
_COLOURED = re.compile(f"\x1b\\[[0-9;:]*m|[{_CONTROL}]")
_LINES = "\n\t"
_NARROWEST = 8

_COLOURS = {
    "RESOLVED": "green",
    "RAN": "cyan",
    "RUNNING": "cyan",
    "SCHEDULED": "blue",
    "RETRYING": "yellow",
    "CANCELED": "yellow",
    "INTERRUPTED": "magenta",
    "FAILED": "red",
    "NESTED_FAILED": "red",
}


def on_terminal() -> bool:
    """Whether people read the output directly."""
    return sys.stdout.isatty()


def safe(text: str, keep: str = "") -> str:
    """`text` with control characters, except those in `keep`, written out."""
    return _UNSAFE.sub(lambda found: found[0] if found[0] in keep else _visible(found[0]), text)


def safe_output(text: str) -> str:
    """What a program printed, for a terminal: colours and lines are kept, other control characters written out."""
    unified = text.replace("\r\n", "\n").replace("\r", "\n")
    shown = _COLOURED.sub(_kept_output, unified)
    return f"{shown}\x1b[0m" if "\x1b[" in shown else shown


def _kept_output(found: re.Match[str]) -> str:
    text = found[0]
    return text if len(text) > 1 or text in _LINES else _visible(text)


def _visible(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii")


def say(text: str = "") -> None:
    """One line (or more) to stdout; colours reach terminals only."""
    click.echo(text, color=False if os.environ.get("NO_COLOR") else None)


def paint(text: str, **style: Any) -> str:
    """`text` in a style, on a terminal."""
    return click.style(text, **style) if on_terminal() else text


def painted_state(state: str) -> str:
    """A state in its colour."""
    return paint(state, fg=_COLOURS.get(state.strip()))


def say_json(data: Any) -> None:
    """One JSON text: indented on a terminal, one line on a pipe."""
    say(json.dumps(data, indent=2 if on_terminal() else None))


def table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """A table on a terminal; on a pipe the rows alone, one tab between columns."""
    if not on_terminal():
        for row in rows:
            say("\t".join(map(safe, row)))
        return
    from rich.cells import cell_len
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    shown = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    cells = [[safe(cell) for cell in row] for row in rows]
    console = Console(highlight=False)
    widths = [max(map(cell_len, column)) for column in zip(headings, *cells, strict=True)]
    for heading, width in zip(headings, _fitted(widths, console.width - 2 * len(widths)), strict=True):
        shown.add_column(heading, no_wrap=True, overflow="ellipsis", width=width)
    for row in cells:
        shown.add_row(*(Text(cell, style=_COLOURS.get(cell, "")) for cell in row))
    console.print(shown)


def _fitted(widths: list[int], room: int) -> list[int]:
    """Widths that fit: where room is short the widest columns give way."""
    while sum(widths) > room and max(widths) > _NARROWEST:
        widths[widths.index(max(widths))] -= 1
    return widths


def local_time(seconds: float | None) -> str:
    """A recorded time for people, here: ``2026-11-23 14:05:09``; on a pipe with the offset."""
    if seconds is None:
        return ""
    here = datetime.fromtimestamp(seconds, UTC).astimezone()
    return here.strftime("%Y-%m-%d %H:%M:%S" if on_terminal() else "%Y-%m-%dT%H:%M:%S%z")


def utc_time(seconds: float | None) -> str | None:
    """A recorded time for programs: ISO 8601 in UTC."""
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC).isoformat()


def took(seconds: float | None) -> str:
    """A duration for people; empty when there is none."""
    return "" if seconds is None else duration(seconds)


def size(count: int) -> str:
    """Bytes for people: ``812 B``, ``4.2 kB``, ``1.3 GB``."""
    if count < 1000:
        return f"{count} B"
    number, units = float(count), iter("kMGTPE")
    while True:
        number, unit = number / 1000, next(units)
        if number < 999.95:
            return f"{number:.1f} {unit}B"


def plural(count: int, noun: str) -> str:
    """``1 run``, ``2 runs``."""
    return f"{count:,} {noun}{'s' * (count != 1)}"
