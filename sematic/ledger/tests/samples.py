"""Small records for tests."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from sematic.engine.changes import AttemptAdded, PipelineRunAdded, RunMoved, RunsAdded
from sematic.engine.records import Attempt, PipelineRun, Run
from sematic.engine.states import State
from sematic.ledger.base import Ledger
from sematic.ledger.references import Blobs
from sematic.types.artifact import Artifact, Blob

ROOT = "0" * 31 + "1"
OTHER = "0" * 31 + "2"
OWNER = "me"
NONCE = "n" * 32
STORED = "5" * 64


class MakeLedger(Protocol):
    def __call__(self, blobs: Blobs | None = None) -> Ledger: ...


class FakeBlobs:
    """A store that says what it is told to."""

    def __init__(self, *digests: str) -> None:
        self.digests = set(digests)
        self.asked: list[tuple[set[str], float]] = []

    def exists(self, digest: str, size: int) -> bool:
        return digest in self.digests

    def collect(self, referenced: set[str], keep_seconds: float) -> tuple[int, int]:
        self.asked.append((referenced, keep_seconds))
        return 1, 2


def id_of(number: int) -> str:
    """An id like those of children: any digits, here ones that a test can name."""
    return f"{number:032x}"


def pipeline_run(id: str = ROOT, **values: Any) -> PipelineRun:
    return PipelineRun(id, "m:root", State.CREATED, 1.0, OWNER, "local")._replace(**values)


def run(id: str, pipeline_run_id: str = ROOT, **values: Any) -> Run:
    return Run(id, pipeline_run_id, "m:step", "{}", created_at=1.0)._replace(**values)


def attempt(run_id: str = ROOT, number: int = 1, **values: Any) -> Attempt:
    return Attempt(run_id, ROOT, number, State.RUNNING, NONCE)._replace(**values)


def begin(ledger: Ledger, id: str = ROOT, **values: Any) -> None:
    """A pipeline run with its root."""
    root = run(id, id, function="m:root")
    assert ledger.commit(id, [PipelineRunAdded(pipeline_run(id, **values)), RunsAdded([root])]) == 1


def start(ledger: Ledger, run_id: str = ROOT, number: int = 1, **values: Any) -> int:
    """A run that is RUNNING in attempt `number`."""
    new = attempt(run_id, number, **values)
    return ledger.commit(ROOT, [RunMoved(run_id, State.RUNNING, 2.0, number), AttemptAdded(new)])


def artifact(payload: bytes, *children: Artifact, summary: Any = None) -> Artifact:
    """One whose bytes are at hand; the ledger does not care what they mean."""
    return _artifact(Blob(payload, len(payload)), children, summary)


def stored_artifact(digest: str = STORED, size: int = 100_000) -> Artifact:
    """One whose bytes are in a store."""
    return _artifact(Blob(None, size, digest), (), None)


def _artifact(blob: Blob, children: tuple[Artifact, ...], summary: Any) -> Artifact:
    result = Artifact(None, ["bytes"], "raw")
    result._blob, result._summary = blob, summary
    result.children = {child.id: child for child in children}
    return result


def facts(artifact: Artifact) -> tuple[Any, ...]:
    """What a ledger keeps of an artifact."""
    blob = artifact.blob
    return artifact.id, artifact.spec, artifact.codec, blob.digest, blob.size, blob.data, artifact.summary


def record(ledger: Ledger, ids: list[str]) -> list[Any]:
    """All that a ledger says of some pipeline runs, in a form that can be compared."""
    result: list[Any] = [ledger.pipeline_runs(), ledger.find(""), ledger.find_artifacts("")]
    result += [facts(ledger.artifact(id)) for id in ledger.find_artifacts("")]
    for id in ids:
        reads: list[Callable[[str], Any]] = [ledger.pipeline_run, ledger.runs, ledger.live_attempts]
        result += [_read(read, id) for read in reads]
        result.append(_read(lambda id: ledger.changes_after(id, 0), id))
        for run in _read(ledger.runs, id) or ():
            result += [ledger.run(run.id), ledger.children(run.id), ledger.attempts(run.id)]
    return result


def _read(read: Callable[[str], Any], id: str) -> Any:
    try:
        return read(id)
    except KeyError:
        return None
