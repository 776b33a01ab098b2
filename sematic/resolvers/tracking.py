"""Committing what the engine decides, and saying so when that is not possible any more."""

from __future__ import annotations

import time
from contextlib import suppress

from sematic.engine.changes import Change, GitNoted, Interrupted
from sematic.engine.records import INTERRUPTED, Failure, PipelineRun
from sematic.errors import LedgerError
from sematic.ledger.base import Ledger
from sematic.resolvers.program import GitState


class Recorder:
    """Commits the changes of one pipeline run, and what git says as soon as git has said it."""

    def __init__(self, ledger: Ledger, pipeline_run: PipelineRun, git: GitState) -> None:
        self._ledger = ledger
        self._git: GitState | None = git if pipeline_run.git is None else None
        self._id = pipeline_run.id
        self._owner = pipeline_run.owner or ""

    def record(self, changes: list[Change]) -> None:
        if self._git is not None and self._git.ready():
            changes = [*changes, *self._noted()]
        self._ledger.commit(self._id, changes)

    def note_git(self) -> None:
        """Record the git state if that was not done yet, waiting for git a little."""
        if noted := self._noted():
            self._ledger.commit(self._id, noted)

    def _noted(self) -> list[Change]:
        """What git says, asked once."""
        git, self._git = self._git, None
        text = git.read() if git is not None else None
        return [] if text is None else [GitNoted(text)]

    def give_up(self, error: BaseException) -> None:
        """The pipeline run cannot go on here: say so, so that nobody waits for this process. Best effort: it may be
        the ledger itself that fails, and then the next reader finds out."""
        failure = Failure("infrastructure", INTERRUPTED, f"resolving stopped: {type(error).__name__}: {error}")
        with suppress(LedgerError):
            self._ledger.commit(self._id, [Interrupted(self._owner, time.time(), failure.to_json())])
