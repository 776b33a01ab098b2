"""Events in, instructions out."""

from __future__ import annotations

import itertools
import sys
import tracemalloc

import pytest

from sematic.engine.changes import AttemptAdded, AttemptEnded, PipelineRunMoved, RestCanceled, RunMoved, RunsAdded
from sematic.engine.events import (
    Assembled,
    Cancelled,
    Failed,
    Finish,
    ReturnedGraph,
    ReturnedValue,
    RunInline,
    SetTimer,
    Started,
    Submit,
)
from sematic.engine.records import Run
from sematic.engine.states import State
from sematic.engine.tests.driving import (
    INFRASTRUCTURE,
    RETRYABLE,
    ROOT,
    USER,
    Driver,
    artifact,
    call,
    graph,
    listed,
)
from sematic.graph import Output
from sematic.ids import child_id
from sematic.options import INFRASTRUCTURE_RETRIES, RetrySettings

TWICE = RetrySettings((ValueError,), 2, backoff=1.0, factor=2.0, jitter=0.0)


def test_one_step() -> None:
    driver = Driver()
    assert driver.submit(call("root")) == ["run root"]
    assert driver.returns("root", "done") == ["finish RESOLVED"]
    assert driver.last(Finish).output == "done"


def test_a_chain_runs_each_step_when_the_one_before_is_done() -> None:
    driver = Driver()
    driver.submit(call("root"))
    assert driver.expands("root", graph(call("a"), call("b", 0), call("c", 1))) == ["run a"]
    assert driver.returns("a", 1) == ["run b"]
    assert driver.last(RunInline).outputs == {0: 1}
    assert driver.returns("b", 2) == ["run c"]
    assert driver.returns("c", 3) == ["assemble root"]
    assert driver.assembled("root", 3) == ["finish RESOLVED"]


def test_a_fan_out_runs_in_the_order_of_the_calls_and_is_collected_once() -> None:
    driver = Driver()
    driver.submit(call("root"))
    driver.expands("root", graph(call("a"), call("b"), call("c"), output=listed(0, 1, 2)))
    said = [driver.returns(name, name.upper()) for name in "abc"]
    assert said == [["run b"], ["run c"], ["assemble root"]]


def test_outputs_are_given_by_position() -> None:
    driver = Driver()
    driver.submit(call("root"))
    driver.expands("root", graph(call("a"), call("b"), call("c", 1, 0, 1)))
    driver.returns("a", "A")
    driver.returns("b", "B")
    assert driver.last(RunInline).outputs == {0: "A", 1: "B"}


def test_an_assembled_output_comes_from_the_positions_it_needs_only() -> None:
    driver = Driver()
    driver.submit(call("root"))
    driver.expands("root", graph(call("a"), call("b", 0), output=Output(1)))
    driver.returns("a", "A")
    assert driver.returns("b", "B") == ["assemble root"]
    assert driver.asked[-1].outputs == {1: "B"}  # type: ignore[union-attr]


def test_a_graph_without_calls_is_assembled_at_once() -> None:
    driver = Driver()
    driver.submit(call("root"))
    assert driver.expands("root", graph(output=listed())) == ["assemble root"]


def test_order_is_depth_first_as_plain_python() -> None:
    driver = Driver()
    driver.submit(call("root"))
    driver.expands("root", graph(call("a"), call("b"), output=listed(0, 1)))
    driver.expands("a", graph(call("aa"), call("ab"), output=listed(0, 1)))
    driver.expands("aa", graph(call("aaa")))
    driver.returns("aaa")
    driver.assembled("aa")
    driver.returns("ab")
    driver.assembled("a")
    assert driver.order() == ["root", "a", "aa", "aaa", "ab", "b"]


def test_what_an_output_makes_ready_takes_its_place_in_the_order_of_the_calls() -> None:
    """``a = f(); b = g(); c = h(a); d = i(b)`` runs f, g, h, i, as plain Python does."""
    driver = Driver()
    driver.submit(call("root"))
    driver.expands("root", graph(call("f"), call("g"), call("h", 0), call("i", 1), output=listed(2, 3)))
    for name in "fghi":
        driver.returns(name)
    assert driver.order() == ["root", "f", "g", "h", "i"]


