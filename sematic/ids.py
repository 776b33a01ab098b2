"""Identifiers: random for what a client starts, derived for all that follows from it."""

from __future__ import annotations

import hashlib
import os

ID_LENGTH = 32


def random_id() -> str:
    """A new pipeline run's id: 32 hexadecimal digits. Made before the first write, so it is the idempotency key."""
    return os.urandom(16).hex()


def child_id(parent_id: str, parent_attempt: int, position: int, function: str) -> str:
    """The id of node `position` in the graph that attempt `parent_attempt` of `parent_id` committed."""
    text = f"{parent_id}/{parent_attempt}/{position}/{function}"
    return hashlib.sha256(text.encode()).hexdigest()[:ID_LENGTH]
