"""An image to push: a manifest as it is, byte for byte, and the blobs that it names."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from image_tools.registry.content import Blob, Content
from image_tools.registry.errors import BadImage
from image_tools.registry.reference import Reference, is_digest

OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
_LIMIT = 4 << 20  # Registries take no larger manifest.


@dataclass(frozen=True)
class Image:
    """A manifest with its blobs, or an index with its images."""

    manifest: bytes = field(repr=False)
    media_type: str
    blobs: tuple[Blob, ...] = ()
    images: tuple[Image, ...] = ()

    @property
    def digest(self) -> str:
        """By which the image is known."""
        return digest_of(self.manifest)


def digest_of(data: bytes) -> str:
    """The digest of bytes in hand."""
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


Find = Callable[[str], "Content | None"]
"""The content of a blob by its digest; None when it is not to be had here."""


def from_manifest(manifest: bytes, find: Find, origin: Reference | None = None) -> Image:
    """The image of a manifest. `origin`: a repository that has what `find` has not: the base image's."""
    document = parse(manifest)
    listed = [document.get("config"), *_list(document, "layers")]
    return Image(manifest, media_type(document), tuple(_blob(entry, find, origin) for entry in listed))


def parse(manifest: bytes) -> dict[str, Any]:
    """A manifest's or an index's document. Raises BadImage."""
    try:
        document = json.loads(manifest)
    except ValueError:
        document = None
    if not isinstance(document, dict) or len(manifest) > _LIMIT:
        raise BadImage(f"the manifest {digest_of(manifest)} is not a JSON object of at most 4 MB: build it again")
    return document


def media_type(document: dict[str, Any], otherwise: str = OCI_MANIFEST) -> str:
    """What a manifest says it is."""
    told = document.get("mediaType")
    return told if isinstance(told, str) else otherwise


def descriptor(entry: Any) -> tuple[str, int, str]:
    """Digest, size and media type. Raises BadImage."""
    if isinstance(entry, dict):
        digest, size, kind = entry.get("digest"), entry.get("size"), entry.get("mediaType")
        if isinstance(digest, str) and is_digest(digest) and type(size) is int and size >= 0 and isinstance(kind, str):
            return digest, size, kind
    raise BadImage(f"{str(entry)[:100]} is no descriptor (digest, size, mediaType): build the image again")


def _list(document: dict[str, Any], name: str) -> list[Any]:
    found = document.get(name)
    if not isinstance(found, list):
        raise BadImage(f"a manifest without a list of {name}: build the image again")
    return found


def _blob(entry: Any, find: Find, origin: Reference | None) -> Blob:
    digest, size, kind = descriptor(entry)
    content = find(digest)
    return Blob(digest, size, kind, content, origin)
