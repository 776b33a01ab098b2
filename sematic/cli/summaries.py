"""Artifacts on one line: types without importing anybody's classes, values from their recorded summaries."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from itertools import repeat
from typing import Any, TypeAlias

from sematic.errors import ArtifactError
from sematic.recorded import Input, Record
from sematic.types.artifact import Artifact
from sematic.types.base import Json, Spec

WIDTH = 48
_BRACKETS = {"list": "[]", "deque": "[]", "tuple": "()", "tuple...": "()", "set": "{}", "frozenset": "{}"}
_LIBRARIES = {
    "numpy": "numpy",
    "pandas": "pandas",
    "polars": "polars",
    "arrow": "pyarrow",
    "sparse": "scipy.sparse",
}
_UNKNOWN: Spec = [""]
_NAMES = {
    "directory": "Directory",
    "figure": "matplotlib.figure.Figure",
    "file": "File",
    "image": "Image",
    "lightgbm": "lightgbm.Booster",
    "picture": "PIL.Image.Image",
    "plotly": "plotly.graph_objects.Figure",
    "xgboost": "xgboost.Booster",
}
_BARE = frozenset(
    "enum path date datetime timedelta time float complex numpy Decimal Fraction UUID range slice tzinfo timezone "
    "ZoneInfo".split()
)
_Writer: TypeAlias = Callable[[dict[str, Any], Spec], str]


def type_name(spec: Spec) -> str:
    """A type as people write it: ``list[dict[str, float]]``, ``Config``."""
    head, *rest = spec
    if head in _NAMES and not rest:
        return _NAMES[head]
    if head == "union":
        return " | ".join(map(type_name, rest))
    if head == "array":
        return f"NDArray[{rest[0]}]" if rest[0] else "numpy.ndarray"
    if head in _LIBRARIES:
        return f"{_LIBRARIES[head]}.{rest[0]}"
    if head == "tuple...":
        return f"tuple[{type_name(rest[0])}, ...]"
    if head == "literal":
        return f"Literal[{', '.join(repr(value) for _, value in rest)}]"
    if head == "any":
        return str(rest[0])
    if head == "type":
        return f"type[{' | '.join(sorted(path.rpartition(':')[2] for path in rest))}]"
    if rest and isinstance(rest[0], str):
        head, rest = rest[0].rpartition(":")[2], rest[1:]
    inner = [type_name(each) for each in rest if isinstance(each, list)]
    return f"{head}[{', '.join(inner)}]" if inner else str(head)


def brief_id(record: Record, id: str) -> str:
    """The value of a recorded artifact, short."""
    try:
        return brief(record.artifact(id))
    except KeyError:
        return "(gone)"
    except ArtifactError:
        return "(corrupt)"


def brief_input(record: Record, given: Input) -> str:
    """An argument, short."""
    return "(pending)" if given.artifact_id is None else brief_id(record, given.artifact_id)


def brief(artifact: Artifact, width: int = WIDTH) -> str:
    """The value as its summary tells it, on one line of at most `width` characters."""
    text = _text(artifact.summary, artifact.spec)
    return text if len(text) <= width else text[: width - 1] + "…"


def _text(summary: Json, spec: Spec = _UNKNOWN) -> str:
    if isinstance(summary, str):
        return summary if spec[0] in _BARE else _quoted(summary)
    if not isinstance(summary, dict):
        return repr(summary)
    for key, write in _WRITERS.items():
        if key in summary:
            return write(summary, spec)
    return json.dumps(summary)


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def _elements(summary: dict[str, Any], spec: Spec) -> str:
    brackets = _BRACKETS.get(spec[0], "[]")
    shown = [_text(each, kind) for each, kind in zip(summary["elements"], _element_specs(spec), strict=False)]
    inner = _joined(shown, summary["length"])
    return f"{brackets[0]}{inner}{brackets[1]}"


def _element_specs(spec: Spec) -> Iterable[Spec]:
    """The types of elements, as far as a spec tells them: without end for those of any length."""
    inner: list[Spec] = spec[1:]
    if spec[0] == "tuple":
        return inner
    return repeat(inner[0] if spec[0] in _BRACKETS else _UNKNOWN)


def _items(summary: dict[str, Any], spec: Spec) -> str:
    kinds = spec[1:] if spec[0] in ("dict", "OrderedDict", "defaultdict") else [_UNKNOWN, _UNKNOWN]
    shown = [f"{_text(key, kinds[0])}: {_text(value, kinds[1])}" for key, value in summary["items"]]
    return f"{{{_joined(shown, summary['length'])}}}"


def _joined(shown: list[str], length: int) -> str:
    return ", ".join(shown if len(shown) == length else [*shown[:3], f"… {length} in all"])


def _fields(summary: dict[str, Any], spec: Spec) -> str:
    name = summary["class"].rpartition(":")[2]
    return f"{name}({', '.join(f'{field}={_text(value)}' for field, value in summary['fields'].items())})"


def _array(summary: dict[str, Any], spec: Spec) -> str:
    shape = " x ".join(map(str, summary["shape"])) or "scalar"
    return f"{summary.get('dtype', '')} {shape}".strip()


def _table(summary: dict[str, Any], spec: Spec) -> str:
    return f"{summary['table']} {' x '.join(f'{length:,}' for length in summary['shape'])}"


def _sparse(summary: dict[str, Any], spec: Spec) -> str:
    return f"{summary['sparse']} {_array(summary, spec)}, {summary['entries']:,} entries"


def _cut_text(summary: dict[str, Any], spec: Spec) -> str:
    return f"{_quoted(summary['text'])}… {summary['length']:,} characters"


def _bytes(summary: dict[str, Any], spec: Spec) -> str:
    return f"{summary['length']:,} bytes: {summary['start']}"


def _bits(summary: dict[str, Any], spec: Spec) -> str:
    return f"an integer of {summary['bits']:,} bits"


def _estimator(summary: dict[str, Any], spec: Spec) -> str:
    name = summary["class"].rpartition(":")[2]
    fitted = ", fitted" if summary["fitted"] else ""
    return f"{name}({', '.join(f'{key}={value}' for key, value in summary['parameters'].items())}){fitted}"


def _booster(summary: dict[str, Any], spec: Spec) -> str:
    return f"{summary['trees']:,} trees of {summary['features']:,} features"


def _figure(summary: dict[str, Any], spec: Spec) -> str:
    titles = ", ".join(_text(title) for title in summary["figure"] if title)
    return f"{summary['length']:,} axes{f': {titles}' if titles else ''}"


def _plot(summary: dict[str, Any], spec: Spec) -> str:
    title = f"{_text(summary['title'])}: " if "title" in summary else ""
    return f"{title}{_joined(summary['plot'], summary['length']) or 'no traces'}"


def _picture(summary: dict[str, Any], spec: Spec) -> str:
    kind = summary.get("picture") or summary["image"]
    return f"{kind} {' x '.join(map(str, summary['size']))}"


def _file(summary: dict[str, Any], spec: Spec) -> str:
    return f"{_text(summary['file'])}, {summary['length']:,} bytes"


def _directory(summary: dict[str, Any], spec: Spec) -> str:
    return f"{_text(summary['directory'])}: {summary['length']:,} files, {summary['bytes']:,} bytes"


_WRITERS: dict[str, _Writer] = {
    "parameters": _estimator,
    "trees": _booster,
    "figure": _figure,
    "plot": _plot,
    "picture": _picture,
    "image": _picture,
    "file": _file,
    "directory": _directory,
    "elements": _elements,
    "items": _items,
    "fields": _fields,
    "table": _table,
    "sparse": _sparse,
    "shape": _array,
    "text": _cut_text,
    "start": _bytes,
    "bits": _bits,
    "repr": lambda summary, spec: str(summary["repr"]),
    "unavailable": lambda summary, spec: f"({summary['unavailable']})",
}
