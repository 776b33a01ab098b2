"""The changes that are committed to a ledger: a few facts each, all of one pipeline run, all or nothing."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple, TypeAlias

from sematic.engine.records import Attempt, PipelineRun, Run
from sematic.engine.states import State
from sematic.types.artifact import Artifact


class PipelineRunAdded(NamedTuple):
    """The first change of all. Repeating it with an id that exists is refused (LedgerError)."""

    pipeline_run: PipelineRun


class RunsAdded(NamedTuple):
    """New runs; `runs` may be a generator over a large graph and is read once."""

    runs: Iterable[Run]


class ArtifactsAdded(NamedTuple):
    """Artifacts with all their descendants and the edges between them; those that exist already are left alone."""

    artifacts: Iterable[Artifact]


class SourceAdded(NamedTuple):
    """The source text of a function, by digest; an existing one is left alone."""

    digest: str
    text: str


class RunMoved(NamedTuple):
    """A run enters state `target`: refused (Fenced) unless it is in one of SOURCES[target].

    Fields that are None leave what is recorded. RUNNING sets `started_at` if unset and `attempt`; a terminal state
    sets `ended_at`.
    """

    run_id: str
    target: State
    at: float
    attempt: int | None = None
    inputs: str | None = None
    output: str | None = None
    graph: str | None = None
    failure: str | None = None
    taken_from: str | None = None


class AttemptAdded(NamedTuple):
    """A new attempt, SCHEDULED or RUNNING. An existing one with the same number is refused (Fenced)."""

    attempt: Attempt


class AttemptClaimed(NamedTuple):
    """SCHEDULED → RUNNING by the process with `nonce`; repeating it with the same nonce changes nothing, any other
    is refused (Fenced)."""

    run_id: str
    number: int
    nonce: str
    owner: str
    at: float


class AttemptEnded(NamedTuple):
    """The end of an attempt; refused (Fenced) unless it is live (SCHEDULED or RUNNING), has this `nonce` and is the
    run's newest."""

    run_id: str
    number: int
    nonce: str
    state: State
    at: float
    failure: str | None = None
    cpu_seconds: float | None = None
    peak_memory: int | None = None
    log: str | None = None


class RestCanceled(NamedTuple):
    """All runs of the pipeline run that are not terminal become CANCELED, and their live attempts end CANCELED."""

    at: float


class PipelineRunMoved(NamedTuple):
    """The pipeline run enters `state` (its root's). A terminal one sets `ended_at` and clears the owner; refused
    (Fenced) when the pipeline run is terminal already or `owner` (if given) is not its owner."""

    state: State
    at: float
    owner: str | None = None


class GitNoted(NamedTuple):
    """The git state of the program was found out."""

    git: str


class OwnerTaken(NamedTuple):
    """A process becomes the owner of a pipeline run that goes on. Refused (Fenced) unless the recorded owner is
    `previous` and the pipeline run is not terminal. Clears `interrupted_at`."""

    previous: str | None
    owner: str
    at: float


class Interrupted(NamedTuple):
    """The owner was found dead: `interrupted_at` is set, the owner cleared, live attempts end FAILED with `failure`
    (infrastructure), and all runs that are SCHEDULED or RUNNING become RETRYING: also one whose worker has recorded
    a failure that its owner did not get to judge. Refused (Fenced) unless `owner` still is the recorded owner."""

    owner: str
    at: float
    failure: str


Change: TypeAlias = (
    PipelineRunAdded
    | RunsAdded
    | ArtifactsAdded
    | SourceAdded
    | RunMoved
    | AttemptAdded
    | AttemptClaimed
    | AttemptEnded
    | RestCanceled
    | PipelineRunMoved
    | GitNoted
    | OwnerTaken
    | Interrupted
)
