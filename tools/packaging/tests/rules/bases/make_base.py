"""Writes a base image of one layer: `archive FILE` as docker save does, `layout FOLDER` as OCI describes it."""

import gzip
import hashlib
import io
import json
import sys
import tarfile
from pathlib import Path

Json = dict[str, object]
_OCI = "application/vnd.oci.image"


def layer() -> bytes:
    """A tar with one file."""
    return _tar({"etc/base-of-tests": b"here\n"})


def config(diff: bytes) -> bytes:
    """The configuration of an image whose only layer is `diff`."""
    return json.dumps(
        {
            "architecture": "amd64",
            "os": "linux",
            "config": {"Cmd": ["python3"], "Env": ["PATH=/usr/local/bin:/usr/bin:/bin", "LANG=C.UTF-8"]},
            "rootfs": {"type": "layers", "diff_ids": [_digest(diff)]},
        }
    ).encode()


def archive(out: Path) -> None:
    """What `docker save` writes."""
    diff = layer()
    named = [{"Config": "config.json", "Layers": ["layer.tar"], "RepoTags": ["base:latest"]}]
    out.write_bytes(_tar({"manifest.json": json.dumps(named).encode(), "config.json": config(diff), "layer.tar": diff}))


def layout(out: Path) -> None:
    """An OCI layout folder."""
    diff = layer()
    blob, described = gzip.compress(diff, mtime=0), config(diff)
    manifest = json.dumps(
        {
            "schemaVersion": 2,
            "mediaType": f"{_OCI}.manifest.v1+json",
            "config": _descriptor("config.v1+json", described),
            "layers": [_descriptor("layer.v1.tar+gzip", blob)],
        }
    ).encode()
    blobs = out / "blobs" / "sha256"
    blobs.mkdir(parents=True)
    for data in (blob, described, manifest):
        (blobs / hashlib.sha256(data).hexdigest()).write_bytes(data)
    (out / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}')
    index = {"schemaVersion": 2, "manifests": [_descriptor("manifest.v1+json", manifest)]}
    (out / "index.json").write_text(json.dumps(index))


def _tar(files: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for name, data in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
    return out.getvalue()


def _descriptor(kind: str, data: bytes) -> Json:
    return {"mediaType": f"{_OCI}.{kind}", "digest": _digest(data), "size": len(data)}


def _digest(data: bytes) -> str:
    return "sha256:" + hashlib.sha256(data).hexdigest()


if __name__ == "__main__":
    {"archive": archive, "layout": layout}[sys.argv[1]](Path(sys.argv[2]))
