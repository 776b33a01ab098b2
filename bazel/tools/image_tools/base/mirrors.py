"""Where images are fetched from instead: `host[/path]` for Docker Hub, `registry=host[/path]` for another."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from image_tools.base.errors import BaseError
from image_tools.registry.errors import BadReference
from image_tools.registry.reference import DOCKER_HUB, Reference, check_registry, parse

VARIABLE = "SEMATIC_BASE_MIRROR"
_HTTP = "http://"


@dataclass(frozen=True)
class Source:
    """An image where it is fetched from, as what it was asked for, and whether plain HTTP is spoken there."""

    image: Reference
    asked: Reference
    insecure: str = ""

    def __str__(self) -> str:
        return str(self.image)


def source(text: str, mirrors: Mapping[str, str]) -> Source:
    """Where the image of this name is to be fetched from. `http://` before it stands for plain HTTP."""
    insecure, name = _scheme(text.strip())
    image = _parse(name)
    if image.registry in mirrors:
        return _mirrored(image, mirrors[image.registry])
    return Source(image, image, insecure)


def mirrors(text: str) -> dict[str, str]:
    """Registry to mirror, of a list with commas."""
    found = {}
    for part in filter(None, (part.strip() for part in text.split(","))):
        registry, equals, mirror = part.rpartition("=")
        host = _scheme(mirror)[1].partition("/")[0]
        try:
            check_registry(host, part)
        except BadReference as error:
            raise BaseError(f"{error}; a mirror ({VARIABLE}) is host[/path], or registry=host[/path].") from None
        found[registry if equals else DOCKER_HUB] = mirror.rstrip("/")
    return found


def _mirrored(image: Reference, mirror: str) -> Source:
    insecure, place = _scheme(mirror)
    host, slash, path = place.partition("/")
    return Source(replace(image, registry=host, repository=f"{path}{slash}{image.repository}"), image, insecure)


def _scheme(text: str) -> tuple[str, str]:
    return ("http", text[len(_HTTP) :]) if text.startswith(_HTTP) else ("", text.removeprefix("https://"))


def _parse(text: str) -> Reference:
    try:
        image = parse(text)
    except BadReference as error:
        raise BaseError(f"{error}; a base image is written registry/repository@sha256:….") from None
    return image if image.tag or image.digest else replace(image, tag="latest")
