"""Payloads that are not what was stored, with a right digest: each is an error, or what is still a value of the type."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from typing import Any

from sematic.errors import ArtifactError
from sematic.types.registry import of
from sematic.types.tests.helpers import DictStore, loaded, stored


def payload_of(annotation: Any, value: Any) -> bytes:
    """The bytes of a value whose type has a format of its own."""
    store = DictStore()
    artifact = stored(annotation, value, store)
    return bytes(artifact.blob.data or store.blobs[artifact.blob.digest])


def refuses_what_is_cut(annotation: Any, value: Any, step: int = 1) -> None:
    """No part of a payload, from its start, is taken for a value."""
    payload = payload_of(annotation, value)
    for length in range(0, len(payload), step):
        refuses(annotation, payload[:length])
    refuses(annotation, payload + b"\0")


def refuses(annotation: Any, payload: bytes) -> None:
    """A payload is an error, and no crash."""
    try:
        value = loaded(annotation, payload, of(annotation).codec)
    except ArtifactError:
        return
    raise AssertionError(f"{payload[:100]!r}… was read as {value!r}")


def survives_changes(annotation: Any, value: Any, step: int) -> None:
    """Each changed byte is an error, or gives a value of the type: what is not parsed may be any bytes."""
    payload = payload_of(annotation, value)
    for changed in _changed(payload, step):
        with suppress(ArtifactError):
            of(annotation).convert(loaded(annotation, changed, of(annotation).codec))


def _changed(payload: bytes, step: int) -> Iterator[bytes]:
    for at in range(0, len(payload), step):
        yield payload[:at] + bytes([payload[at] ^ 0x55]) + payload[at + 1 :]
