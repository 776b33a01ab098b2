"""Reads what `docker save` and rules_docker write: a tar of a manifest.json, a configuration and the layers.

Nothing is ever unpacked under a name of the archive's own: a layer becomes a blob named by its digest.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import posixpath
import tarfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import IO, Any

from image_tools.base.errors import BaseError
from image_tools.base.squeeze import Squeezed, squeeze
from image_tools.layer.gzip_members import CHUNK

_SMALL = 16 << 20  # No manifest and no configuration is larger.
_LINKS = 8
_GZIP, _ZSTD = b"\x1f\x8b", b"\x28\xb5\x2f\xfd"
_BROKEN = (tarfile.TarError, EOFError, zlib.error, gzip.BadGzipFile)


@dataclass(frozen=True)
class Contents:
    """What manifest.json says is there: the configuration, and the layers' names, bottom first."""

    config: bytes
    layers: tuple[str, ...]


class Archive:
    """An open archive; to be used in a `with`."""

    def __init__(self, path: str) -> None:
        self.path = path
        try:
            self._tar = tarfile.open(path)  # noqa: SIM115
            self._members = {posixpath.normpath(member.name): member for member in self._tar}
        except OSError as error:
            raise BaseError(f"{path} cannot be read: {error.strerror or error}.") from None
        except _BROKEN as error:
            raise self._broken(error) from None

    def __enter__(self) -> Archive:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._tar.close()

    def contents(self) -> Contents:
        """Of the one image that is in it."""
        listed = self._json("manifest.json")
        if not isinstance(listed, list) or len(listed) != 1:
            raise BaseError(f"{self.path} holds {_names(listed)} where one image is needed: save that one alone.")
        try:
            config, layers = listed[0]["Config"], listed[0]["Layers"]
        except (KeyError, TypeError):
            config, layers = None, None
        if not isinstance(config, str) or not isinstance(layers, list) or {*map(type, layers)} - {str}:
            raise BaseError(f"{self.path}: its manifest.json names no Config and Layers: save the image again.")
        return Contents(self._small(config), tuple(layers))

    def offset(self, name: str) -> int:
        """Where a layer is, to read all of them in one direction: an archive may be compressed as a whole."""
        return self._member(name).offset_data

    def squeeze(self, name: str, blob: Path) -> Squeezed:
        """A layer as a blob: compressed by us, or as it is when it is compressed already."""
        try:
            file = self._open(name)
            start = file.read(4)
            file.seek(0)
            with blob.open("wb") as out:
                if start.startswith(_GZIP):
                    return _copied(file, out)
                if start.startswith(_ZSTD):
                    raise BaseError(
                        f"{self.path}: layer {name} is compressed by zstd: save the image with gzip layers."
                    )
                return squeeze(_pieces(file), out)
        except _BROKEN as error:
            raise self._broken(error, name) from None

    def _json(self, name: str) -> Any:
        if name not in self._members:
            hint = ": it is an OCI layout; unpack it, and give the folder" if "index.json" in self._members else ""
            raise BaseError(f"{self.path} is no archive of `docker save`, it has no {name}{hint}.")
        try:
            return json.loads(self._small(name))
        except ValueError as error:
            raise BaseError(f"{self.path}: its {name} is no JSON ({error}): save the image again.") from None

    def _small(self, name: str) -> bytes:
        if self._member(name).size > _SMALL:
            raise BaseError(f"{self.path}: {name} has {self._member(name).size} bytes, which no such file has.")
        try:
            return self._open(name).read()
        except _BROKEN as error:
            raise self._broken(error, name) from None

    def _open(self, name: str) -> IO[bytes]:
        file = self._tar.extractfile(self._member(name))
        assert file is not None  # It is a regular file.
        return file

    def _member(self, name: str) -> tarfile.TarInfo:
        """Old versions of docker write a layer that is there twice as a link to the first."""
        at = self._inside(name, name)
        for _ in range(_LINKS):
            member = self._members.get(at)
            if member is None:
                raise BaseError(f"{self.path} lacks {name}, which its manifest.json names: save the image again.")
            if member.isreg():
                return member
            if not member.islnk() and not member.issym():
                raise BaseError(f"{self.path}: {name} is no file: save the image again.")
            folder = posixpath.dirname(at) if member.issym() else ""
            at = self._inside(posixpath.join(folder, member.linkname), name)
        raise BaseError(f"{self.path}: {name} is a link that leads in a circle: save the image again.")

    def _inside(self, path: str, name: str) -> str:
        inside = posixpath.normpath(path)
        if inside.startswith(("/", "../")) or inside == "..":
            raise BaseError(f"{self.path}: {name} leads out of the archive ({path}): whoever made it meant no good.")
        return inside

    def _broken(self, error: Exception, name: str = "") -> BaseError:
        where = f" at {name}" if name else ""
        said = str(error).partition("\n")[0].rstrip(":")
        return BaseError(f"{self.path} is cut off or damaged{where} ({said}): save the image again.")


def _names(listed: Any) -> str:
    if not isinstance(listed, list) or not listed:
        return "no image"
    tags = [tag for image in listed if isinstance(image, dict) for tag in image.get("RepoTags") or ()]
    return f"{len(listed)} images ({', '.join(map(str, tags)) or 'without names'})"


def _copied(file: IO[bytes], out: IO[bytes]) -> Squeezed:
    digest, inner, size = hashlib.sha256(), hashlib.sha256(), 0
    for piece in _pieces(file):
        digest.update(piece)
        out.write(piece)
        size += len(piece)
    file.seek(0)
    with gzip.GzipFile(fileobj=file) as unpacked:
        for piece in _pieces(unpacked):
            inner.update(piece)
    return Squeezed(f"sha256:{digest.hexdigest()}", size, f"sha256:{inner.hexdigest()}")


def _pieces(file: IO[bytes] | gzip.GzipFile) -> Iterator[bytes]:
    while piece := file.read(CHUNK):
        yield piece
