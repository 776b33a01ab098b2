"""Figures of Plotly: its JSON, with the arrays beside it.

Not as Plotly writes it: that makes null of NaN, texts of dates, and narrower numbers of what an array holds.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

from sematic.errors import ConversionError
from sematic.types import packed, pickled, sections
from sematic.types.base import BinaryType, Buffer, Json, Spec, ValueType
from sematic.types.jsontext import dumps, loads
from sematic.types.registry import Row, path_of, register
from sematic.types.scalars import STR
from sematic.types.sections import Section, checked
from sematic.types.summaries import ELEMENTS


class PlotType(BinaryType):
    """plotly.graph_objects.Figure."""

    codec = "plotly"
    python: type

    def __init__(self, cls: type) -> None:
        super().__init__(["plotly"], "plotly.graph_objects.Figure")
        self.python = cls

    def accepts(self, source: ValueType) -> bool:
        return False

    def convert(self, value: Any) -> Any:
        if type(value) is not self.python:
            inherits = issubclass(type(value), self.python.__bases__)
            raise self.refuse(value, "write plotly.graph_objects.Figure(value)" if inherits else "")
        try:
            _pack(value, [])
        except ConversionError as error:
            raise error.within("") from None
        return value

    def to_chunks(self, value: Any) -> Iterator[Buffer]:
        beside: list[Section] = []
        text = dumps(_pack(value, beside)).encode("ascii")
        facts = {"class": path_of(self.python), "libraries": pickled.versions(["plotly"])}
        return sections.write(facts, [checked(text), *beside])

    def from_buffer(self, buffer: Buffer) -> Any:
        _, (text, *beside) = sections.read(buffer)
        parts = packed.unpack(loads(str(text, "ascii")), beside)
        figure = self.python(data=parts["data"], frames=parts["frames"])
        figure.layout = parts["layout"]
        if "template" not in parts["layout"]:
            figure.layout.template = None  # the reader's default was added
        return figure

    def summarise(self, value: Any) -> Json:
        traces = [trace.type for trace in value.data[:ELEMENTS]]
        title = value.layout.title.text
        return {"plot": traces, "length": len(value.data)} | ({"title": STR.summarise(title)} if title else {})


def _pack(figure: Any, beside: list[Section]) -> Json:
    return {
        "data": [_packed(each, beside, f".data[{at}]") for at, each in enumerate(figure.data)],
        "layout": _packed(figure.layout, beside, ".layout"),
        "frames": [_packed(each, beside, f".frames[{at}]") for at, each in enumerate(figure.frames)],
    }


def _packed(item: Any, beside: list[Section], where: str) -> Json:
    """One trace, layout or frame, from what it holds where it has that: the public way copies all arrays."""
    held = getattr(item, "_props", None)
    return packed.pack(_in_order(item.to_plotly_json() if held is None else held), beside, where)


def _in_order(value: Any) -> Any:
    """Sorted by name: the order of properties means nothing, and Plotly changes it."""
    if isinstance(value, dict) and all(isinstance(key, str) for key in value):
        return {key: _in_order(value[key]) for key in sorted(value)}
    if isinstance(value, (list, tuple)) and any(isinstance(item, (dict, list, tuple)) for item in value):
        return type(value)(map(_in_order, value))
    return value


def _match(annotation: Any) -> ValueType | None:
    module = sys.modules.get("plotly.graph_objs._figure")
    return PlotType(annotation) if module is not None and annotation is module.Figure else None


def _load(spec: Spec) -> ValueType:
    from plotly.graph_objects import Figure

    return PlotType(Figure)


register(
    _match,
    {"plotly": _load},
    (
        Row(
            "plotly.graph_objects.Figure",
            "an instance; as Plotly's JSON, arrays beside it",
            "plotly",
            "kinds of traces, title",
        ),
    ),
)
