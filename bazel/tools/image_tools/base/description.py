"""What is known of a base: where its blobs are, its Python and its C library. Never guessed.

An image says it with the labels dev.sematic.python and dev.sematic.glibc; those of Docker Hub's `python` have the
variable PYTHON_VERSION. What base_images() declares is for images that say nothing.
"""

from __future__ import annotations

import json
import re
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from image_tools.base.errors import BaseError
from image_tools.base.platforms import Platform

PYTHON_LABEL, GLIBC_LABEL = "dev.sematic.python", "dev.sematic.glibc"
_VERSION = re.compile(r"(\d+)\.(\d+)(?:\D|\Z)")

Json = dict[str, Any]


@dataclass(frozen=True)
class Description:
    """`reference`: registry/repository@digest, where the layers are; empty if no registry is known to have them.

    `pin`: what to write instead of the tag that it was asked for by. `insecure`: "http" where that is what the
    registry speaks.
    """

    reference: str = ""
    platform: str = ""
    python: str = ""
    glibc: str = ""
    pin: str = ""
    insecure: str = ""

    def write(self, path: Path) -> None:
        """As JSON, for the rules."""
        path.write_text(json.dumps(asdict(self), indent=1) + "\n")


@dataclass(frozen=True)
class Declared:
    """What base_images() says of an image."""

    name: str
    platform: Platform
    python: str = ""
    glibc: str = ""


@dataclass(frozen=True)
class Fetched:
    """A base's two documents, and what is known of it."""

    manifest: bytes
    config: bytes
    described: Description


def parse_config(config: bytes, name: str) -> Json:
    """An image's configuration, which other things than images do not have."""
    try:
        document = json.loads(config)
    except ValueError:
        document = None
    if not isinstance(document, dict) or not isinstance(document.get("rootfs"), dict):
        raise BaseError(f"{name} is no container image: its configuration names no layers (rootfs).")
    return document


def python_of(config: Json, declared: str, name: str) -> str:
    """The Python of an image as major.minor, or nothing when nobody says."""
    told = _labels(config).get(PYTHON_LABEL) or _environment(config).get("PYTHON_VERSION")
    return _agreed("Python", told, declared, name)


def glibc_of(config: Json, declared: str, name: str) -> str:
    """The C library's version, or nothing when nobody says."""
    return _agreed("glibc", _labels(config).get(GLIBC_LABEL), declared, name)


def version(text: str | None) -> str:
    """Major and minor of a version, or nothing if this is none."""
    found = _VERSION.match(text or "")
    return f"{found[1]}.{found[2]}" if found else ""


def _agreed(what: str, told: Any, declared: str, name: str) -> str:
    if declared and not version(declared):
        raise BaseError(f"{declared!r} is no version of {what}, which {name} is declared to have: write it like 3.11.")
    own = version(str(told or ""))
    if own and declared and own != version(declared):
        raise BaseError(
            f"{name} is declared to have {what} {declared}, but the image says {told}: correct the declaration, or "
            "leave it out."
        )
    return own or version(declared)


def _process(config: Json) -> Json:
    found = config.get("config")
    return found if isinstance(found, dict) else {}


def _labels(config: Json) -> Json:
    found = _process(config).get("Labels")
    return found if isinstance(found, dict) else {}


def _environment(config: Json) -> Json:
    lines = _process(config).get("Env")
    return dict(str(line).partition("=")[::2] for line in lines) if isinstance(lines, list) else {}
