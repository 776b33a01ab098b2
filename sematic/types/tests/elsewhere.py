"""Sends artifacts through another process, of another hash seed, locale and time zone, that decodes and encodes them."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import sematic
from sematic.types.artifact import Artifact, descendants, encode, load, restore
from sematic.types.registry import of
from sematic.types.tests.helpers import DictStore

_ODD = {"PYTHONHASHSEED": "4711", "LC_ALL": "C", "TZ": "Asia/Kathmandu"}


def there_and_back(annotation: Any, values: list[Any]) -> list[Any]:
    """The values as that process gives them back. Their bytes must be the same, but for pickles."""
    store = DictStore()
    sent = [encode(of(annotation), of(annotation).convert(value), store) for value in values]
    records = [_record(artifact, store) for artifact in sent]
    output = subprocess.run(
        [sys.executable, "-m", __name__],
        input=_packed(records, store),
        env={**os.environ, **_ODD, "PYTHONPATH": os.pathsep.join([str(Path(sematic.__file__).parents[1]), *sys.path])},
        capture_output=True,
        text=True,
        check=False,
    )
    assert output.returncode == 0, output.stderr
    records, store = _unpacked(output.stdout)
    returned = [restore(*record, None, None) for record in records]
    for one, other in zip(sent, returned, strict=True):
        assert "pickle" in one.codec or one.id == other.id
    return [load(artifact, store) for artifact in returned]


def _record(artifact: Artifact, store: DictStore) -> list[Any]:
    for each in (artifact, *descendants(artifact)):
        if each.blob.data is not None:
            store.blobs[each.blob.digest] = bytes(each.blob.data)
    return [artifact.spec, artifact.codec, artifact.blob.digest, artifact.blob.size]


def _packed(records: list[Any], store: DictStore) -> str:
    blobs = {digest: base64.b64encode(data).decode() for digest, data in store.blobs.items()}
    return json.dumps({"records": records, "blobs": blobs})


def _unpacked(text: str) -> tuple[list[Any], DictStore]:
    given = json.loads(text)
    store = DictStore()
    store.blobs = {digest: base64.b64decode(data) for digest, data in given["blobs"].items()}
    return given["records"], store


def _answer() -> None:
    records, store = _unpacked(sys.stdin.read())
    answers, answered = [], DictStore()
    for record in records:
        artifact = restore(*record, None, None)
        value = load(artifact, store)
        assert of(type(value)) is not None
        answers.append(_record(encode(artifact.type, artifact.type.convert(value), answered), answered))
    print(_packed(answers, answered))


if __name__ == "__main__":
    _answer()
