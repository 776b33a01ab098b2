"""Reads manifests and configurations from a registry: small documents, taken whole and checked against their digest."""

from __future__ import annotations

import hashlib

from image_tools.registry.client import MANIFESTS, Call, Registry, pull
from image_tools.registry.errors import BadAnswer, Place
from image_tools.registry.reference import is_digest


def manifest(registry: Registry, repository: str, name: str) -> bytes:
    """The manifest or index of this tag or digest, byte for byte. Raises RegistryError."""
    place = Place(registry.host, repository, f"manifest {name}" if ":" in name else f"tag {name}")
    return _document(registry, repository, f"manifests/{name}", place, name if is_digest(name) else "")


def blob(registry: Registry, repository: str, digest: str) -> bytes:
    """A small blob, such as a configuration. Raises RegistryError."""
    return _document(
        registry, repository, f"blobs/{digest}", Place(registry.host, repository, f"blob {digest}"), digest
    )


def _document(registry: Registry, repository: str, path: str, place: Place, digest: str) -> bytes:
    accept = (("Accept", ", ".join(MANIFESTS)),) if path.startswith("manifests/") else ()
    call = Call("GET", f"/v2/{repository}/{path}", place, "fetched a base image", (pull(repository),), (200,), accept)
    body = registry.call(call).body
    if digest and digest != (found := _digest(body, digest.partition(":")[0])):
        raise BadAnswer(f"{place}: what came has the digest {found}: something on the way, or a mirror, changed it")
    return body


def _digest(data: bytes, algorithm: str) -> str:
    return f"{algorithm}:{hashlib.new(algorithm, data).hexdigest()}"
