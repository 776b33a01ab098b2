"""Decodes what another process encoded, encodes it again, and prints the ids."""

from __future__ import annotations

import base64
import json
import sys

from sematic.types.artifact import encode, load, restore
from sematic.types.tests.helpers import DictStore

if __name__ == "__main__":
    given = json.load(sys.stdin)
    store = DictStore()
    store.blobs = {digest: base64.b64decode(data) for digest, data in given["blobs"].items()}
    ids = []
    for spec, codec, digest, size, id in given["records"]:
        artifact = restore(spec, codec, digest, size, None, None, id)
        value = load(artifact, store)
        again = encode(artifact.type, artifact.type.convert(value), DictStore())
        ids.append(again.id)
    print(json.dumps(ids))
