"""What the tests of all families share."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import random
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

import sematic
from sematic.errors import ArtifactError
from sematic.types.artifact import Artifact, Blob, _safe_summary, encode, load, restore
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


ODD = {"PYTHONHASHSEED": "4711", "LC_ALL": "C", "TZ": "Asia/Kathmandu", "PYTHONINTMAXSTRDIGITS": "640"}


def ids_elsewhere(artifacts: list[Artifact], store: DictStore) -> list[str]:
    """The ids of what another process, under another locale, time zone and hash seed, reads and encodes again."""
    records = [[each.spec, each.codec, each.blob.digest, each.blob.size, each.id] for each in artifacts]
    for each in artifacts:
        store.blobs[each.blob.digest] = bytes(each.blob.data or b"")
    blobs = {digest: base64.b64encode(data).decode() for digest, data in store.blobs.items()}
    given = json.dumps({"records": records, "blobs": blobs})
    found: list[str] = json.loads(elsewhere("sematic.types.tests.other_process", given=given))
    return found


def elsewhere(module: str, *arguments: str, given: str = "") -> str:
    """What a module prints that is run by another process."""
    root = str(Path(sematic.__file__).parents[1])
    output = subprocess.run(
        [sys.executable, "-m", module, *arguments],
        input=given,
        env={**os.environ, **ODD, "PYTHONPATH": os.pathsep.join([root, *sys.path])},
        capture_output=True,
        text=True,
        check=False,
    )
    assert output.returncode == 0, output.stderr
    return output.stdout


def damaged(payload: bytes, count: int, seed: int = 0) -> list[bytes]:
    """Payloads that are cut short, or in which some bytes are others."""
    chance = random.Random(seed)
    found = []
    for _ in range(count):
        changed = bytearray(payload[: chance.randrange(len(payload))] if chance.random() < 0.3 else payload)
        for _ in range(min(len(changed), chance.choice([1, 1, 2, 4]))):
            changed[chance.randrange(len(changed))] = chance.choice([0, 1, 255, chance.randrange(256)])
        found.append(bytes(changed))
    return found


def check_damaged(annotation: Any, value: Any, count: int = 300) -> None:
    """What is no value any more is an ArtifactError; what is one still can be used."""
    kind = of(annotation)
    artifact = stored(annotation, value, DictStore())
    payload = bytes(artifact.blob.data or b"")
    for length in (*range(min(64, len(payload))), len(payload) - 1):
        with pytest.raises(ArtifactError):
            loaded(annotation, payload[:length], artifact.codec)
    for changed in damaged(payload, count):
        try:
            found = loaded(annotation, changed, artifact.codec)
        except ArtifactError:
            continue
        assert isinstance(found, kind.python or object)
        json.dumps(_safe_summary(kind, found), allow_nan=False)
