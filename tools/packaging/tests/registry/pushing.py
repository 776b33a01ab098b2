"""Images to push, and a push that a test can look into."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from image_tools.registry.content import Blob, from_stream
from image_tools.registry.credentials import Credentials
from image_tools.registry.image import Image, digest_of, from_manifest
from image_tools.registry.patience import Patience
from image_tools.registry.push import Pushed, Target, push
from image_tools.registry.reference import Reference
from image_tools.registry.security import Security
from image_tools.registry.session import Session, Settings
from tools.packaging.tests.registry.scripted import Registry

REPOSITORY = "team/app"
LARGE = 3 << 20
"""Too large for one PUT."""


def data(seed: int, size: int = 2000) -> bytes:
    """Bytes that differ by seed, and do not repeat."""
    return hashlib.shake_128(str(seed).encode()).digest(size)


def image(*layers: bytes, base: Reference | None = None, lacking: tuple[bytes, ...] = ()) -> Image:
    """Of these layers; what is `lacking` is only in the base's repository."""
    digests = [digest_of(layer) for layer in layers]
    config = json.dumps({"rootfs": {"type": "layers", "diff_ids": digests}}).encode()
    entries = [
        {"mediaType": "application/vnd.oci.image.layer.v1.tar", "digest": digest, "size": len(layer)}
        for digest, layer in zip(digests, layers)
    ]
    document = {
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": {
            "mediaType": "application/vnd.oci.image.config.v1+json",
            "digest": digest_of(config),
            "size": len(config),
        },
        "layers": entries,
    }
    held = {digest_of(part): part for part in (config, *layers) if part not in lacking}
    return from_manifest(json.dumps(document).encode(), lambda digest: stream(held.get(digest)), base)


def stream(part: bytes | None) -> Any:
    import io

    return None if part is None else from_stream(lambda: io.BytesIO(part))


def replaced(of: Image, digest: str, **changes: Any) -> Image:
    blobs = tuple(dataclasses.replace(blob, **changes) if blob.digest == digest else blob for blob in of.blobs)
    return dataclasses.replace(of, blobs=blobs)


class Pusher:
    """Pushes to scripted registries. Waits take no time, and are listed."""

    def __init__(self, folder: Path) -> None:
        self.receipts = folder / "receipts"
        self.waits: list[float] = []
        self.credentials: dict[str, Credentials] = {}
        self.security = Security("http")
        self.others: dict[str, Security] = {}
        self.attempts = 4
        self.timeout = 60.0
        self.threads = 4

    def session(self) -> Session:
        patience = Patience(attempts=self.attempts, wait=lambda stop, seconds: self.waits.append(seconds))
        return Session(
            Settings(
                self.security,
                self.others,
                patience,
                timeout=self.timeout,
                credentials=lambda host, repository: self.credentials.get(host),
            )
        )

    def push(
        self,
        registry: Registry,
        pushed: Image,
        *tags: str,
        repository: str = REPOSITORY,
        cancel: threading.Event | None = None,
        session: Session | None = None,
        report: Callable[[Any], None] | None = None,
    ) -> Pushed:
        target = Target(pushed, Reference(registry.host, repository), tags)
        return push([target], session or self.session(), self.receipts, self.threads, cancel, report=report)


def blob(part: bytes) -> Blob:
    return Blob(digest_of(part), len(part), content=stream(part))


def holds(registry: Registry, of: Image, name: str, repository: str = REPOSITORY) -> None:
    """The registry has the image whole, under this name."""
    assert registry.manifests[repository, name] == of.manifest
    for part in of.blobs:
        assert digest_of(registry.blobs[repository, part.digest]) == part.digest
