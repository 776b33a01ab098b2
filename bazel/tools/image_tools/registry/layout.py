"""Reads an OCI image layout: a folder with oci-layout, index.json and blobs/sha256/…."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from image_tools.registry.content import Content, from_file
from image_tools.registry.errors import BadImage
from image_tools.registry.image import Image, descriptor, digest_of, from_manifest, media_type, parse

_INDEXES = ("application/vnd.oci.image.index.v1+json", "application/vnd.docker.distribution.manifest.list.v2+json")


def load(folder: Path, digest: str | None = None) -> Image:
    """The one image of a layout, or that of `digest`. Raises BadImage."""
    entries = _index(folder).get("manifests")
    if not isinstance(entries, list):
        raise BadImage(f"{folder / 'index.json'} lists no manifests: build the image again")
    entries = [entry for entry in entries if digest in (None, descriptor(entry)[0])]
    if len(entries) != 1:
        raise BadImage(f"{folder} holds {len(entries)} such images where one is needed: choose with --digest")
    return _image(folder, entries[0])


def _index(folder: Path) -> dict[str, Any]:
    try:
        return parse((folder / "index.json").read_bytes())
    except OSError as error:
        raise BadImage(f"{folder} is no OCI image layout ({error.strerror}: index.json): build the image") from None


def _image(folder: Path, entry: Any) -> Image:
    digest, _, kind = descriptor(entry)
    manifest = _manifest(folder, digest)
    document = parse(manifest)
    if media_type(document, kind) not in _INDEXES:
        return from_manifest(manifest, lambda blob: _content(folder, blob))
    images = tuple(_image(folder, child) for child in document.get("manifests") or ())
    return Image(manifest, media_type(document, kind), images=images)


def _manifest(folder: Path, digest: str) -> bytes:
    try:
        manifest = _path(folder, digest).read_bytes()
    except OSError as error:
        raise BadImage(f"{folder} lacks the manifest {digest} ({error.strerror}): build the image again") from None
    if digest.startswith("sha256:") and digest_of(manifest) != digest:
        raise BadImage(f"{folder}: the manifest {digest} has another digest: build the image again")
    return manifest


def _content(folder: Path, digest: str) -> Content | None:
    path = _path(folder, digest)
    return from_file(path) if path.exists() else None


def _path(folder: Path, digest: str) -> Path:
    algorithm, _, value = digest.partition(":")
    return folder / "blobs" / algorithm / value