def test_nested_calls_are_finished_before_the_next_call_begins() -> None:
    driver = Driver()
    driver.submit(call("root"))
    driver.expands("root", graph(call("a"), call("b"), call("c", 0, 1)))
    driver.expands("a", graph(call("x"), call("y", 0)))
    driver.returns("x")
    assert driver.returns("y") == ["assemble a"], "what a's output makes ready may come before b"
    assert driver.assembled("a") == ["run b"]
    driver.returns("b")
    assert driver.order() == ["root", "a", "x", "y", "b", "c"]


def test_only_one_inline_body_runs_at_a_time() -> None:
    driver = Driver(max_parallelism=3)
    driver.submit(call("root"))
    said = driver.expands("root", graph(call("a"), call("b"), call("c"), output=listed(0, 1, 2)))
    assert said == ["run a"]


def test_the_children_of_a_run_have_ids_made_of_its_attempt() -> None:
    driver = Driver()
    driver.submit(call("root", retry=TWICE))
    driver.fails("root", RETRYABLE)
    driver.rings("root")
    driver.expands("root", graph(call("a"), call("b"), output=listed(0, 1)))
    assert driver.id("b") == child_id(ROOT, 2, 1, "m:b")


# -- argument futures of the root ------------------------------------------------------------------------------------


def test_what_feeds_the_root_runs_before_it() -> None:
    driver = Driver()
    assert driver.submit(call("f"), call("g", 0), call("root", 0, 1)) == ["run f"]
    assert driver.returns("f", 1) == ["run g"]
    assert driver.returns("g", 2) == ["run root"]
    assert driver.last(RunInline).outputs == {0: 1, 1: 2}
    assert driver.returns("root", 3) == ["finish RESOLVED"]


def test_what_feeds_the_root_may_return_a_graph() -> None:
    driver = Driver()
    driver.submit(call("f"), call("root", 0))
    driver.expands("f", graph(call("x")))
    assert driver.id("f") == child_id(ROOT, 0, 0, "m:f")
    assert driver.id("x") == child_id(driver.id("f"), 1, 0, "m:x")
    assert driver.returns("x", 1) == ["assemble f"]
    assert driver.assembled("f", 1) == ["run root"]


def test_the_failure_of_what_feeds_the_root_makes_the_root_nested_failed() -> None:
    driver = Driver(recording=True)
    driver.submit(call("f"), call("root", 0))
    assert driver.fails("f") == ["finish FAILED"]
    assert moves(driver) == [("f", State.RUNNING), ("f", State.FAILED), ("root", State.NESTED_FAILED)]


# -- retries ---------------------------------------------------------------------------------------------------------


def test_a_retryable_failure_waits_longer_each_time_and_then_is_final() -> None:
    driver = Driver()
    driver.submit(call("root", retry=TWICE))
    assert driver.fails("root", RETRYABLE) == ["wait root"]
    assert driver.last(SetTimer).delay == 1.0
    assert driver.rings("root") == ["run root 2"]
    assert driver.fails("root", RETRYABLE) == ["wait root"]
    assert driver.last(SetTimer).delay == 2.0
    assert driver.rings("root") == ["run root 3"]
    assert driver.fails("root", RETRYABLE) == ["finish FAILED"]


def test_a_failure_that_is_not_retryable_is_final_at_once() -> None:
    driver = Driver()
    driver.submit(call("root", retry=TWICE))
    assert driver.fails("root", USER) == ["finish FAILED"]


def test_a_run_without_retry_settings_is_not_retried() -> None:
    driver = Driver()
    driver.submit(call("root"))
    assert driver.fails("root", RETRYABLE) == ["finish FAILED"]


def test_another_run_goes_on_while_one_waits_for_its_retry() -> None:
    driver = Driver()
    driver.submit(call("root"))
    driver.expands("root", graph(call("a", retry=TWICE), call("b"), call("c"), output=listed(0, 1, 2)))
    assert driver.fails("a", RETRYABLE) == ["wait a", "run b"]
    assert driver.rings("a") == []
    assert driver.returns("b") == ["run a 2"]


