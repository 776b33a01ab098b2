"""What goes wrong, as an answer: a status, a kind that programs know, a sentence for people."""

from __future__ import annotations

import logging
from typing import Any, NamedTuple

from werkzeug.exceptions import HTTPException

from sematic.errors import ArtifactError, Fenced, LedgerError, LedgerLocked, SematicError, SettingsError, StoreError
from sematic.wire import Malformed

log = logging.getLogger("sematic.server")


class Refused(Exception):
    """A request that is not carried out."""

    def __init__(self, status: int, kind: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.kind = kind


class Problem(NamedTuple):
    """An answer that says what went wrong."""

    status: int
    kind: str
    message: str

    def to_json(self) -> dict[str, Any]:
        """The body of the answer."""
        return {"error": {"kind": self.kind, "message": self.message}}


_STATUS: tuple[tuple[type[SematicError], int], ...] = (
    (Fenced, 409),
    (LedgerLocked, 503),
    (LedgerError, 422),
    (ArtifactError, 422),
    (StoreError, 507),
)


def problem_of(error: Exception) -> Problem:
    """What an exception means to whoever asked. What nobody expected is logged, and not told."""
    if isinstance(error, Refused):
        return Problem(error.status, error.kind, str(error))
    if isinstance(error, Malformed):
        return Problem(400, "Malformed", str(error))
    if isinstance(error, HTTPException):
        return Problem(error.code or 500, "Refused", f"{error.name}: {error.description}")
    if isinstance(error, KeyError):
        return Problem(404, "NotFound", f"there is no {error.args[0]}")
    for kind, status in _STATUS:
        if isinstance(error, kind):
            return Problem(status, kind.__name__, str(error))
    log.error("a request failed", exc_info=error)
    if isinstance(error, SettingsError):
        return Problem(500, "Broken", str(error))
    return Problem(500, "Broken", f"the server failed ({type(error).__name__}): its log says more")
