"""Pictures and figures, shown by the viewer that the desktop has for them."""

from __future__ import annotations

import io
import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import click

from sematic.cli.screen import say
from sematic.cli.summaries import type_name
from sematic.errors import SematicError
from sematic.recorded import SHORT, Record
from sematic.types.artifact import COMPOSITE_CODEC, Artifact, load, open_parts, read
from sematic.types.image import Image


def open_artifact(record: Record, found: Artifact) -> None:
    """Write what can be looked at, in a container each of its parts, to temporary files; say where they are, and open
    them where there is a display."""
    pictures = list(_pictures(record, found))
    if not pictures:
        known = ", ".join(map(type_name, ([word] for word in _MAKERS)))
        raise SematicError(f"in a {type_name(found.spec)} is nothing to be opened; what can be: {known}")
    folder = Path(tempfile.mkdtemp(prefix=f"sematic-{found.id[:SHORT]}-"))
    for number, (name, data) in enumerate(pictures):
        path = folder / (name if number == 0 else f"{number}-{name}")
        path.write_bytes(data)
        say(str(path))
        if _has_display():
            click.launch(str(path))


def _pictures(record: Record, found: Artifact) -> Iterator[tuple[str, bytes]]:
    make = _MAKERS.get(found.spec[0])
    if make is not None:
        yield make(record, found)
    elif found.codec == COMPOSITE_CODEC:
        open_parts(found, record.home.store)
        for part in (*found.inline.values(), *found.children.values()):
            yield from _pictures(record, part)


def _has_display() -> bool:
    return sys.platform in ("darwin", "win32") or bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def _image(record: Record, found: Artifact) -> tuple[str, bytes]:
    image = Image(bytes(read(found, record.home.store)))
    return f"image.{image.format}", image.bytes


def _figure(record: Record, found: Artifact) -> tuple[str, bytes]:
    from sematic.types.figures import picture

    data = picture(read(found, record.home.store))
    if not data:
        raise SematicError(f"the figure {found.id[:SHORT]} could not be drawn when it was stored")
    return "figure.png", data


def _picture(record: Record, found: Artifact) -> tuple[str, bytes]:
    file = io.BytesIO()
    value: Any = _decoded(record, found, "pillow")
    if value.mode not in ("1", "L", "LA", "P", "RGB", "RGBA", "I;16"):
        value = value.convert("RGB")
    value.save(file, "PNG")
    return "picture.png", file.getvalue()


def _plot(record: Record, found: Artifact) -> tuple[str, bytes]:
    value: Any = _decoded(record, found, "plotly")
    return "plot.html", value.to_html().encode()


def _decoded(record: Record, found: Artifact, library: str) -> object:
    try:
        return load(found, record.home.store)
    except ImportError as error:
        raise SematicError(
            f"a {type_name(found.spec)} is opened by {library}, which is not here: install it"
        ) from error


_MAKERS: dict[str, Callable[[Record, Artifact], tuple[str, bytes]]] = {
    "image": _image,
    "figure": _figure,
    "picture": _picture,
    "plotly": _plot,
}
