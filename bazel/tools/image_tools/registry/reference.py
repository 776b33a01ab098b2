"""Names of images: `registry/repository[:tag][@digest]`, by the rules that docker has."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from image_tools.registry.errors import BadReference

DOCKER_HUB = "docker.io"

_HOST_PART = r"[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?"
_HOST = re.compile(rf"(?:{_HOST_PART}(?:\.{_HOST_PART})*|\[[0-9a-fA-F:]+\])(?::(?P<port>[0-9]{{1,5}}))?")
_COMPONENT = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_REPOSITORY = re.compile(rf"{_COMPONENT}(?:/{_COMPONENT})*")
_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128}")


@dataclass(frozen=True)
class Reference:
    """An image, or with neither tag nor digest a repository."""

    registry: str
    repository: str
    tag: str | None = None
    digest: str | None = None

    def __str__(self) -> str:
        tag = f":{self.tag}" if self.tag else ""
        digest = f"@{self.digest}" if self.digest else ""
        return f"{self.registry}/{self.repository}{tag}{digest}"

    def at(self, digest: str) -> Reference:
        """The same repository, by digest alone."""
        return replace(self, tag=None, digest=digest)


def parse(text: str) -> Reference:
    """The reference that `text` spells. Raises BadReference, saying which part is wrong."""
    rest, at, digest = text.partition("@")
    if at:
        _check(_DIGEST, digest, text, "digest", "sha256: and 64 hexadecimal digits")
    rest, tag = _split_tag(rest)
    if tag is not None:
        _check(_TAG, tag, text, "tag", "at most 128 letters, digits, '_', '.' and '-', the first no '.' or '-'")
    registry, repository = _split_registry(rest)
    check_registry(registry, text)
    _check(
        _REPOSITORY, repository, text, "repository", "lower-case letters and digits, between them '/', '.', '_' or '-'"
    )
    if len(repository) > 255:
        raise BadReference(f"{text!r}: the repository's name is longer than 255 characters")
    return Reference(registry, repository, tag, digest if at else None)


def check_registry(registry: str, text: str) -> None:
    """Raises BadReference unless `registry` is a host with or without a port."""
    match = _HOST.fullmatch(registry)
    if match is None or int(match["port"] or 1) not in range(1, 65536):
        raise BadReference(f"{text!r}: {registry!r} is no registry: expected host or host:port")


def is_digest(text: str) -> bool:
    """Whether this is a digest of a kind we can check."""
    return _DIGEST.fullmatch(text) is not None


def _split_tag(text: str) -> tuple[str, str | None]:
    """A colon after the last slash begins a tag; one before it, a port."""
    head, colon, tail = text.rpartition(":")
    return (head, tail) if colon and "/" not in tail else (text, None)


def _split_registry(text: str) -> tuple[str, str]:
    """The first part is a registry when it looks like a host; Docker Hub is meant otherwise."""
    first, slash, rest = text.partition("/")
    if slash and (first == "localhost" or "." in first or ":" in first or first != first.lower()):
        return _hub(rest) if first in (DOCKER_HUB, "index.docker.io") else (first, rest)
    return _hub(text)


def _hub(repository: str) -> tuple[str, str]:
    return DOCKER_HUB, repository if "/" in repository else f"library/{repository}"


def _check(pattern: re.Pattern[str], part: str, text: str, name: str, expected: str) -> None:
    if not pattern.fullmatch(part):
        raise BadReference(f"{text!r}: {part!r} is no {name}: expected {expected}")
