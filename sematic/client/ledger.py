"""The ledger of a server. The same contract as that of the others, which its tests hold it to."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Any, TypeVar

from sematic.client.connection import Connection, segment
from sematic.engine.changes import Change
from sematic.engine.records import Attempt, PipelineRun, Run
from sematic.engine.states import State
from sematic.errors import LedgerError
from sematic.ids import random_id
from sematic.ledger.base import Step
from sematic.types.artifact import Artifact
from sematic.wire import COMMIT_LIMIT, PAGE, Commit, Malformed, artifact_from_json, encode_commit, from_json

T = TypeVar("T")

_COMMIT = {"Content-Type": "application/vnd.sematic.commit"}


class RemoteLedger:
    """The record on a team's server. Requests are repeated while the server is away, and have the effect of one."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def commit(self, pipeline_run_id: str, changes: Sequence[Change], nonce: str | None = None) -> int:
        """Apply `changes` atomically and return the commit's sequence number. Raises Fenced or LedgerError."""
        body = encode_commit(Commit(nonce or random_id(), list(changes)))
        if len(body) > COMMIT_LIMIT:
            raise LedgerError(
                f"{len(body)} bytes are too many for one commit: at most {COMMIT_LIMIT}. When this is the graph of one "
                "function, nest it: let it call functions that make parts of the graph"
            )
        path = f"/pipeline-runs/{segment(pipeline_run_id)}/commits"
        answer = self._connection.ask("POST", path, body=body, headers=_COMMIT).json()
        return int(answer["seq"])

    def changes_after(self, pipeline_run_id: str, seq: int, limit: int = 1000) -> list[Step]:
        """The commits after `seq`, oldest first."""
        steps: list[Step] = []
        while len(steps) < limit:
            asked = min(limit - len(steps), PAGE)
            query = {"after": steps[-1].seq if steps else max(seq, 0), "limit": asked}
            page = self._list(Step, "pipeline-runs", pipeline_run_id, "/changes", query)
            steps += page
            if len(page) < asked:
                break
        return steps

    def pipeline_run(self, id: str) -> PipelineRun:
        """Raises KeyError when unknown."""
        return _record(PipelineRun, self._get("pipeline-runs", id))

    def pipeline_runs(
        self,
        limit: int = 50,
        before: tuple[float, str] | None = None,
        states: Iterable[State] = (),
        function: str | None = None,
    ) -> list[PipelineRun]:
        """Newest first by (created_at, id); `before` is the cursor: the last row of the page before."""
        wanted: dict[str, Any] = {"state": list(map(str, states))}
        if function is not None:
            wanted["function"] = function
        found: list[PipelineRun] = []
        while len(found) < limit:
            asked = min(limit - len(found), PAGE)
            cursor = {} if before is None else {"before_time": repr(before[0]), "before_id": before[1]}
            answer = self._connection.ask("GET", "/pipeline-runs", query={**wanted, **cursor, "limit": asked}).json()
            page = _records(PipelineRun, answer)
            found += page
            if len(page) < asked:
                break
            before = (page[-1].created_at, page[-1].id)
        return found

    def run(self, id: str) -> Run:
        """Raises KeyError when unknown."""
        return _record(Run, self._get("runs", id))

    def runs(self, pipeline_run_id: str) -> list[Run]:
        """All runs of a pipeline run: parents before children, siblings by position."""
        return self._list(Run, "pipeline-runs", pipeline_run_id, "/runs")

    def children(self, run_id: str) -> list[Run]:
        """The runs of the graph that a run returned, by position."""
        return self._list(Run, "runs", run_id, "/children")

    def attempts(self, run_id: str) -> list[Attempt]:
        """All attempts at a run, oldest first."""
        return self._list(Attempt, "runs", run_id, "/attempts")

    def live_attempts(self, pipeline_run_id: str) -> list[Attempt]:
        """The attempts that have not ended."""
        return self._list(Attempt, "pipeline-runs", pipeline_run_id, "/live-attempts")

    def artifact(self, id: str) -> Artifact:
        """Raises KeyError when unknown, ArtifactError when its recorded bytes are corrupt."""
        facts = self._get("artifacts", id)
        path = f"/artifacts/{segment(id)}/payload"
        return _checked(lambda: artifact_from_json(facts, lambda size: self._connection.ask("GET", path).body))

    def source(self, digest: str) -> str:
        """Raises KeyError when unknown."""
        return str(self._get("sources", digest)["text"])

    def find(self, prefix: str) -> list[str]:
        """Up to ten ids of runs that start with `prefix` (pipeline runs are runs)."""
        return self._find("/runs", prefix)

    def find_artifacts(self, prefix: str) -> list[str]:
        """Up to ten ids of artifacts that start with `prefix`."""
        return self._find("/artifacts", prefix)

    def remove(self, pipeline_run_id: str) -> None:
        """Forget a pipeline run and its runs, leaving a tombstone; refused (LedgerError) while it is owned."""
        self.pipeline_run(pipeline_run_id)
        with suppress(KeyError):  # it was there: an earlier request of ours, or another's, has removed it
            self._connection.ask("DELETE", f"/pipeline-runs/{segment(pipeline_run_id)}")

    def collect(self, keep_seconds: float = 86400.0) -> tuple[int, int]:
        """Always refused (LedgerError): others upload to that store, and only its own machine knows when."""
        raise LedgerError(
            f"what no run refers to is freed where the server runs: call `sematic gc` on the machine of "
            f"{self._connection.address}, or here without the setting api_address"
        )

    def close(self) -> None:
        """Close the connections."""
        self._connection.close()

    def _get(self, kind: str, id: str, below: str = "", query: Mapping[str, Any] | None = None) -> Any:
        try:
            return self._connection.ask("GET", f"/{kind}/{segment(id)}{below}", query=query).json()
        except KeyError:
            raise KeyError(id) from None

    def _list(self, record: type[T], kind: str, id: str, below: str, query: Mapping[str, Any] | None = None) -> list[T]:
        return _records(record, self._get(kind, id, below, query))

    def _find(self, path: str, prefix: str) -> list[str]:
        answer = self._connection.ask("GET", path, query={"prefix": prefix}).json()
        return list(map(str, answer["items"]))


def _record(kind: type[T], data: Any) -> T:
    return _checked(lambda: from_json(kind, data))


def _records(kind: type[T], data: Any) -> list[T]:
    return [_record(kind, each) for each in data["items"]]


def _checked(decode: Callable[[], T]) -> T:
    try:
        return decode()
    except Malformed as error:
        raise LedgerError(f"the server's answer cannot be read: {error}") from error
