"""The seam between what runs and what remembers: one protocol, a twin in memory and one in sql."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple, Protocol

from sematic.engine.changes import Change
from sematic.engine.records import Attempt, PipelineRun, Run
from sematic.engine.states import State
from sematic.types.artifact import Artifact

EVERYTHING = "*"
"""Stands for all runs in a step that touched more than NAMED_LIMIT, or that ended whatever was live."""

NAMED_LIMIT = 1000


class Step(NamedTuple):
    """One commit: its number in the pipeline run's sequence and the runs it touched.

    ``(EVERYTHING,)`` asks a reader to read all runs of the pipeline run again. A change of the pipeline run itself
    names its root; artifacts and sources name none.
    """

    seq: int
    run_ids: tuple[str, ...]


class Ledger(Protocol):
    """The durable record of pipeline runs, runs, attempts, references and artifacts.

    `commit` is atomic: all changes or none. Sequence order is commit order within a pipeline run. Reads return
    what was committed. Unknown ids raise KeyError. Safe to use from several threads and processes.
    """

    def commit(self, pipeline_run_id: str, changes: Sequence[Change], nonce: str | None = None) -> int:
        """Apply `changes` atomically and return the commit's sequence number. Raises Fenced or LedgerError.

        A commit whose `nonce` is recorded already for this pipeline run changes nothing and returns that one's
        number: who does not know whether a commit arrived asks again with the same.
        """

    def changes_after(self, pipeline_run_id: str, seq: int, limit: int = 1000) -> list[Step]:
        """The commits after `seq`, oldest first."""

    def pipeline_run(self, id: str) -> PipelineRun: ...

    def pipeline_runs(
        self,
        limit: int = 50,
        before: tuple[float, str] | None = None,
        states: Iterable[State] = (),
        function: str | None = None,
    ) -> list[PipelineRun]:
        """Newest first by (created_at, id); `before` is the cursor: the last row of the page before."""

    def run(self, id: str) -> Run: ...

    def runs(self, pipeline_run_id: str) -> list[Run]:
        """All runs of a pipeline run: parents before children, siblings by position."""

    def children(self, run_id: str) -> list[Run]: ...

    def attempts(self, run_id: str) -> list[Attempt]: ...

    def live_attempts(self, pipeline_run_id: str) -> list[Attempt]: ...

    def artifact(self, id: str) -> Artifact: ...

    def source(self, digest: str) -> str: ...

    def find(self, prefix: str) -> list[str]:
        """Up to ten ids of runs that start with `prefix` (pipeline runs are runs)."""

    def find_artifacts(self, prefix: str) -> list[str]: ...

    def remove(self, pipeline_run_id: str) -> None:
        """Forget a pipeline run and its runs, leaving a tombstone; refused (LedgerError) while it is owned."""

    def collect(self, keep_seconds: float = 86400.0) -> tuple[int, int]:
        """Delete artifacts nothing refers to and unreferenced blobs untouched for `keep_seconds`; returns how many
        blobs and bytes."""

    def close(self) -> None: ...