def test_the_jitter_is_the_same_in_every_replay_and_spread_over_attempts() -> None:
    def delays() -> list[float]:
        driver = Driver()
        driver.submit(call("root"))
        retry = RetrySettings((ValueError,), 3, backoff=10.0, factor=1.0, jitter=0.5)
        driver.expands("root", graph(call("a", retry=retry)))
        for _ in range(3):
            driver.fails("a", RETRYABLE)
            driver.rings("a")
        return [i.delay for i in driver.asked if isinstance(i, SetTimer)]

    found = delays()
    assert found == delays()
    assert len(set(found)) == 3
    assert all(5.0 <= delay <= 15.0 for delay in found)


def test_infrastructure_has_a_budget_of_its_own() -> None:
    driver = Driver(max_parallelism=1)
    driver.submit(call("root", inline=False, retry=TWICE))
    for _ in range(INFRASTRUCTURE_RETRIES):
        assert driver.fails("root", INFRASTRUCTURE) == ["wait root"]
        driver.rings("root")
    assert driver.fails("root", RETRYABLE) == ["wait root"], "the user's retries are untouched"
    driver.rings("root")
    assert driver.fails("root", INFRASTRUCTURE) == ["finish FAILED"]


def test_a_time_limit_is_the_users_to_retry() -> None:
    driver = Driver()
    driver.submit(call("root", retry=TWICE, timeout=1.0))
    assert driver.fails("root", RETRYABLE._replace(kind="timeout")) == ["wait root"]
    driver.rings("root")
    assert driver.fails("root", USER._replace(kind="timeout")) == ["finish FAILED"]


def test_retry_covers_a_runs_own_body_and_no_failed_child() -> None:
    driver = Driver()
    driver.submit(call("root", retry=TWICE))
    driver.expands("root", graph(call("a")))
    assert driver.fails("a", RETRYABLE) == ["finish FAILED"]


def test_a_timer_of_a_run_that_is_not_waiting_does_nothing() -> None:
    driver = Driver()
    driver.submit(call("root", retry=TWICE))
    driver.fails("root", RETRYABLE)
    assert driver.rings("root") == ["run root 2"]
    assert driver.rings("root") == []
    driver.fails("root", RETRYABLE)
    assert driver.rings("root") == ["run root 3"]


# -- failure ---------------------------------------------------------------------------------------------------------


def moves(driver: Driver) -> list[tuple[str, State]]:
    """What was recorded of runs, by name."""
    names = {id: run.node.path.partition(":")[2] for id, run in driver.engine.runs.items()}
    return [(names[change.run_id], change.target) for change in driver.changes if isinstance(change, RunMoved)]


def test_failed_ancestors_are_nested_failed_and_the_rest_is_cancelled() -> None:
    driver = Driver(recording=True)
    driver.submit(call("root"))
    driver.expands("root", graph(call("a"), call("b"), output=listed(0, 1)))
    driver.expands("a", graph(call("x")))
    assert driver.fails("x") == ["finish FAILED"]
    assert moves(driver)[-3:] == [
        ("x", State.FAILED),
        ("a", State.NESTED_FAILED),
        ("root", State.NESTED_FAILED),
    ]
    rest, ended = driver.changes[-2:]
    assert isinstance(rest, RestCanceled)
    assert isinstance(ended, PipelineRunMoved) and ended.state is State.FAILED
    finish = driver.last(Finish)
    assert (finish.failed, finish.failure) == (driver.id("x"), USER)


def test_live_remote_attempts_are_withdrawn() -> None:
    driver = Driver(max_parallelism=3)
    driver.submit(call("root"))
    nodes = [call(name, inline=False) for name in "abcd"]
    assert driver.expands("root", graph(*nodes, output=listed(0, 1, 2, 3))) == ["submit a", "submit b", "submit c"]
    driver.returns("b")
    assert driver.fails("a") == ["withdraw c", "withdraw d", "finish FAILED"]


def test_an_output_that_cannot_be_put_together_fails_its_run() -> None:
    driver = Driver(recording=True)
    driver.submit(call("root"))
    driver.expands("root", graph(call("a")))
    driver.expands("a", graph(call("x")))
    driver.returns("x", artifact(1))
    assert driver.said(driver.tell(Failed(driver.id("a"), 0, USER, 9.0))) == ["finish FAILED"]
    assert moves(driver)[-2:] == [("a", State.NESTED_FAILED), ("root", State.NESTED_FAILED)]
    assert not any(isinstance(change, AttemptEnded) and change.state is State.FAILED for change in driver.changes)


