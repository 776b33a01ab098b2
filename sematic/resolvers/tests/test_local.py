"""LocalResolver: what it records, through whatever bodies do to the process. Kills are in test_kill.py."""

from __future__ import annotations

import itertools
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

import sematic
from sematic.attempts.output import read_output
from sematic.engine.records import PipelineRun, Run
from sematic.engine.states import State
from sematic.home import Home, open_home
from sematic.resolvers.tests import steps
from sematic.resolvers.tests.running import Waiting, environment, run

RESOLVE = "print(steps.{0}.resolve(sematic.LocalResolver()))"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setenv("SEMATIC_HOME", str(tmp_path / "home"))
    steps.kept.clear()
    yield tmp_path / "home"
    steps.kept.clear()


def resolve(call: str) -> str:
    return RESOLVE.format(call)


def pipeline_runs(home: Path) -> list[PipelineRun]:
    """Oldest first."""
    with Home(home) as opened:
        return opened.ledger.pipeline_runs()[::-1]


def runs(home: Path, number: int = -1) -> dict[str, Run]:
    """The runs of a pipeline run by the name of their function."""
    with Home(home) as opened:
        found = opened.ledger.runs(opened.ledger.pipeline_runs()[::-1][number].id)
    return {run.function.partition(":")[2]: run for run in found}


def states(home: Path, number: int = -1) -> dict[str, str]:
    return {name: str(run.state) for name, run in runs(home, number).items()}


def output_of(home: Path, run: Run) -> tuple[str, str]:
    """What the last attempt at a run printed."""
    with Home(home) as opened:
        out, err = read_output(opened.logs, opened.ledger.attempts(run.id)[-1].log)
    return out.decode(), err.decode()


# -- the record --------------------------------------------------------------------------------------------------------


def test_a_failure_is_recorded_with_its_surroundings(home: Path) -> None:
    with pytest.raises(steps.Broken):
        steps.outer.future(7).resolve()
    assert pipeline_runs(home)[0].state is State.FAILED
    with open_home() as opened:
        found = opened.ledger.runs(pipeline_runs(home)[0].id)
    by_state = sorted((run.function.partition(":")[2], str(run.state)) for run in found)
    assert by_state == [
        ("add", "CANCELED"),
        ("broken", "FAILED"),
        ("middle", "NESTED_FAILED"),
        ("number", "CANCELED"),
        ("number", "RESOLVED"),
        ("outer", "NESTED_FAILED"),
    ]
    failure = json.loads(runs(home)["broken"].failure or "")
    assert (failure["class_name"], failure["message"]) == ("sematic.resolvers.tests.steps.Broken", "7 because it is")
    assert "raise Broken(code" in failure["traceback"]


def test_each_attempt_is_recorded(home: Path) -> None:
    steps.works_the_third_time.future().resolve()
    with open_home() as opened:
        attempts = opened.ledger.attempts(runs(home)["works_the_third_time"].id)
    assert [str(attempt.state) for attempt in attempts] == ["FAILED", "FAILED", "RESOLVED"]
    assert all(attempt.cpu_seconds is not None and attempt.peak_memory for attempt in attempts)


