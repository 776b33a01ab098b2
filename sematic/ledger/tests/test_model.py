"""Random changes to a ledger in a database and to the one in memory: each answers as the other does."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from sematic.engine.changes import (
    ArtifactsAdded,
    AttemptAdded,
    AttemptClaimed,
    AttemptEnded,
    Interrupted,
    OwnerTaken,
    PipelineRunAdded,
    PipelineRunMoved,
    RestCanceled,
    RunMoved,
    RunsAdded,
)
from sematic.engine.records import Run
from sematic.engine.states import State
from sematic.errors import LedgerError
from sematic.ledger.memory import MemoryLedger
from sematic.ledger.sql.ledger import SqlLedger
from sematic.ledger.sql.postgres import open_postgres
from sematic.ledger.sql.sqlite import open_sqlite
from sematic.ledger.tests.places import new_place
from sematic.ledger.tests.samples import (
    artifact,
    attempt,
    id_of,
    pipeline_run,
    record,
    run,
    stored_artifact,
)
from tools.testing.postgres import Postgres

PIPELINE_RUNS = [id_of(1), id_of(2)]

pipeline_run_ids = st.sampled_from(PIPELINE_RUNS)
run_ids = st.integers(1, 6).map(id_of)
states = st.sampled_from(State)
likely = st.sampled_from([State.RUNNING, State.RAN, State.RESOLVED])
times = st.integers(1, 9).map(float)
owners = st.sampled_from(["me", "you"])
nonces = st.sampled_from(["n", "m"])
numbers = st.integers(1, 3)
texts = st.none() | st.sampled_from(["{}", "[]"])
artifacts = st.sampled_from(
    [artifact(b"1"), artifact(b"2", artifact(b"1")), artifact(b"3", artifact(b"4", stored_artifact()), summary=[1])]
)
runs = st.builds(
    lambda id, pipeline_run_id, parent, position: run(id, pipeline_run_id, parent_id=parent, position=position),
    run_ids,
    pipeline_run_ids,
    st.none() | run_ids,
    numbers,
)
changes = st.one_of(
    st.builds(
        lambda id, at, owner: PipelineRunAdded(pipeline_run(id, created_at=at, owner=owner)),
        pipeline_run_ids,
        times,
        st.none() | owners,
    ),
    st.builds(lambda runs: RunsAdded(tuple(runs)), st.lists(runs, max_size=3)),
    st.builds(ArtifactsAdded, st.lists(artifacts, max_size=2)),
    st.builds(RunMoved, run_ids, likely | states, times, st.none() | numbers, texts, texts, texts, texts, texts),
    st.builds(
        lambda id, of, number, state, nonce: AttemptAdded(
            attempt(id, number, pipeline_run_id=of, state=state, nonce=nonce)
        ),
        run_ids,
        pipeline_run_ids,
        numbers,
        st.sampled_from([State.SCHEDULED, State.RUNNING]) | states,
        nonces,
    ),
    st.builds(AttemptClaimed, run_ids, numbers, nonces, owners, times),
    st.builds(AttemptEnded, run_ids, numbers, nonces, likely | states, times, texts, times, numbers, texts),
    st.builds(RestCanceled, times),
    st.builds(PipelineRunMoved, states, times, st.none() | owners),
    st.builds(OwnerTaken, st.none() | owners, owners, times),
    st.builds(Interrupted, owners, times, st.just("why")),
)


class Twins(RuleBasedStateMachine):
    def __init__(self, sql: SqlLedger) -> None:
        super().__init__()
        self.sql = sql
        self.memory = MemoryLedger()

    def both(self, work: Any) -> None:
        assert _outcome(work, self.sql) == _outcome(work, self.memory)

    @initialize()
    def begin(self) -> None:
        added = [RunsAdded([run(id_of(i)) for i in (1, 3, 4)]), AttemptAdded(attempt(id_of(3)))]
        self.both(lambda ledger: ledger.commit(id_of(1), [PipelineRunAdded(pipeline_run(id_of(1))), *added]))
        self.both(lambda ledger: ledger.commit(id_of(2), [PipelineRunAdded(pipeline_run(id_of(2), created_at=0.5))]))

    @rule(id=pipeline_run_ids, changes=st.lists(changes, max_size=4))
    def commit(self, id: str, changes: list[Any]) -> None:
        self.both(lambda ledger: ledger.commit(id, changes))

    @rule(id=pipeline_run_ids, change=changes)
    def commit_what_fits(self, id: str, change: Any) -> None:
        self.both(lambda ledger: ledger.commit(id, [_of(id, change)]))

    @rule(id=pipeline_run_ids, run=runs)
    def grow(self, id: str, run: Run) -> None:
        self.both(lambda ledger: ledger.commit(id, [_of(id, RunsAdded([run]))]))

    @rule(id=pipeline_run_ids, owner=owners, at=times)
    def change_hands(self, id: str, owner: str, at: float) -> None:
        self.both(lambda ledger: ledger.commit(id, [Interrupted(owner, at, "why")]))

    @rule(id=run_ids, number=numbers, state=likely, at=times)
    def try_once(self, id: str, number: int, state: State, at: float) -> None:
        started = [RunMoved(id, State.RUNNING, at, number), AttemptAdded(attempt(id, number, pipeline_run_id=id_of(1)))]
        self.both(lambda ledger: ledger.commit(id_of(1), started))
        ended = [AttemptEnded(id, number, attempt().nonce, state, at), RunMoved(id, state, at)]
        self.both(lambda ledger: ledger.commit(id_of(1), ended))

    @rule(id=pipeline_run_ids)
    def remove(self, id: str) -> None:
        self.both(lambda ledger: ledger.remove(id))

    @rule()
    def collect(self) -> None:
        self.both(lambda ledger: ledger.collect(keep_seconds=-1))

    @invariant()
    def both_say_the_same(self) -> None:
        assert record(self.sql, PIPELINE_RUNS) == record(self.memory, PIPELINE_RUNS)

    def teardown(self) -> None:
        self.sql.close()


def _of(id: str, change: Any) -> Any:
    """The same change as a commit to this pipeline run may hold it."""
    if isinstance(change, RunsAdded):
        return RunsAdded(tuple(one._replace(pipeline_run_id=id) for one in change.runs))
    if isinstance(change, AttemptAdded):
        return AttemptAdded(change.attempt._replace(pipeline_run_id=id))
    return change


def _outcome(work: Any, ledger: Any) -> Any:
    try:
        return work(ledger)
    except (LedgerError, KeyError) as error:
        return type(error), str(error)


def compare(make: Callable[[], SqlLedger], examples: int) -> None:
    bounds = settings(max_examples=examples, stateful_step_count=25, deadline=None, database=None)
    run_state_machine_as_test(lambda: Twins(make()), settings=bounds)


def test_sqlite(tmp_path: Path, cache: Path) -> None:
    numbers = count()
    compare(lambda: open_sqlite(tmp_path / f"{next(numbers)}.db", cache=cache), 80)


def test_postgres(server: Postgres) -> None:
    compare(lambda: open_postgres(new_place(server)), 25)