def test_events_after_the_end_do_nothing() -> None:
    driver = Driver(max_parallelism=2, recording=True)
    driver.submit(call("root"))
    driver.expands("root", graph(call("a", inline=False), call("b", inline=False), output=listed(0, 1)))
    driver.fails("a")
    recorded = len(driver.changes)
    assert driver.returns("b", artifact(1)) == []
    assert driver.fails("b") == []
    assert driver.rings("b") == []
    assert driver.tell(Cancelled(9.0)) == []
    assert len(driver.changes) == recorded


def test_events_of_an_old_attempt_do_nothing() -> None:
    driver = Driver(max_parallelism=1, recording=True)
    driver.submit(call("root", inline=False))
    driver.fails("root", INFRASTRUCTURE)
    recorded = len(driver.changes)
    assert driver.returns("root", artifact(1), attempt=1) == []
    assert driver.state("root") is State.RETRYING
    driver.rings("root")
    recorded = len(driver.changes)
    assert driver.returns("root", artifact(1), attempt=1) == []
    assert driver.expands("root", graph(call("a")), attempt=1) == []
    assert driver.fails("root", USER, attempt=1) == []
    driver.tell(Started(ROOT, 1, 9.0))
    assert driver.state("root") is State.SCHEDULED
    assert len(driver.changes) == recorded


def test_a_report_that_comes_twice_counts_once() -> None:
    driver = Driver(max_parallelism=2, recording=True)
    driver.submit(call("root"))
    driver.expands("root", graph(call("a", inline=False), call("b", 0), output=Output(1)))
    assert driver.returns("a", artifact(1)) == ["run b"]
    recorded = len(driver.changes)
    assert driver.returns("a", artifact(2)) == []
    assert driver.fails("a") == []
    assert driver.returns("b", artifact(3)) == ["assemble root"]
    assert driver.asked[-1].outputs[1].id == artifact(3).id  # type: ignore[union-attr]
    assert len(driver.changes) > recorded


def test_a_graph_that_is_reported_twice_is_expanded_once() -> None:
    driver = Driver(max_parallelism=1)
    driver.submit(call("root", inline=False))
    assert driver.expands("root", graph(call("a"))) == ["run a"]
    assert driver.expands("root", graph(call("a"))) == []


def test_events_of_unknown_runs_do_nothing() -> None:
    driver = Driver()
    driver.submit(call("root"))
    other = "f" * 32
    for event in (
        ReturnedValue(other, 1, 1, 1.0),
        ReturnedGraph(other, 1, graph(call("a")), 1.0),
        Failed(other, 1, USER, 1.0),
        Failed(other, 0, USER, 1.0),
        Assembled(other, 1, 1.0),
        Started(other, 1, 1.0),
    ):
        assert driver.tell(event) == []


# -- cancellation ----------------------------------------------------------------------------------------------------


def test_cancel_ends_everything_at_once() -> None:
    driver = Driver(max_parallelism=1, recording=True)
    driver.submit(call("root"))
    driver.expands("root", graph(call("a", inline=False), call("b"), output=listed(0, 1)))
    assert driver.said(driver.tell(Cancelled(9.0))) == ["withdraw a", "finish CANCELED"]
    rest, ended = driver.changes[-2:]
    assert rest == RestCanceled(9.0)
    assert ended == PipelineRunMoved(State.CANCELED, 9.0)
    assert driver.returns("b", artifact(1)) == []


# -- workers ---------------------------------------------------------------------------------------------------------


def test_max_parallelism_bounds_what_is_submitted() -> None:
    driver = Driver(max_parallelism=2)
    driver.submit(call("root"))
    nodes = [call(name, inline=False) for name in "abcd"]
    assert driver.expands("root", graph(*nodes, output=listed(0, 1, 2, 3))) == ["submit a", "submit b"]
    assert driver.returns("b") == ["submit c"]
    assert driver.returns("a") == ["submit d"]
    assert driver.returns("c") == []


def test_a_place_is_free_while_its_run_waits_for_a_retry() -> None:
    driver = Driver(max_parallelism=1)
    driver.submit(call("root"))
    driver.expands("root", graph(call("a", inline=False, retry=TWICE), call("b", inline=False), output=listed(0, 1)))
    assert driver.fails("a", RETRYABLE) == ["wait a", "submit b"]
    assert driver.rings("a") == []
    assert driver.returns("b") == ["submit a 2"]


