"""An engine that goes on from a record."""

from __future__ import annotations

from sematic.engine.engine import Engine
from sematic.engine.events import Finish, Resumed
from sematic.engine.rebuild import rebuild
from sematic.engine.records import INTERRUPTED, Failure, Run
from sematic.engine.states import State
from sematic.engine.tests.driving import ROOT, Driver
from sematic.function import Function
from sematic.ids import child_id


def no_function(path: str) -> Function[..., object]:
    return None  # type: ignore[return-value]


def run(name: str, parent: Run | None = None, position: int = 0, arguments: str = "{}", **values: object) -> Run:
    path = f"m:{name}"
    if parent is None:
        return Run(ROOT, ROOT, path, arguments)._replace(**values)  # type: ignore[arg-type]
    id = child_id(parent.id, parent.attempt, position, path)
    record = Run(id, ROOT, path, arguments, parent.id, parent.attempt, position)
    return record._replace(**values)  # type: ignore[arg-type]


def rebuilt(*records: Run, max_parallelism: int = 0) -> Driver:
    driver = Driver(max_parallelism)
    driver.engine = Engine(ROOT, claimant="me", max_parallelism=max_parallelism, recording=False)
    rebuild(driver.engine, records, no_function)
    return driver


def expanded(output: str = '["o",1]') -> Run:
    return run("root", state=State.RAN, attempt=1, graph=output)


def test_a_run_that_had_not_started_starts() -> None:
    assert rebuilt(run("root")).resumes() == ["run root"]


def test_a_run_whose_process_is_gone_has_its_next_attempt() -> None:
    driver = rebuilt(run("root", state=State.RUNNING, attempt=3))
    assert driver.resumes() == ["run root 4"]


def test_only_what_has_no_result_runs() -> None:
    root = expanded()
    done = run("a", root, 0, state=State.RESOLVED, output="artifact")
    driver = rebuilt(root, done, run("b", root, 1, '{"p":["o",0]}'))
    assert driver.resumes() == ["run b"]
    assert driver.asked[-1].outputs == {0: "artifact"}  # type: ignore[union-attr]
    assert driver.returns("b") == ["assemble root"]


def test_a_graph_whose_calls_are_all_done_is_assembled() -> None:
    root = expanded('["o",0]')
    done = run("a", root, 0, state=State.RESOLVED, output="artifact")
    assert rebuilt(root, done).resumes() == ["assemble root"]


def test_a_pipeline_run_whose_root_is_done_is_over() -> None:
    """A worker committed the root's result, and the driver died before it could say so."""
    driver = rebuilt(run("root", state=State.RESOLVED, attempt=1, output="artifact"))
    assert driver.tell(Resumed(1.0)) == [Finish(State.RESOLVED, "artifact")]


def test_what_is_below_a_result_is_not_loaded() -> None:
    root = expanded('["o",0]')
    done = run("a", root, 0, state=State.RESOLVED, attempt=1, output="artifact")
    below = run("x", done, 0, state=State.RESOLVED, output="other")
    assert len(rebuilt(root, done, below).engine.runs) == 2


def test_what_feeds_the_root_is_connected_to_it() -> None:
    root = run("root", None, 1, '{"p":["o",0]}')
    fed = Run(child_id(ROOT, 0, 0, "m:f"), ROOT, "m:f", "{}", ROOT, 0, 0)
    driver = rebuilt(root, fed)
    assert driver.resumes() == ["run f"]
    assert driver.returns("f", 1) == ["run root"]


def test_runs_go_on_in_the_order_of_plain_python() -> None:
    root = expanded('["o",1]')
    a = run("a", root, 0, state=State.RAN, attempt=1, graph='["o",0]')
    driver = rebuilt(root, a, run("b", root, 1), run("x", a, 0))
    assert driver.resumes() == ["run x"]


def test_earlier_failures_count_against_the_retries_but_not_the_death_of_the_driver() -> None:
    failed = [
        Failure("user", "ValueError", "x", retryable=True),
        Failure("infrastructure", INTERRUPTED, "the driver died"),
        Failure("infrastructure", "WorkerLost", "the worker died"),
    ]
    engine = Engine(ROOT, recording=False)
    rebuild(engine, [run("root", state=State.RETRYING, attempt=3)], no_function, lambda run_id: failed)
    assert engine.root is not None
    assert (engine.root.user_failures, engine.root.infrastructure_failures) == (1, 1)
