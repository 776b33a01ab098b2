"""Figures of Matplotlib: a PNG for people, and a pickle, which alone can give the figure back.

The PNG is drawn from what was pickled: drawing changes a figure, and this one belongs to the user.
"""

from __future__ import annotations

import io
import math
import time
import warnings
from collections.abc import Iterator
from pickle import DEFAULT_PROTOCOL
from typing import Any
from weakref import WeakKeyDictionary

from sematic.types import pickled, sections, thumbnails
from sematic.types.base import BinaryType, Buffer, Json, ValueType
from sematic.types.registry import Row, load_class, path_of, register
from sematic.types.scalars import STR
from sematic.types.sections import Section, checked
from sematic.types.summaries import ELEMENTS

_MOST_PIXELS = 4_000_000
_LARGEST_DRAWN = 1 << 26
_SECONDS = 10.0


class FigureType(BinaryType):
    """matplotlib.figure.Figure, and those below it."""

    codec = "figure+pickle"
    python: type

    def __init__(self, cls: type) -> None:
        super().__init__(["figure", path_of(cls)], cls.__qualname__)
        self.python = cls

    def accepts(self, source: ValueType) -> bool:
        return source.python is not None and issubclass(source.python, self.python)

    def convert(self, value: Any) -> Any:
        if not issubclass(type(value), self.python):
            raise self.refuse(value, "write its figure: value.figure" if hasattr(value, "figure") else "")
        return value

    def to_chunks(self, value: Any) -> Iterator[Buffer]:
        facts, parts = pickled.dump(value, _without_window)
        png = _drawn(facts, parts, type(value))
        _thumbnails[value] = thumbnails.of_compressed(png) if png else None
        return sections.write(facts, [checked(png), *parts])

    def from_buffer(self, buffer: Buffer) -> Any:
        facts, (_, *parts) = sections.read(buffer)
        return pickled.load(facts, parts, self.python)

    def summarise(self, value: Any) -> Json:
        titles = [STR.summarise(axes.get_title()) for axes in value.axes[:ELEMENTS]]
        summary = {"figure": titles, "length": len(value.axes), "inches": [*map(float, value.get_size_inches())]}
        thumbnail = _thumbnails.pop(value, None)
        return summary | {"pickle": True} | ({} if thumbnail is None else {"thumbnail": thumbnail})


_thumbnails: WeakKeyDictionary[Any, Json] = WeakKeyDictionary()
"""From when a figure was drawn to be stored until its summary is asked for: drawing takes long."""


def picture(buffer: Buffer) -> bytes:
    """The PNG of a stored figure, unpickling nothing; empty when it could not be drawn."""
    _, (png, *_) = sections.read(buffer)
    return bytes(png)


def _without_window(obj: Any) -> Any:
    """A figure that pyplot has shown would open a window wherever it is unpickled."""
    from matplotlib.figure import Figure

    if not isinstance(obj, Figure):
        return None
    make, arguments, state, *rest = obj.__reduce_ex__(DEFAULT_PROTOCOL)
    if isinstance(state, dict):
        state.pop("_restore_to_pylab", None)
    return (make, arguments, state, *rest)


def _drawn(facts: dict[str, Any], parts: list[Section], cls: type) -> bytes:
    """A PNG; nothing when it cannot be drawn, or would take long: it is a figure all the same."""
    if sum(part.size for part in parts) > _LARGEST_DRAWN:
        return b""
    copy = pickled.load(facts, [memoryview(b"".join(part.pieces)) for part in parts], cls)
    copy.dpi = _dpi(copy)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the user is told when drawing it
            return _rendered(copy)
    except Exception:
        return b""


def _rendered(figure: Any) -> bytes:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from PIL import Image

    canvas = FigureCanvasAgg(figure)
    deadline = time.monotonic() + _SECONDS

    def begin(name: str, gid: str | None = None) -> None:
        if time.monotonic() > deadline:
            raise TimeoutError(name)

    canvas.get_renderer().open_group = begin  # what each thing in a figure calls before it draws itself
    canvas.draw()
    file = io.BytesIO()
    Image.frombuffer("RGBA", canvas.get_width_height(), canvas.buffer_rgba()).save(file, "PNG")
    return file.getvalue()


def _dpi(figure: Any) -> float:
    width, height = figure.get_size_inches()
    most = math.sqrt(_MOST_PIXELS / max(width * height, 1e-9))
    return float(min(figure.dpi, most))


def _match(annotation: Any) -> ValueType | None:
    from matplotlib.figure import Figure

    return FigureType(annotation) if isinstance(annotation, type) and issubclass(annotation, Figure) else None


register(
    _match,
    {"figure": load_class},
    (
        Row(
            "matplotlib.figure.Figure",
            "an instance; a PNG of it is kept too",
            "figure+pickle",
            "titles, size, thumbnail",
        ),
    ),
)