def test_workers_and_the_inline_body_go_on_beside_each_other() -> None:
    driver = Driver(max_parallelism=1)
    driver.submit(call("root"))
    nodes = (call("a", inline=False), call("b"), call("c", inline=False))
    assert driver.expands("root", graph(*nodes, output=listed(0, 1, 2))) == ["submit a", "run b"]
    assert driver.returns("a") == ["submit c"]
    assert driver.returns("b") == []


def test_without_workers_nothing_is_submitted() -> None:
    driver = Driver()
    assert driver.submit(call("root", inline=False)) == ["run root"]


def test_an_attempt_is_scheduled_until_a_worker_starts_it() -> None:
    driver = Driver(max_parallelism=1, recording=True)
    driver.submit(call("root", inline=False))
    assert driver.state("root") is State.SCHEDULED
    added = [change.attempt for change in driver.changes if isinstance(change, AttemptAdded)]
    assert [(attempt.number, attempt.state, attempt.nonce) for attempt in added] == [(1, State.SCHEDULED, "me")]
    assert driver.tell(Started(ROOT, 1, 2.0)) == []
    assert driver.state("root") is State.RUNNING


def test_what_a_worker_has_recorded_is_not_recorded_again() -> None:
    driver = Driver(max_parallelism=1, recording=True)
    driver.submit(call("root", inline=False))
    recorded = len(driver.changes)
    nodes = graph(call("a", inline=False))
    driver.tell(ReturnedGraph(ROOT, 1, nodes, 2.0, recorded=True))
    assert [change.__class__ for change in driver.changes[recorded:]] == [RunMoved, AttemptAdded]
    recorded = len(driver.changes)
    assert driver.said(driver.tell(ReturnedValue(driver.id("a"), 1, "id", 3.0, recorded=True))) == ["assemble root"]
    assert len(driver.changes) == recorded


def test_a_failure_a_worker_has_recorded_moves_the_run_only() -> None:
    driver = Driver(max_parallelism=1, recording=True)
    driver.submit(call("root", inline=False))
    recorded = len(driver.changes)
    driver.tell(Failed(ROOT, 1, USER, 2.0, recorded=True))
    assert [change.__class__ for change in driver.changes[recorded:]] == [RunMoved, RestCanceled, PipelineRunMoved]


# -- what is recorded, and when ----------------------------------------------------------------------------------------


def test_the_result_of_a_step_and_the_start_of_the_next_are_one_record() -> None:
    driver = Driver(recording=True)
    driver.submit(call("root"))
    driver.expands("root", graph(call("a"), call("b", 0)))
    before = len(driver.changes)
    driver.returns("a", artifact(1))
    names = [f"{change.__class__.__name__}" for change in driver.changes[before:]]
    assert names == ["AttemptEnded", "ArtifactsAdded", "RunMoved", "RunMoved", "AttemptAdded"]


def test_a_graphs_runs_are_recorded_with_the_run_that_returned_it() -> None:
    driver = Driver(recording=True)
    driver.submit(call("root"))
    driver.expands("root", graph(call("a", name="first"), call("b", 0)))
    (root,), (a, b) = (tuple(change.runs) for change in driver.changes if isinstance(change, RunsAdded))
    assert isinstance(a, Run) and isinstance(b, Run) and root.id == ROOT
    assert (a.parent_id, a.parent_attempt, a.position, a.name, a.state) == (ROOT, 1, 0, "first", State.CREATED)
    assert b.arguments == '{"p0":["o",0]}'


def test_with_recording_off_no_change_is_made_up() -> None:
    driver = Driver(recording=False)
    driver.submit(call("root"))
    driver.expands("root", graph(call("a", retry=TWICE), call("b", 0)))
    driver.fails("a", RETRYABLE)
    driver.rings("a")
    driver.returns("a")
    driver.fails("b")
    assert driver.changes == []


# -- cost ------------------------------------------------------------------------------------------------------------


