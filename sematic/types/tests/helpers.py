"""What the tests of all families share."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from typing import Any

from sematic.errors import ArtifactError
from sematic.types.artifact import Artifact, Blob, encode, load, restore
from sematic.types.base import Buffer
from sematic.types.registry import from_spec, of


class DictStore:
    """Keeps bytes by their digest, as a folder does."""

    def __init__(self) -> None:
        self.blobs: dict[str, bytes] = {}

    def write(self, chunks: Iterable[Buffer]) -> Blob:
        data = b"".join(chunks)
        digest = hashlib.sha256(data).hexdigest()
        self.blobs[digest] = data
        return Blob(None, len(data), digest)

    def read(self, digest: str, size: int, artifact_id: str | None = None) -> Buffer:
        if digest not in self.blobs:
            raise ArtifactError(f"{digest} is missing")
        return self.blobs[digest]


def stored(annotation: Any, value: Any, store: DictStore) -> Artifact:
    """The artifact as another process sees it: nothing of the value itself is left."""
    kind = of(annotation)
    artifact = encode(kind, kind.convert(value), store)
    blob = artifact.blob
    payload = store.read(blob.digest, blob.size) if blob.data is None else blob.data
    assert from_spec(json.loads(json.dumps(kind.spec))) == kind
    json.dumps(artifact.summary, allow_nan=False)
    return restore(artifact.spec, artifact.codec, blob.digest, blob.size, bytes(payload), artifact.summary)


def round_trip(annotation: Any, value: Any) -> Any:
    """The value after conversion, encoding, and loading from bytes alone; checks that it is encoded the same again."""
    store = DictStore()
    artifact = stored(annotation, value, store)
    result = load(artifact, store)
    if "pickle" not in artifact.codec:
        assert stored(annotation, result, store).id == artifact.id
    return result


def loaded(annotation: Any, payload: bytes, codec: str = "json") -> Any:
    """What a payload is read as, whose digest is right."""
    digest = hashlib.sha256(payload).hexdigest()
    return load(restore(of(annotation).spec, codec, digest, len(payload), payload, None), DictStore())
