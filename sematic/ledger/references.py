"""Which artifacts and blobs are in use: what both ledgers know when they collect the others."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Protocol

_ID = re.compile(r"[0-9a-f]{32}")


class Blobs(Protocol):
    """What a ledger needs of the store that its artifacts are in."""

    def exists(self, digest: str, size: int) -> bool:
        """Whether the bytes are there."""

    def collect(self, referenced: set[str], keep_seconds: float) -> tuple[int, int]:
        """Delete all others that were untouched for `keep_seconds`; how many, and their bytes."""


def references(texts: Iterable[str | None]) -> Iterator[str]:
    """What looks like an artifact's id. A string of a user's that looks like one keeps an artifact: no harm."""
    for text in texts:
        if text:
            yield from _ID.findall(text)


def reachable(roots: Iterable[str], edges: Iterable[tuple[str, str]]) -> set[str]:
    """`roots` and all below them."""
    children: dict[str, list[str]] = {}
    for parent, child in edges:
        children.setdefault(parent, []).append(child)
    live = set(roots)
    stack = [id for id in children if id in live]
    while stack:
        below = [child for child in children.get(stack.pop(), ()) if child not in live]
        live.update(below)
        stack += below
    return live
