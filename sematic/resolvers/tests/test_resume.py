"""Taking up an earlier pipeline run, on records made by hand, over both ledgers."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from sematic.engine.changes import (
    AttemptAdded,
    AttemptClaimed,
    AttemptEnded,
    Interrupted,
    PipelineRunAdded,
    PipelineRunMoved,
    RunMoved,
    RunsAdded,
)
from sematic.engine.records import Attempt, PipelineRun, Run
from sematic.engine.states import State
from sematic.graph import Graph, Node, Output
from sematic.ids import child_id
from sematic.ledger.base import Ledger
from sematic.ledger.memory import MemoryLedger
from sematic.ledger.sql.sqlite import open_sqlite
from sematic.options import DEFAULTS
from sematic.resolvers.resume import Wish, plan

ROOT = "1" * 32
NEW = PipelineRun("2" * 32, "m:root", State.RUNNING, 9.0, "new", "local")


@pytest.fixture(params=["memory", "sqlite"])
def ledger(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Ledger]:
    found: Ledger = MemoryLedger() if request.param == "memory" else open_sqlite(tmp_path / "ledger.db")
    yield found
    found.close()


def begin(ledger: Ledger, *runs: Run) -> None:
    record = PipelineRun(ROOT, "m:root", State.RUNNING, 1.0, "owner", "local")
    ledger.commit(ROOT, [PipelineRunAdded(record), RunsAdded(runs)])


def test_a_failure_that_a_dead_driver_did_not_judge_is_tried_again(ledger: Ledger) -> None:
    """A worker records the end of its attempt; what becomes of the run, its driver does. Between the two it died."""
    begin(ledger, Run(ROOT, ROOT, "m:root", "{}", created_at=1.0))
    attempt = Attempt(ROOT, ROOT, 1, State.SCHEDULED, "nonce")
    ledger.commit(ROOT, [RunMoved(ROOT, State.SCHEDULED, 2.0, 1), AttemptAdded(attempt)])
    claimed = AttemptClaimed(ROOT, 1, "nonce", "worker", 3.0)
    ledger.commit(ROOT, [claimed, RunMoved(ROOT, State.RUNNING, 3.0)])
    ledger.commit(ROOT, [AttemptEnded(ROOT, 1, "nonce", State.FAILED, 4.0, "why")])
    ledger.commit(ROOT, [Interrupted("owner", 5.0, "gone")])
    assert ledger.run(ROOT).state is State.RETRYING
    assert ledger.attempts(ROOT)[0].failure == "why"


def fed_pipeline(ledger: Ledger) -> str:
    """``root(fed())``, where root's body returned ``child()``; all of it succeeded. The id of fed's run."""
    fed = child_id(ROOT, 0, 0, "m:fed")
    child = child_id(ROOT, 1, 0, "m:child")
    done = State.RESOLVED
    begin(
        ledger,
        Run(ROOT, ROOT, "m:root", '{"x":["o",0]}', position=1, state=done, attempt=1, output="o3", graph='["o",0]'),
        Run(fed, ROOT, "m:fed", "{}", ROOT, 0, 0, state=done, attempt=1, output="o1"),
        Run(child, ROOT, "m:child", "{}", ROOT, 1, 0, state=done, attempt=1, output="o2"),
    )
    ledger.commit(ROOT, [PipelineRunMoved(done, 3.0)])
    return fed


def graph() -> Graph:
    fed = Node("m:fed", {}, DEFAULTS, ())
    return Graph((fed, Node("m:root", {"x": Output(0)}, DEFAULTS, (0,))), Output(1))


def test_a_rerun_from_what_feeds_the_root_runs_the_root_again(ledger: Ledger) -> None:
    """Its body takes the new value: the graph it returned for the old one is not kept."""
    fed = fed_pipeline(ledger)
    planned = plan(ledger, ledger.pipeline_run(ROOT), Wish(ROOT, fed, True), NEW, graph())
    assert [(run.function, run.state) for run in planned.runs] == [
        ("m:root", State.CREATED),
        ("m:fed", State.CREATED),
    ]


def test_a_rerun_from_a_child_keeps_the_graph_above_it(ledger: Ledger) -> None:
    fed_pipeline(ledger)
    child = child_id(ROOT, 1, 0, "m:child")
    planned = plan(ledger, ledger.pipeline_run(ROOT), Wish(ROOT, child, True), NEW, graph())
    assert {run.function: run.state for run in planned.runs} == {
        "m:root": State.RAN,
        "m:fed": State.RESOLVED,
        "m:child": State.CREATED,
    }
