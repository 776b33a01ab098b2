"""Fetches a base image without its layers.

    python -m image_tools.base.fetch REGISTRY/REPOSITORY@DIGEST --out DIR

Writes manifest.json and config.json, byte for byte as the registry has them, and base.json, which describes them.
Runs with the machine's own Python, before Bazel knows of any: the standard library only, from 3.9 on.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from image_tools.base import description, mirrors, platforms
from image_tools.base.description import Declared, Description, Fetched
from image_tools.base.errors import BaseError
from image_tools.base.mirrors import Source
from image_tools.registry import fetching
from image_tools.registry.client import Registry
from image_tools.registry.errors import Broken, Failed, NoRights, NotFound, RegistryError, TooManyRequests
from image_tools.registry.image import descriptor, digest_of, parse
from image_tools.registry.security import Security
from image_tools.registry.session import Session, Settings

Json = dict[str, Any]


def main(arguments: Sequence[str] | None = None) -> int:
    """An error is one sentence on stderr and exit code 1."""
    given = _parser().parse_args(arguments)
    try:
        replaced = mirrors.mirrors(os.environ.get(mirrors.VARIABLE) or given.mirror)
        declared = Declared(given.reference, platforms.parse(given.platform), given.python, given.glibc)
        fetched = fetch(mirrors.source(given.reference, replaced), declared)
        write(fetched, given.out)
    except (BaseError, RegistryError) as error:
        print(f"base image: {error}", file=sys.stderr)
        return 1
    if fetched.described.pin:
        print(f"{given.reference} is now {fetched.described.pin}: write that instead, to build the same every time.")
    return 0


def fetch(source: Source, declared: Declared, session: Session | None = None) -> Fetched:
    """The manifest and configuration of the image for a platform. Raises BaseError, RegistryError."""
    session = session or Session(Settings(Security(source.insecure)))
    try:
        return _Fetch(session.registry(source.image.registry), source, declared).run()
    except (Broken, Failed, NotFound, NoRights, TooManyRequests) as error:
        raise BaseError(_failed(source, declared, error)) from None
    finally:
        session.close()


def write(fetched: Fetched, folder: Path) -> None:
    """Into a folder, as the rules read them."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "manifest.json").write_bytes(fetched.manifest)
        (folder / "config.json").write_bytes(fetched.config)
        fetched.described.write(folder / "base.json")
    except OSError as error:
        raise BaseError(f"{error.filename}: {error.strerror}.") from None


class _Fetch:
    def __init__(self, registry: Registry, source: Source, declared: Declared) -> None:
        self._registry, self._source, self._declared = registry, source, declared
        self._repository = source.image.repository

    def run(self) -> Fetched:
        image = self._source.image
        first = fetching.manifest(self._registry, self._repository, image.digest or image.tag or "latest")
        pin = "" if image.digest else self._pin(digest_of(first))
        manifest, document = self._image(first)
        config = self._config(document)
        return Fetched(manifest, config, self._describe(config, digest_of(manifest), pin))

    def _image(self, manifest: bytes) -> tuple[bytes, Json]:
        """The platform's manifest, if this is an index."""
        document = parse(manifest)
        if platforms.is_index(document):
            digest, size, _ = descriptor(platforms.pick(document, self._declared.platform, str(self._source)))
            manifest = fetching.manifest(self._registry, self._repository, digest)
            if len(manifest) != size:
                raise BaseError(f"{self._source}: its index says {size} bytes where {digest} has {len(manifest)}.")
            document = parse(manifest)
        if not isinstance(document.get("config"), dict) or not isinstance(document.get("layers"), list):
            raise BaseError(
                f"{self._source} is no image with a configuration and layers (its media type is "
                f"{document.get('mediaType')}): push it again with a newer tool, or take another base."
            )
        return manifest, document

    def _pin(self, digest: str) -> str:
        """As it is to be declared: where it was asked for, not where a mirror has it."""
        source = self._source
        scheme = "http://" if source.insecure and source.asked == source.image else ""
        return f"{scheme}{replace(source.asked, digest=digest)}"

    def _config(self, manifest: Json) -> bytes:
        digest, size, _ = descriptor(manifest["config"])
        config = fetching.blob(self._registry, self._repository, digest)
        if len(config) != size:
            raise BaseError(f"{self._source}: its manifest says {size} bytes where {digest} has {len(config)}.")
        return config

    def _describe(self, config: bytes, digest: str, pin: str) -> Description:
        name = self._declared.name
        document = description.parse_config(config, name)
        platforms.check(document, self._declared.platform, name)
        return Description(
            str(self._source.image.at(digest)),
            str(self._declared.platform),
            description.python_of(document, self._declared.python, name),
            description.glibc_of(document, self._declared.glibc, name),
            pin,
            self._source.insecure,
        )


def _failed(source: Source, declared: Declared, error: RegistryError) -> str:
    mirrored = "" if source.asked == source.image else f", the mirror of {declared.name},"
    if isinstance(error, NotFound):
        return f"{source}{mirrored} is unknown to {source.image.registry} ({error.status}): correct the reference."
    if isinstance(error, NoRights):
        return f"{error}; some registries, Docker Hub too, say so of a repository that does not exist."
    return (
        f"{declared.name} cannot be fetched: {error}; to fetch it from a mirror, set "
        f"{mirrors.VARIABLE}={source.asked.registry}=host/path."
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("fetch", description="Fetches a base image's manifest and configuration.")
    parser.add_argument("reference", help="registry/repository@digest, or :tag; http:// before it for plain HTTP")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR")
    parser.add_argument("--platform", default="linux/amd64", metavar="OS/ARCHITECTURE")
    parser.add_argument("--mirror", default="", help=f"where to fetch from; {mirrors.VARIABLE} comes before it")
    parser.add_argument("--python", default="", help="of an image that does not say which it has")
    parser.add_argument("--glibc", default="", help="of an image that does not say which it has")
    return parser


if __name__ == "__main__":
    sys.exit(main())
