"""Platforms, as indexes and configurations name them, and the choice of one of an index's images."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from image_tools.base.errors import BaseError

INDEXES = ("application/vnd.oci.image.index.v1+json", "application/vnd.docker.distribution.manifest.list.v2+json")

Json = dict[str, Any]


@dataclass(frozen=True)
class Platform:
    """What an image runs on. Without a variant, any will do."""

    os: str
    architecture: str
    variant: str = ""

    def __str__(self) -> str:
        return "/".join(part for part in (self.os, self.architecture, self.variant) if part)

    def takes(self, other: Platform) -> bool:
        """Whether an image for `other` is one for this platform."""
        same = (self.os, self.architecture) == (other.os, other.architecture)
        return same and self.variant in ("", other.variant)


def parse(text: str) -> Platform:
    """`os/architecture[/variant]`."""
    parts = text.split("/")
    if len(parts) not in (2, 3) or not all(parts):
        raise BaseError(f"{text!r} is no platform: expected os/architecture, such as linux/amd64.")
    return Platform(*parts)


def of(document: Any) -> Platform | None:
    """The platform that a configuration, or an index's entry, says it is for."""
    if not isinstance(document, dict) or not document.get("architecture"):
        return None
    fields = (str(document.get(name) or "") for name in ("os", "architecture", "variant"))
    return Platform(*fields)


def is_index(document: Json) -> bool:
    """Whether this lists images, rather than being one."""
    return document.get("mediaType") in INDEXES or ("manifests" in document and "config" not in document)


def pick(document: Json, wanted: Platform, name: str) -> Json:
    """The index's entry for a platform. One that does not say what it is for will do when it is alone."""
    listed = document.get("manifests")
    entries = [entry for entry in listed if isinstance(entry, dict)] if isinstance(listed, list) else []
    found = [entry for entry in entries if (its := of(entry.get("platform"))) and wanted.takes(its)]
    if found:
        return found[0]
    if len(entries) == 1 and of(entries[0].get("platform")) is None:
        return entries[0]
    raise BaseError(f"{name} has no image for {wanted}, only {_those(entries)}: take another base, or platform.")


def check(config: Json, wanted: Platform, name: str) -> None:
    """Raises BaseError when the image itself says that it is for something else."""
    found = of(config)
    if found is not None and not wanted.takes(found):
        raise BaseError(f"{name} is an image for {found}, not for {wanted}: take another base, or platform.")


def _those(entries: list[Json]) -> str:
    """Attestations stand in an index as images for unknown/unknown."""
    known = [str(its) for entry in entries if (its := of(entry.get("platform"))) and its.os != "unknown"]
    return ", ".join(dict.fromkeys(known)) or "images that do not say what they are for"