def test_a_clock_that_jumps_back_loses_nothing(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    times = itertools.count(2_000_000_000.0, -3600.0)
    monkeypatch.setattr(time, "time", lambda: next(times))
    assert steps.fibonacci.future(5).resolve() == 5
    assert steps.works_the_third_time.future().resolve() == 3
    assert {pipeline_run.state for pipeline_run in pipeline_runs(home)} == {State.RESOLVED}


def test_two_thousand_deep(home: Path) -> None:
    assert steps.descend.future(2000).resolve() == 0
    with open_home() as opened:
        assert len(opened.ledger.runs(pipeline_runs(home)[0].id)) == 2001


def test_from_a_thread_and_in_two_at_once(home: Path) -> None:
    together = threading.Barrier(2)
    results: dict[int, int] = {}

    def resolve_in_thread(count: int) -> None:
        together.wait()
        results[count] = steps.fan_out.future(count).resolve()

    threads = [threading.Thread(target=resolve_in_thread, args=(count,)) for count in (10, 20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == {10: 45, 20: 190}
    assert [pipeline_run.state for pipeline_run in pipeline_runs(home)] == [State.RESOLVED] * 2


def test_two_processes_on_one_database(home: Path) -> None:
    code = "for n in range(5): assert steps.fan_out(30).resolve(sematic.LocalResolver()) == 435"
    command = [sys.executable, "-c", f"import sematic\nfrom sematic.resolvers.tests import steps\n{code}"]
    home.parent.mkdir(exist_ok=True)
    started = [
        subprocess.Popen(command, env=environment(home), stderr=subprocess.PIPE, text=True, cwd=home.parent)
        for _ in range(2)
    ]
    for process in started:
        _, err = process.communicate()
        assert process.returncode == 0, err
    found = pipeline_runs(home)
    assert [pipeline_run.state for pipeline_run in found] == [State.RESOLVED] * 10


# -- output ------------------------------------------------------------------------------------------------------------


def test_output_is_kept_by_run_and_still_seen(home: Path) -> None:
    ended = run(home, resolve("chatty()"))
    spoken = ["first", "second"]
    with Home(home) as opened:
        found = opened.ledger.runs(pipeline_runs(home)[0].id)
    outputs = [output_of(home, each) for each in found]
    assert outputs == [
        ("the outer one\n", ""),
        *(
            (f"{name} says hello\n{name} in a shell\n", f"{name} says oh\n{name} in a shell, loudly\n")
            for name in spoken
        ),
    ]
    assert ended.stdout == "".join(out for out, _ in outputs) + "['first', 'second']\n"
    assert "first in a shell, loudly\n" in ended.stderr


def test_output_of_a_run_in_a_worker_process(home: Path) -> None:
    ended = run(home, "print(steps.prints('far').set(inline=False).resolve(sematic.LocalResolver(max_parallelism=1)))")
    assert output_of(home, runs(home)["prints"]) == (
        "far says hello\nfar in a shell\n",
        "far says oh\nfar in a shell, loudly\n",
    )
    assert "far in a shell\n" in ended.stdout


@pytest.mark.parametrize("call", ["closes_stdout()", "closes_descriptor()"])
def test_a_body_that_closes_stdout_hurts_itself_only(home: Path, call: str) -> None:
    ended = run(home, f"{resolve(call)}\n{resolve('then(1)')}")
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.splitlines()[-4:] == ["1", "after 1 says hello", "after 1 in a shell", "['after 1']"]
    assert output_of(home, runs(home, 1)["prints"])[0] == "after 1 says hello\nafter 1 in a shell\n"


def test_a_folder_changed_by_a_body_does_not_move_the_home(home: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    ended = run(home, resolve(f"changes_folder({str(tmp_path / 'elsewhere')!r})"), SEMATIC_HOME="home", folder=tmp_path)
    assert (ended.stdout, ended.returncode) == ("1\n", 0), ended.stderr
    assert list((tmp_path / "elsewhere").iterdir()) == []
    assert pipeline_runs(home)[0].state is State.RESOLVED


# -- bodies that end or double the process -------------------------------------------------------------------------------


def test_os_exit_in_a_body_is_found_out_by_whoever_looks(home: Path) -> None:
    code = "sematic.options(steps.exits(0), name='x')\nimport os\nsys.exit = os._exit\n" + resolve("exits(3)")
    assert run(home, code).returncode == 3
    view = sematic.get_run(pipeline_runs(home)[0].id)
    assert view.state == "INTERRUPTED"


def test_a_fork_that_comes_back_into_our_code_ends_there(home: Path) -> None:
    """The child must neither record anything nor run what the program does afterwards."""
    code = resolve("forks_and_returns()") + "\nprint('afterwards')"
    ended = run(home, code)
    assert (ended.stdout, ended.returncode) == ("1\nafterwards\n", 0), ended.stderr
    assert states(home) == {"forks_and_returns": "RESOLVED"}
    with Home(home) as opened:
        assert len(opened.ledger.attempts(runs(home)["forks_and_returns"].id)) == 1


@pytest.mark.parametrize("parallelism", [None, 1])
def test_a_fork_of_a_worker_body(home: Path, parallelism: int | None) -> None:
    code = f"print(steps.forks_and_returns().set(inline=False).resolve(sematic.LocalResolver({parallelism})))"
    ended = run(home, code)
    assert (ended.stdout, ended.returncode) == ("1\n", 0), ended.stderr
    assert states(home) == {"forks_and_returns": "RESOLVED"}


def test_a_body_may_leave_a_thread(home: Path) -> None:
    code = resolve("leaves_thread()") + "\nsteps.kept[0].set()"
    assert run(home, code).returncode == 0
    assert states(home) == {"leaves_thread": "RESOLVED"}


# -- Ctrl-C ------------------------------------------------------------------------------------------------------------


def as_a_shell_sees(returncode: int) -> int:
    return 128 - returncode if returncode < 0 else returncode


def test_an_interrupt_cancels_and_keeps_what_was_finished(home: Path) -> None:
    home.mkdir(parents=True)
    with Waiting(home, resolve("one_then_wait()")) as program:
        program.until_it_waits()
        program.process.send_signal(signal.SIGINT)
        returncode, out, err = program.end()
    assert as_a_shell_sees(returncode) == 130, err
    assert out == ""
    assert pipeline_runs(home)[0].state is State.CANCELED
    assert states(home) == {"one_then_wait": "CANCELED", "number": "RESOLVED", "waits": "CANCELED"}
    with Home(home) as opened:
        assert opened.ledger.live_attempts(pipeline_runs(home)[0].id) == []


def test_what_was_cancelled_can_be_resumed(home: Path) -> None:
    test_an_interrupt_cancels_and_keeps_what_was_finished(home)
    code = f"import os\nsteps.wait_for_test = lambda: None\n{resolve('one_then_wait()')}"
    ended = run(home, code, SEMATIC_RESUME="last")
    assert ended.stdout == "1\n", ended.stderr
    first, second = pipeline_runs(home)
    assert (first.state, second.state, second.resumed_from) == (State.CANCELED, State.RESOLVED, first.id)
    assert runs(home)["number"].taken_from == runs(home, 0)["number"].id


def test_a_second_interrupt_ends_it_now(home: Path) -> None:
    """The body caught the first one and goes on."""
    home.mkdir(parents=True)
    with Waiting(home, resolve("one_then_wait_stubbornly()")) as program:
        program.until_it_waits()
        program.process.send_signal(signal.SIGINT)
        program.until_it_waits()
        program.process.send_signal(signal.SIGINT)
        returncode, _, _ = program.end()
    assert returncode == 130
    view = sematic.get_run(pipeline_runs(home)[0].id)
    assert view.state == "INTERRUPTED"


def test_a_body_that_swallows_an_interrupt_is_cancelled_when_it_returns(home: Path) -> None:
    home.mkdir(parents=True)
    with Waiting(home, resolve("one_then_wait_stubbornly()")) as program:
        program.until_it_waits()
        program.process.send_signal(signal.SIGINT)
        program.until_it_waits()
        program.go_on()
        returncode, _, _ = program.end()
    assert as_a_shell_sees(returncode) == 130
    assert pipeline_runs(home)[0].state is State.CANCELED


def test_an_interrupt_reaches_a_driver_that_waits_for_workers(home: Path) -> None:
    home.mkdir(parents=True)
    code = "print(steps.waits(steps.number(1)).set(inline=False).resolve(sematic.LocalResolver(max_parallelism=1)))"
    with WaitingWorker(home, code) as program:
        program.until_it_waits()
        program.process.send_signal(signal.SIGINT)
        returncode, _, err = program.end()
    assert as_a_shell_sees(returncode) == 130, err
    assert states(home) == {"number": "RESOLVED", "waits": "CANCELED"}


class WaitingWorker(Waiting):
    """The same through named pipes: workers do not inherit descriptors."""

    def __init__(self, home: Path, code: str) -> None:
        fifo = home.parent / "here"
        os.mkfifo(fifo)
        opening = f"import os\nos.environ['FIFO'] = {str(fifo)!r}\n"
        super().__init__(home, opening + code)
        self._fifo = os.open(fifo, os.O_RDONLY)

    def until_it_waits(self) -> None:
        assert os.read(self._fifo, 5) == b"here\n"


# -- resuming ----------------------------------------------------------------------------------------------------------


PROGRAM = """
import sematic

@sematic.func
def first(x: int) -> int:
    print("first runs")
    return x + 1

@sematic.func
def second(x: int) -> int:
    print("second runs")
    {second}

@sematic.func
def both(x: int) -> int:
    print("both runs")
    return second(first(x))

if __name__ == "__main__":
    print(both({x}).resolve(sematic.LocalResolver()))
"""


def run_program(folder: Path, second: str = "return 10 * x", x: int = 1, **variables: str) -> tuple[str, str]:
    (folder / "program.py").write_text(PROGRAM.format(second=second, x=x))
    ended = subprocess.run(
        [sys.executable, "program.py"],
        env=environment(folder / "home", **variables),
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    return ended.stdout, ended.stderr


def test_after_the_code_is_corrected_only_what_had_not_succeeded_runs(home: Path, tmp_path: Path) -> None:
    out, _ = run_program(tmp_path, "raise ValueError('a bug')")
    assert out == "both runs\nfirst runs\nsecond runs\n"
    out, err = run_program(tmp_path, SEMATIC_RESUME="last")
    assert out == "second runs\n20\n", err
    failed, resumed = pipeline_runs(home)
    assert (failed.state, resumed.state, resumed.resumed_from) == (State.FAILED, State.RESOLVED, failed.id)
    with Home(home) as opened:
        sources = [
            opened.ledger.source(opened.ledger.attempts(runs(home, number)["second"].id)[0].source or "")
            for number in (0, 1)
        ]
    assert "a bug" in sources[0] and "a bug" not in sources[1]


def test_resuming_by_a_short_id(home: Path, tmp_path: Path) -> None:
    run_program(tmp_path, "raise ValueError('a bug')")
    out, err = run_program(tmp_path, SEMATIC_RESUME=pipeline_runs(home)[0].id[:8])
    assert out == "second runs\n20\n", err


def test_other_inputs_are_refused_by_name(home: Path, tmp_path: Path) -> None:
    run_program(tmp_path, "raise ValueError('a bug')")
    out, err = run_program(tmp_path, x=2, SEMATIC_RESUME="last")
    assert out == ""
    assert "ResumeError: the argument x of both is not what pipeline run" in err
    assert len(pipeline_runs(home)) == 1


@pytest.mark.parametrize(
    ("wanted", "problem"),
    [
        ("last", "is left to resume: each one succeeded, or is running"),
        ("0123", "there is no pipeline run 0123"),
    ],
)
def test_what_cannot_be_resumed(home: Path, tmp_path: Path, wanted: str, problem: str) -> None:
    run_program(tmp_path)
    out, err = run_program(tmp_path, SEMATIC_RESUME=wanted)
    assert out == "" and problem in err
    assert len(pipeline_runs(home)) == 1


def test_rerun_from_a_run_runs_it_and_what_came_after(home: Path, tmp_path: Path) -> None:
    run_program(tmp_path)
    id = pipeline_runs(home)[0].id
    out, err = run_program(tmp_path, "return 100 * x", SEMATIC_RERUN=f"{id}/{runs(home)['second'].id}")
    assert out == "second runs\n200\n", err
    out, err = run_program(tmp_path, "return 100 * x", SEMATIC_RERUN=f"{id}/{runs(home, 0)['first'].id}")
    assert out == "first runs\nsecond runs\n200\n", err
    out, err = run_program(tmp_path, "return 100 * x", SEMATIC_RERUN=f"{id}/{id}")
    assert out == "both runs\nfirst runs\nsecond runs\n200\n", err


def test_a_running_one_is_not_taken_away(home: Path) -> None:
    home.mkdir(parents=True)
    with Waiting(home, resolve("one_then_wait()")) as program:
        program.until_it_waits()
        id = pipeline_runs(home)[0].id
        ended = run(home, resolve("one_then_wait()"), SEMATIC_RESUME=id)
        program.go_on()
        returncode, out, _ = program.end()
    assert "is still running in another process; cancel it first" in ended.stderr
    assert (returncode, out) == (0, "1\n")


def test_a_wish_is_granted_once(home: Path, tmp_path: Path) -> None:
    """Another resolve of the same program starts anew."""
    run_program(tmp_path, "raise ValueError('a bug')")
    code = (
        "sys.path.insert(0, '.')\nimport program\n"
        "for _ in range(2): print(program.both(1).resolve(sematic.LocalResolver()))"
    )
    (tmp_path / "program.py").write_text(PROGRAM.format(second="return 10 * x", x=1))
    ended = run(home, code, folder=tmp_path, SEMATIC_RESUME="last")
    assert ended.stdout == "second runs\n20\nboth runs\nfirst runs\nsecond runs\n20\n", ended.stderr


# -- bytes that are not what they were -----------------------------------------------------------------------------------


def truncate(blob: Path) -> None:
    os.truncate(blob, 100)


def corrupt(blob: Path) -> None:
    data = bytearray(blob.read_bytes())
    data[50] ^= 1
    blob.write_bytes(data)


def remove(blob: Path) -> None:
    blob.unlink()


@pytest.mark.parametrize("damage", [truncate, corrupt, remove])
def test_a_damaged_blob_is_said_and_never_used(home: Path, tmp_path: Path, damage: object) -> None:
    permission = str(tmp_path / "permission")
    ended = run(home, resolve(f"large_pipeline({permission!r})"))
    assert "there is no permission yet" in ended.stderr
    (blob,) = [path for path in (home / "blobs").rglob("*") if path.is_file()]
    blob.chmod(0o600)
    damage(blob)  # type: ignore[operator]
    (tmp_path / "permission").touch()
    ended = run(home, resolve(f"large_pipeline({permission!r})"), SEMATIC_RESUME="last")
    assert ended.returncode == 1
    assert "sematic.errors.ArtifactError" in ended.stderr
    assert blob.name[-8:] in ended.stderr
    assert pipeline_runs(home)[-1].state is State.FAILED
