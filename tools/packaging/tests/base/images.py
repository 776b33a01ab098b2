"""Base images for tests: documents in a scripted registry, layouts and archives on the disk."""

from __future__ import annotations

import gzip
import io
import json
import tarfile
from pathlib import Path
from typing import Any

from image_tools.registry.image import digest_of
from tools.packaging.tests.registry import layouts
from tools.packaging.tests.registry.scripted import Registry

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"
REPOSITORY = "team/base"


def tar(**files: bytes) -> bytes:
    """A layer's archive."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for name, data in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return out.getvalue()


def encoded(document: Any) -> bytes:
    return json.dumps(document).encode()


def config(*layers: bytes, architecture: str = "amd64", variant: str = "", **process: Any) -> bytes:
    """Of an image with these archives as layers."""
    platform = {"os": "linux", "architecture": architecture, **({"variant": variant} if variant else {})}
    diff_ids = [digest_of(layer) for layer in layers]
    return encoded({**platform, "config": process, "rootfs": {"type": "layers", "diff_ids": diff_ids}})


def manifest(configuration: bytes, *blobs: bytes) -> bytes:
    return encoded(
        {
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": descriptor(configuration, CONFIG),
            "layers": [descriptor(blob, LAYER) for blob in blobs],
        }
    )


def descriptor(data: bytes, kind: str = MANIFEST, **more: Any) -> dict[str, Any]:
    return {"mediaType": kind, "digest": digest_of(data), "size": len(data), **more}


def index(*entries: dict[str, Any]) -> bytes:
    return encoded({"schemaVersion": 2, "mediaType": INDEX, "manifests": list(entries)})


def on(data: bytes, platform: str) -> dict[str, Any]:
    """An index's entry for os/architecture[/variant]."""
    names = ("os", "architecture", "variant")
    return descriptor(data, platform=dict(zip(names, platform.split("/"))))


class Served:
    """An image in a registry; its layers are not there, since nobody may ask for them."""

    def __init__(self, registry: Registry, repository: str = REPOSITORY) -> None:
        self.registry, self.repository = registry, repository

    def config(self, data: bytes) -> bytes:
        self.registry.blobs[self.repository, digest_of(data)] = data
        return data

    def manifest(self, data: bytes, *tags: str) -> str:
        """Its digest."""
        for name in (digest_of(data), *tags):
            self.registry.manifests[self.repository, name] = data
        return digest_of(data)

    def image(self, configuration: bytes, *tags: str) -> bytes:
        data = manifest(self.config(configuration), b"a layer that is nowhere")
        self.manifest(data, *tags)
        return data

    def at(self, name: str) -> str:
        return f"http://{self.registry.host}/{self.repository}{'@' if ':' in name else ':'}{name}"


def layout(folder: Path, *blobs: bytes, entries: list[dict[str, Any]]) -> Path:
    for blob in blobs:
        layouts.keep(folder, blob)
    layouts.index(folder, entries)
    return folder


def saved(path: Path, *layers: bytes, configuration: bytes | None = None, **extra: bytes | str) -> Path:
    """What `docker save` writes. `extra`: further members; a text is a symlink's target."""
    names = [f"l{number}/layer.tar" for number in range(len(layers))]
    files: dict[str, bytes | str] = dict(zip(names, layers))
    files["config.json"] = configuration or config(*layers)
    files["manifest.json"] = encoded([{"Config": "config.json", "RepoTags": ["it:1"], "Layers": names}])
    return packed(path, {**files, **extra})


def packed(path: Path, files: dict[str, bytes | str]) -> Path:
    with tarfile.open(path, "w") as archive:
        for name, data in files.items():
            member = tarfile.TarInfo(name)
            if isinstance(data, str):
                member.type, member.linkname = tarfile.SYMTYPE, data
                archive.addfile(member)
            else:
                member.size = len(data)
                archive.addfile(member, io.BytesIO(data))
    return path


def unzipped(path: Path) -> bytes:
    return gzip.decompress(path.read_bytes())