def test_outputs_are_let_go_when_nobody_needs_them_any_more() -> None:
    driver = Driver()
    driver.submit(call("root"))
    driver.expands("root", graph(call("a"), call("b", 0), call("c", 0), call("d", 1, 2)))
    held = driver.engine.runs[driver.id("a")]
    driver.returns("a", "big")
    driver.returns("b")
    assert held.output == "big"
    driver.returns("c")
    assert held.output is None


def test_an_output_is_held_while_its_consumer_may_be_tried_again() -> None:
    driver = Driver()
    driver.submit(call("root"))
    driver.expands("root", graph(call("a"), call("b", 0, retry=TWICE)))
    driver.returns("a", "big")
    driver.fails("b", RETRYABLE)
    driver.rings("b")
    assert driver.last(RunInline).outputs == {0: "big"}


def test_runs_below_a_finished_one_are_forgotten() -> None:
    driver = Driver()
    driver.submit(call("root"))
    driver.expands("root", graph(call("a"), call("b", 0)))
    driver.expands("a", graph(call("x"), call("y", 0)))
    driver.returns("x")
    driver.returns("y")
    driver.assembled("a")
    assert {run.node.path for run in driver.engine.runs.values()} == {"m:root", "m:a", "m:b"}


def test_a_nest_of_any_depth_needs_no_recursion() -> None:
    driver = Driver(recording=True)
    driver.submit(call("f0"))
    depth = 5000
    for level in range(depth):
        driver.tell(ReturnedGraph(driver.last(RunInline).run_id, 1, graph(call(f"f{level + 1}")), 1.0))
    deepest = driver.last(RunInline)
    said = driver.tell(ReturnedValue(deepest.run_id, 1, artifact(1), 1.0))
    for _ in range(depth):
        (assemble,) = said
        said = driver.tell(Assembled(assemble.run_id, artifact(1), 1.0))  # type: ignore[union-attr]
    assert isinstance(said[0], Finish)


def test_a_deep_failure_names_every_ancestor_once() -> None:
    driver = Driver(recording=True)
    driver.submit(call("f"))
    for _ in range(2000):
        driver.tell(ReturnedGraph(driver.last(RunInline).run_id, 1, graph(call("f")), 1.0))
    driver.tell(Failed(driver.last(RunInline).run_id, 1, USER, 1.0))
    nested = [c for c in driver.changes if isinstance(c, RunMoved) and c.target is State.NESTED_FAILED]
    assert len(nested) == len({change.run_id for change in nested}) == 2000


@pytest.mark.parametrize("count", [2000])
def test_a_chain_holds_one_output_at_a_time(count: int) -> None:
    driver = Driver()
    driver.submit(call("root"))
    nodes = [call("first"), *(call("step", position) for position in range(count - 1))]
    driver.tell(ReturnedGraph(ROOT, 1, graph(*nodes), 1.0))
    tracemalloc.start()
    for _ in range(count):
        driver.tell(ReturnedValue(driver.asked.pop().run_id, 1, bytearray(100_000), 1.0))  # type: ignore[union-attr]
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 3_000_000


def test_an_event_costs_its_own_edges_only() -> None:
    """Counts calls, of built-in functions too, a step: as many in a chain ten times as long."""

    def calls_of(count: int) -> float:
        driver = Driver()
        driver.submit(call("root"))
        nodes = [call("first"), *(call("step", position) for position in range(count - 1))]
        driver.tell(ReturnedGraph(ROOT, 1, graph(*nodes), 1.0))
        made = itertools.count()
        sys.setprofile(lambda frame, event, argument: next(made))  # not settrace: that is the coverage's
        try:
            for _ in range(count):
                driver.tell(ReturnedValue(driver.asked.pop().run_id, 1, 1, 1.0))  # type: ignore[union-attr]
        finally:
            sys.setprofile(None)
        return next(made) / count

    assert calls_of(1000) == pytest.approx(calls_of(100), rel=0.05)


def test_wide_graphs_submit_in_the_order_of_the_calls() -> None:
    driver = Driver(max_parallelism=1)
    driver.submit(call("root"))
    names = [f"w{number}" for number in range(20)]
    driver.expands("root", graph(*(call(name, inline=False) for name in names), output=listed(*range(20))))
    for name in names:
        driver.returns(name)
    submitted = [i.node.path.partition(":")[2] for i in driver.asked if isinstance(i, Submit)]
    assert submitted == names
