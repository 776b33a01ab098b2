"""What is in an image of the sample, as a text that is the same with MODULE.bazel and with WORKSPACE."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from image_tools.image import description
from image_tools.image.description import Image, Layer
from image_tools.layer.records import Record, read_index

HERE = Path(__file__).parent
RUNFILES = HERE.parents[4]
GOLDEN = HERE / "listing.golden"
RENEW = "./bazelw run //tools/packaging/tests/rules:renew"

# Which repository a file is in, and what the repositories are called, is what the two modes differ in.
_REPOSITORIES = [
    (re.compile(r"\b(rules_python~~pip~)?pypi_(311_)?(?=\w+\b)"), "pypi_"),
    (re.compile(r"(?<=/app/src/)(_main|sematic)\b|(?<=^app/src/)(_main|sematic)\b"), "WORKSPACE"),
]
_INSTALLED = "app/site-packages/"
_ONLY_MODULES = "app/src/_repo_mapping"


def image(name: str) -> Image:
    """An image of the sample, `main_image` or another."""
    return description.read(str(HERE / "sample" / name / "image.json"), str(RUNFILES))


def config(built: Image) -> dict[str, Any]:
    """The configuration of an image, for whoever starts a container."""
    return dict(json.loads(built.config)["config"])


def listing(built: Image) -> str:
    """A line for each setting of a container, then a block for each layer: a line for each path, or folder of a wheel."""
    return "\n".join([*_settings(config(built)), *(line for layer in built.layers for line in _layer(layer))]) + "\n"


def _settings(started: dict[str, Any]) -> Iterator[str]:
    yield _same(f"entry point: {' '.join(started['Entrypoint'])}")
    yield _same(f"folder: {started['WorkingDir']}")
    yield from (_same(f"env: {variable}") for variable in started["Env"])


def _layer(layer: Layer) -> Iterator[str]:
    about = f": {layer.metadata.reason}" if layer.metadata.reason else ""
    yield f"\n{layer.metadata.name} ({layer.metadata.role}){about}"
    records = [record for record in read_index(layer.index) if record.path != _ONLY_MODULES]
    installed = [record for record in records if record.path.startswith(_INSTALLED)]
    yield from sorted(_line(record) for record in records if not record.path.startswith(_INSTALLED))
    yield from _packages(installed)


def _packages(records: list[Record]) -> Iterator[str]:
    """What is installed, by its outermost folder or file."""
    found: dict[str, list[Record]] = {}
    for record in records:
        found.setdefault(record.path.removeprefix(_INSTALLED).partition("/")[0], []).append(record)
    for name, inside in sorted(found.items()):
        files = [record for record in inside if record.kind != "dir"]
        yield f"  {_INSTALLED}{name}: {len(files)} files, {sum(record.size for record in files)} bytes"


def _line(record: Record) -> str:
    size = f" {record.size}" if record.kind == "file" else ""
    target = f" -> {record.target}" if record.target else ""
    return f"  {_same(record.path)} {record.kind} {record.mode:04o}{size}{target}"


def _same(text: str) -> str:
    for pattern, name in _REPOSITORIES:
        text = pattern.sub(name, text)
    return text
