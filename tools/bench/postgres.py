"""A commit on PostgreSQL: `python -m tools.bench.postgres ours|floor SIZE` makes SIZE of them, as a chain does.

Each ends one run and starts the next. The floor runs the same statements on a connection of psycopg, in the same
transactions, and nothing else. The server is the bench's own and does not wait for its disk, which is none of ours.
"""

from __future__ import annotations

import hashlib
import json
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager

import psycopg

from sematic.engine.changes import (
    ArtifactsAdded,
    AttemptAdded,
    AttemptEnded,
    Change,
    PipelineRunAdded,
    RunMoved,
    RunsAdded,
)
from sematic.engine.records import Attempt, PipelineRun, Run
from sematic.engine.states import State
from sematic.ledger.sql.compiled import compile_for_postgres
from sematic.ledger.sql.ledger import SqlLedger
from sematic.ledger.sql.postgres import lock_of, open_postgres
from sematic.ledger.sql.transaction import Statements
from sematic.types.artifact import Artifact, artifact_id, restore
from tools.testing.postgres import Postgres

_ROOT = "0" * 32
_NONCE = "f" * 32


def ours(url: str, size: int) -> Iterator[None]:
    """One commit each time it is asked."""
    with _begun(url, size) as ledger:
        for number in range(size):
            ledger.commit(_ROOT, _changes(number))
            yield


def floor(url: str, size: int) -> Iterator[None]:
    """One transaction each time it is asked."""
    sql = Statements(compile_for_postgres())
    with (
        _begun(url, size),
        psycopg.connect(url, autocommit=True, cursor_factory=psycopg.RawCursor) as connection,
    ):
        cursor = connection.cursor()
        for number in range(size):
            cursor.execute("BEGIN")
            cursor.execute("SELECT pg_advisory_xact_lock($1)", (lock_of(_ROOT),))
            for name, values in _statements(number):
                cursor.execute(sql[name].text, sql[name].pick(values))
            cursor.execute("COMMIT")
            yield


@contextmanager
def _begun(url: str, size: int) -> Iterator[SqlLedger]:
    """A pipeline run with all its runs, the first one RUNNING."""
    with closing(open_postgres(url)) as ledger:
        runs = [Run(_id(number), _ROOT, "m:step", "{}", _ROOT, 1, number, created_at=1.0) for number in range(size + 1)]
        pipeline_run = PipelineRun(_ROOT, "m:chain", State.RUNNING, 1.0, "bench", "cloud")
        started = RunMoved(_id(0), State.RUNNING, 1.0, 1)
        ledger.commit(_ROOT, [PipelineRunAdded(pipeline_run), RunsAdded(runs), started, AttemptAdded(_attempt(0))])
        yield ledger


def _changes(number: int) -> list[Change]:
    result = _artifact(number)
    return [
        ArtifactsAdded([result]),
        AttemptEnded(_id(number), 1, _NONCE, State.RESOLVED, 2.0, cpu_seconds=0.001, peak_memory=1 << 26),
        RunMoved(_id(number), State.RESOLVED, 2.0, output=result.id),
        RunMoved(_id(number + 1), State.RUNNING, 2.0, 1),
        AttemptAdded(_attempt(number + 1)),
    ]


def _statements(number: int) -> Iterator[tuple[str, tuple[object, ...]]]:
    _, ended, resolved, running, _ = _changes(number)
    result = _artifact(number)
    blob = result.blob
    yield "add_artifact", (result.id, 2.0, '["int"]', "json", blob.digest, blob.size, None, blob.data)
    yield "end_attempt", (*ended, _ROOT)
    yield "move_run_RESOLVED", (*resolved, _ROOT)
    yield "move_run_RUNNING", (*running, _ROOT)
    yield "add_attempt", _attempt(number + 1)
    yield "next_seq", (_ROOT,)
    yield "add_step", (_ROOT, number + 2, f"{_id(number)},{_id(number + 1)}", _id(number))


def _attempt(number: int) -> Attempt:
    return Attempt(_id(number), _ROOT, 1, State.RUNNING, _NONCE, 2.0)


def _artifact(number: int) -> Artifact:
    payload = str(number).encode()
    digest = hashlib.sha256(payload).hexdigest()
    return restore(["int"], "json", digest, len(payload), payload, None, artifact_id(["int"], "json", digest))


def _id(number: int) -> str:
    return f"{number + 1:032x}"


PROGRAMS: dict[str, Callable[[str, int], Iterator[None]]] = {"ours": ours, "floor": floor}


def main(name: str, size: str) -> None:
    """Connections, and the first commit, are made before the clock starts."""
    with Postgres() as server:
        steps = PROGRAMS[name](server.url(), int(size) + 1)
        next(steps)
        begun, cpu = time.perf_counter(), time.process_time()
        for _ in steps:
            pass
        seconds, cpu = time.perf_counter() - begun, time.process_time() - cpu
    print(json.dumps({"seconds": seconds, "cpu": cpu}))


if __name__ == "__main__":
    main(*sys.argv[1:])
