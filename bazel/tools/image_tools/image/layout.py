"""An OCI image layout: the folder that skopeo, crane, podman and our tests read."""

import json
import os
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from image_tools.image.manifest import Json, digest_of, encode
from image_tools.layer.errors import LayerError

Put = Callable[[str, Path], Any]


def write_layout(folder: str, manifest: bytes, config: bytes, blobs: Mapping[str, str], put: Put) -> None:
    """Fills `folder`; `blobs` says where the layers are, by digest."""
    parsed = json.loads(manifest)
    blob_folder = Path(folder, "blobs", "sha256")
    blob_folder.mkdir(parents=True, exist_ok=True)
    for data in (manifest, config):
        (blob_folder / _hex(digest_of(data))).write_bytes(data)
    for layer in parsed["layers"]:
        _put_layer(layer, blobs, blob_folder, put)
    Path(folder, "oci-layout").write_bytes(encode({"imageLayoutVersion": "1.0.0"}))
    Path(folder, "index.json").write_bytes(encode(_index(parsed["mediaType"], manifest)))


def link(source: str, target: Path) -> None:
    """A symlink that also holds when the layout is read from another folder."""
    target.symlink_to(os.path.abspath(source))


copy: Put = shutil.copyfile


def base_blobs(folder: str) -> dict[str, str]:
    """The blobs of a layout that exists."""
    found = Path(folder, "blobs", "sha256")
    return {f"sha256:{path.name}": str(path) for path in found.iterdir()} if found.is_dir() else {}


def _put_layer(layer: Json, blobs: Mapping[str, str], folder: Path, put: Put) -> None:
    digest, target = layer["digest"], folder / _hex(layer["digest"])
    if digest not in blobs:
        raise LayerError(f"The layer {digest} is in none of the files given: a layout needs the base's layers too.")
    if (size := os.stat(blobs[digest]).st_size) != layer["size"]:
        raise LayerError(f"{blobs[digest]} has {size} bytes, its descriptor says {layer['size']}.")
    if not target.exists():
        put(blobs[digest], target)


def _index(media_type: str, manifest: bytes) -> Json:
    descriptor = {
        "mediaType": media_type,
        "digest": digest_of(manifest),
        "size": len(manifest),
        "annotations": {"org.opencontainers.image.ref.name": "latest"},
    }
    return {"schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json", "manifests": [descriptor]}


def _hex(digest: str) -> str:
    return digest.removeprefix("sha256:")
