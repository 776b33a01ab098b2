"""An OCI image layout of a root file system."""

from __future__ import annotations

from pathlib import Path

from image_tools.base.description import GLIBC_LABEL, PYTHON_LABEL
from image_tools.base.squeeze import Squeezed, squeeze
from image_tools.image.layout import base_blobs, copy, write_layout
from image_tools.image.manifest import EPOCH, OCI, digest_of, encode
from tools.base_image import rootfs, tree

_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def write(root: Path, layout: Path, architecture: str) -> str:
    """Fills the folder `layout`, and says the image's digest."""
    blobs = layout / "blobs" / "sha256"
    blobs.mkdir(parents=True)
    with (blobs / "incoming").open("wb") as out:
        layer = squeeze(tree.archive(root), out)
    (blobs / "incoming").replace(blobs / layer.digest.removeprefix("sha256:"))
    config = _config(layer, architecture, *rootfs.versions(root))
    manifest = _manifest(layer, config)
    write_layout(str(layout), manifest, config, base_blobs(str(layout)), copy)
    return digest_of(manifest)


def _config(layer: Squeezed, architecture: str, python: str, glibc: str) -> bytes:
    return encode(
        {
            "architecture": architecture,
            "config": {
                "Cmd": ["python3"],
                "Env": [f"PATH={_PATH}", "LANG=C.UTF-8"],
                "Labels": {PYTHON_LABEL: python, GLIBC_LABEL: glibc},
            },
            "created": EPOCH,
            "history": [{"created": EPOCH, "created_by": f"tools/base_image: Debian {rootfs.SUITE}"}],
            "os": "linux",
            "rootfs": {"type": "layers", "diff_ids": [layer.diff_id]},
        }
    )


def _manifest(layer: Squeezed, config: bytes) -> bytes:
    return encode(
        {
            "schemaVersion": 2,
            "mediaType": OCI.manifest,
            "config": {"mediaType": OCI.config, "digest": digest_of(config), "size": len(config)},
            "layers": [{"mediaType": OCI.layer, "digest": layer.digest, "size": layer.size}],
        }
    )
