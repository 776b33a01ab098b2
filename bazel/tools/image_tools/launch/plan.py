"""Reads what is to be pushed: push.json, which a rule writes, and the image.json of each of its images."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from image_tools.registry.content import Content, from_file
from image_tools.registry.errors import BadImage, BadReference
from image_tools.registry.image import Image, digest_of, from_manifest
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

    def image(self, position: int | None) -> str:
        """An image in words: those of all of them without a position."""
        if len(self.tags) == 1:
            return f"the image of {self.label}"
        return f"the images of {self.label}" if position is None else f"the image {self.tags[position]} of {self.label}"


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
    images = [_Folder(runfiles).image(each["image"]) for each in document["images"]]
    names = [tuple(each.get("names", ())) for each in document["images"]]
    security = {base.registry: chosen for _, base, chosen in images if base}
    return Plan(
        label,
        tuple(each["tag"] for each in document["images"]),
        tuple(Target(image, repository, tags) for (image, _, _), tags in zip(images, names)),
        {**security, repository.registry: _security(document, runfiles)},
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
class _Folder:
    """The runfiles, where an image's files are."""

    runfiles: Path

    def image(self, path: str) -> tuple[Image, Reference | None, Security]:
        """The image of an image.json, where its base is, and how to get there."""
        document = _read(self.runfiles / path)
        manifest = self._manifest(document)
        base = document["base"]
        reference = parse(base["reference"]) if base["reference"] else None
        image = from_manifest(manifest, self._find(document), reference)
        return image, reference, Security(base.get("insecure", ""))

    def _manifest(self, document: dict[str, Any]) -> bytes:
        path = self.runfiles / document["manifest"]
        try:
            manifest: bytes = path.read_bytes()
        except OSError as error:
            raise BadImage(f"{path} cannot be read ({error.strerror}): build it again") from None
        if digest_of(manifest) != document["digest"]:
            raise BadImage(f"{path} is not the manifest that its image.json names: build it again")
        return manifest

    def _find(self, document: dict[str, Any]) -> Callable[[str], Content | None]:
        """Where a blob is, by its digest."""
        own = {layer["digest"]: self.runfiles / layer["blob"] for layer in document["layers"]}
        config, layout = self.runfiles / document["config"], document["base"]["layout"]
        manifest = json.loads(self._manifest(document))
        own[manifest["config"]["digest"]] = config
        base = self.runfiles / layout / "blobs" if layout else None

        def find(digest: str) -> Content | None:
            path = own.get(digest) or (base and base / digest.replace(":", os.sep))
            return from_file(path) if path and (digest in own or path.exists()) else None

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
