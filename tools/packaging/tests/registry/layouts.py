"""OCI image layouts on the disk."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from image_tools.registry.image import Image, digest_of
from tools.packaging.tests.registry.pushing import image


def write(folder: Path, *layers: bytes) -> Path:
    """A layout with one image of these layers."""
    return save(folder, image(*layers))


def save(folder: Path, *images: Image) -> Path:
    entries = []
    for each in images:
        keep(folder, each.manifest)
        for blob in each.blobs:
            assert blob.content is not None
            stream = blob.content(0)
            keep(folder, stream.read(blob.size))
        entries.append({"digest": each.digest, "size": len(each.manifest), "mediaType": each.media_type})
    index(folder, entries)
    return folder


def index(folder: Path, entries: list[dict[str, Any]]) -> None:
    (folder / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}')
    (folder / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": entries}))


def keep(folder: Path, data: bytes) -> Path:
    path = folder / "blobs" / "sha256" / hashlib.sha256(data).hexdigest()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    assert digest_of(data).endswith(path.name)
    return path
