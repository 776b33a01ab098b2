"""get_run and load: what was recorded, read back in Python."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import UTC, timedelta
from pathlib import Path

import numpy as np
import pytest

import sematic
from sematic.cli.tests import pipelines
from sematic.errors import ArtifactError, NoValue, UnknownId
from sematic.reading import RunView, get_run, load
from sematic.recorded import Record


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home of its own for each test."""
    folder = tmp_path / "home"
    monkeypatch.setenv("SEMATIC_HOME", str(folder))
    monkeypatch.setenv("SEMATIC_PROGRESS", "quiet")
    return folder


def last() -> RunView:
    """The root of the newest pipeline run."""
    return get_run(next(Record().pipeline_runs()).id)


def fail(monkeypatch: pytest.MonkeyPatch) -> RunView:
    """A pipeline run that failed."""
    monkeypatch.setenv(pipelines.FRAGILE, "1")
    with pytest.raises(ValueError, match="good"):
        sematic.resolve(pipelines.failing(3))
    return last()


def test_a_finished_run() -> None:
    sematic.resolve(sematic.options(pipelines.pipeline(3), tags=["a", "b"]))
    run = last()
    assert (run.name, run.state, run.output, run.exception, run.parent) == ("pipeline", "RESOLVED", 3, None, None)
    assert run.function == "sematic.cli.tests.pipelines:pipeline"
    assert (run.id, run.tags, run.options.inline) == (run.pipeline_run_id, ("a", "b"), True)
    assert dict(run.inputs) == {"n": 3}
    assert "n" in run.inputs and len(run.inputs) == 1 and run.inputs.pending("n") is None
    assert run.started_at is not None and run.started_at.tzinfo is UTC
    assert run.ended_at is not None and run.duration is not None
    assert abs(run.ended_at - run.started_at - run.duration) < timedelta(milliseconds=1)


def test_children_and_parents() -> None:
    sematic.resolve(pipelines.pipeline(3))
    run = last()
    numbers, total = run.children
    assert (numbers.name, total.name) == ("numbers", "total")
    assert numbers.parent == run
    assert dict(total.inputs) == {"values": [0, 1, 2]} == {"values": numbers.output}
    assert total.inputs.artifact_id("values") == numbers.output_id
    assert total.children == []


def test_arguments_of_a_root_that_were_computed() -> None:
    sematic.resolve(pipelines.total(pipelines.numbers(4)))
    run = last()
    assert dict(run.inputs) == {"values": [0, 1, 2, 3]}
    assert [child.name for child in run.children] == ["numbers"]


def test_source_and_attempts_and_logs() -> None:
    sematic.resolve(pipelines.flaky(3))
    run = last()
    assert run.source is not None and "def flaky" in run.source
    first, second = run.attempts
    assert (first.number, first.state, second.state) == (1, "FAILED", "RESOLVED")
    assert first.exception is not None and first.exception.message == "not yet"
    assert (second.exception, run.exception) == (None, None)
    assert second.peak_memory and second.cpu_seconds is not None
    assert [(log.attempt, log.stdout, log.stderr) for log in run.logs] == [
        (1, "attempt 1\n", ""),
        (2, "attempt 2\n", ""),
    ]


def test_a_failed_run(monkeypatch: pytest.MonkeyPatch) -> None:
    run = fail(monkeypatch)
    assert run.state == "NESTED_FAILED"
    (culprit,) = [child for child in run.children if child.state == "FAILED"]
    assert run.exception == culprit.exception
    assert run.exception is not None
    assert (run.exception.class_name, run.exception.run_id) == ("ValueError", culprit.id)
    assert "Traceback" in run.exception.traceback
    with pytest.raises(sematic.RunFailed) as caught:
        _ = run.output
    assert (caught.value.class_name, caught.value.run_id) == ("ValueError", culprit.id)


def test_what_never_ran(monkeypatch: pytest.MonkeyPatch) -> None:
    waiting = fail(monkeypatch).children[-1]
    assert (waiting.state, waiting.exception, waiting.source, waiting.started_at) == ("CANCELED", None, None, None)
    assert waiting.duration is None
    with pytest.raises(NoValue, match=r"total \(\w+\) has no output: it is CANCELED"):
        _ = waiting.output
    with pytest.raises(
        NoValue, match=r"the input values of total is not there yet: it comes from fragile \(\w+, FAILED\)"
    ):
        _ = waiting.inputs["values"]
    assert waiting.inputs.artifact_id("values") is None
    assert repr(waiting.inputs) == "<Inputs values: pending>"
    with pytest.raises(KeyError):
        _ = waiting.inputs["other"]


def test_values_belong_to_the_caller() -> None:
    config, values = pipelines.Config(3, "wide"), np.arange(20000.0)
    sematic.resolve(pipelines.mixed(config, values, "text"))
    run = last()
    given = run.inputs["values"]
    given[0] = 7
    assert run.inputs["values"][0] == 0
    assert run.inputs["config"] == config
    first, second = run.output
    assert first == config and np.array_equal(second, values * 2)


def test_load() -> None:
    sematic.resolve(pipelines.pipeline(3))
    numbers = last().children[0]
    assert numbers.output_id is not None
    assert load(numbers.output_id) == load(numbers.output_id[:10]) == [0, 1, 2]


def test_elements_that_the_ledger_keeps() -> None:
    sematic.resolve(pipelines.texts(3))
    assert last().output == ["0" * 6000, "1" * 6000, "2" * 6000]


def test_unknown_and_ambiguous_ids() -> None:
    sematic.resolve(pipelines.pipeline(3))
    for ask in (get_run, load):
        with pytest.raises(KeyError, match="there is no"):
            ask("xyz")
        with pytest.raises(UnknownId, match="could be any of these") as caught:
            ask("")
        assert str(caught.value).count("\n") >= 2


def test_nothing_recorded(home: Path) -> None:
    with pytest.raises(sematic.LedgerError, match="nothing has been recorded there"):
        get_run("ab")
    assert not home.exists()


def test_a_lost_blob_is_said(home: Path) -> None:
    sematic.resolve(pipelines.mixed(pipelines.Config(3, ""), np.arange(20000.0), ""))
    run = last()
    for blob in (home / "blobs").glob("??/*"):
        blob.unlink()
    with pytest.raises(ArtifactError, match="is missing"):
        _ = run.inputs["values"]


def test_the_record_survives_the_view_of_it() -> None:
    sematic.resolve(pipelines.pipeline(3))
    child = last().children[1]  # the view it came from, and the one that opened the ledger, are gone
    assert child.parent is not None and child.parent.output == 3


def in_child(look: Callable[[], bool]) -> bool:
    """What `look` says in a forked process."""
    pid = os.fork()
    if pid == 0:
        code = 2
        try:
            code = 0 if look() else 1
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0


def test_a_killed_process_is_noticed_by_who_looks() -> None:
    def dies() -> bool:
        sematic.resolve(pipelines.dying(3))
        return True

    assert not in_child(dies)
    run = last()
    assert (run.state, run.children[0].state, run.children[1].state) == ("INTERRUPTED", "RESOLVED", "INTERRUPTED")
    assert run.exception is not None and run.exception.class_name == "Interrupted"
    (attempt,) = run.children[1].attempts
    assert (attempt.state, attempt.exception is not None and attempt.exception.kind) == ("FAILED", "infrastructure")
    assert run.duration is not None and run.duration >= timedelta(0)
    with pytest.raises(NoValue, match="it is INTERRUPTED"):
        _ = run.output
