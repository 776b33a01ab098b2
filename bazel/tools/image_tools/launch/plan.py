"""Reads what is to be pushed: push.json, which a rule writes, and the image.json of each of its images."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from image_tools.registry.content import Content, from_file
from image_tools.registry.errors import BadImage, BadReference
from image_tools.registry.image import Find, Image, digest_of, from_manifest
from image_tools.registry.image import parse as parse_manifest
from image_tools.registry.push import Target
from image_tools.registry.reference import Reference, parse
from image_tools.registry.security import CHOICES, Security


@dataclass(frozen=True)
class Plan:
    """`label`: the target that a user knows. `tags`: of the images, in the order of `targets`."""

    label: str
    tags: tuple[str, ...]
    targets: tuple[Target, ...]
    security: dict[str, Security]
    """By registry; any other is reached by TLS."""


def read(path: Path, runfiles: Path) -> Plan:
    """The plan in a push.json. Raises BadImage, BadReference."""
    document = _read(path)
    try:
        return _plan(document, runfiles)
    except (KeyError, TypeError, AttributeError) as error:
        raise BadImage(
            f"{path} is not as the rule writes it ({type(error).__name__}: {error}): build it again"
        ) from None


def _plan(document: dict[str, Any], runfiles: Path) -> Plan:
    label = document["target"]
    repository = _repository(document["registry"], document["repository"], label)
    described = [_described(runfiles, each["image"]) for each in document["images"]]
    names = [tuple(each.get("names", ())) for each in document["images"]]
    return Plan(
        label,
        tuple(each["tag"] for each in document["images"]),
        tuple(Target(each.image, repository, tags) for each, tags in zip(described, names)),
        {
            **{each.base.registry: Security(each.insecure) for each in described if each.base},
            repository.registry: _security(document, runfiles),
        },
    )


def _repository(registry: str, repository: str, label: str) -> Reference:
    if not registry or not repository:
        raise BadReference(f"{label} does not say where to push its images: give it a registry and a repository")
    reference = parse(f"{registry}/{repository}")
    if (reference.registry, reference.repository) != (registry, repository):
        raise BadReference(
            f"{label}: what runs images takes {registry}/{repository} for {reference}: write the registry with its "
            "port, as in myhost:443, or docker.io with the whole name"
        )
    return reference


def _security(document: dict[str, Any], runfiles: Path) -> Security:
    insecure, ca = document.get("insecure", ""), document.get("ca", "")
    if insecure not in ("", *CHOICES):
        raise BadImage(f'insecure = "{insecure}" is neither "http" nor "unverified": correct it')
    return Security(insecure, runfiles / ca if ca else None)


@dataclass(frozen=True)
class _Described:
    """What an image.json says. `insecure`: how the base's registry is reached."""

    image: Image
    base: Reference | None
    insecure: str


def _described(runfiles: Path, path: str) -> _Described:
    document = _read(runfiles / path)
    manifest = _manifest(runfiles / document["manifest"], document["digest"])
    base = document["base"]
    reference = parse(base["reference"]) if base["reference"] else None
    image = from_manifest(manifest, _finder(runfiles, document, manifest), reference)
    return _Described(image, reference, base.get("insecure", ""))


def _manifest(path: Path, digest: str) -> bytes:
    try:
        manifest = path.read_bytes()
    except OSError as error:
        raise BadImage(f"{path} cannot be read ({error.strerror}): build it again") from None
    if digest_of(manifest) != digest:
        raise BadImage(f"{path} is not the manifest that its image.json names: build it again")
    return manifest


def _finder(runfiles: Path, document: dict[str, Any], manifest: bytes) -> Find:
    """Our own files are taken to be there until they are needed; of a base some may have been left out."""
    own = {layer["digest"]: runfiles / layer["blob"] for layer in document["layers"]}
    own[parse_manifest(manifest)["config"]["digest"]] = runfiles / document["config"]
    layout = document["base"]["layout"]

    def find(digest: str) -> Content | None:
        if digest in own:
            return from_file(own[digest])
        path = runfiles / layout / "blobs" / digest.replace(":", os.sep)
        return from_file(path) if layout and path.exists() else None

    return find


def _read(path: Path) -> dict[str, Any]:
    try:
        document = json.loads(path.read_bytes())
    except OSError as error:
        raise BadImage(f"{path} cannot be read ({error.strerror}): build it again") from None
    except ValueError:
        document = None
    if not isinstance(document, dict):
        raise BadImage(f"{path} is no JSON object: build it again")
    return document
