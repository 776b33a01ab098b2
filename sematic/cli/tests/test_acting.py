"""resume, rerun, cancel, rm, gc, settings, version: commands that change something."""

from __future__ import annotations

import json
import os
import shutil
import signal
import sqlite3
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

import sematic
from sematic.cli import cli as commands
from sematic.cli.tests import pipelines
from sematic.cli.tests.processes import command, finished, program
from sematic.reading import RunView, get_run
from sematic.recorded import Record

Text = Callable[..., str]
Start = Callable[[str, int], "subprocess.Popen[str]"]
Kill = Callable[[str, int], None]


def all_runs() -> list[RunView]:
    """The root runs of all pipeline runs, newest first."""
    return [get_run(each.id) for each in Record().pipeline_runs()]


def failed() -> RunView:
    """A pipeline run that a program left as failed."""
    os.environ[pipelines.FRAGILE] = "1"
    try:
        assert finished(program("failing", 3)).returncode == 1
    finally:
        del os.environ[pipelines.FRAGILE]
    return all_runs()[0]


def test_resume_goes_on_under_its_id(killed: Kill) -> None:
    killed("halting", 3)
    (interrupted,) = all_runs()
    assert interrupted.state == "INTERRUPTED"
    process = finished(command("resume"))
    assert (process.returncode, process.stdout) == (0, "at the gate with 3\nresult 33\n"), process.stderr
    (resumed,) = all_runs()
    assert (resumed.id, resumed.state) == (interrupted.id, "RESOLVED")
    assert [len(child.attempts) for child in resumed.children] == [1, 1, 2, 1]


def test_resume_takes_over_after_a_failure(good: Text) -> None:
    before = failed()
    process = finished(command("resume", before.id[:8]))
    assert (process.returncode, process.stdout) == (0, "result 7\n"), process.stderr
    after, same = all_runs()
    assert same == before
    assert json.loads(good("ls", "--json", "--limit", "1"))["resumed_from"] == before.id
    text = good("show", after.id)
    assert f"Resumed from  {before.id}\n" in text
    assert "numbers(n=3) → [0, 1, 2] (taken over)" in text
    taken = after.children[0]
    assert f"see `sematic logs {before.children[0].id[:12]}`" in CliRunner().invoke(commands, ["logs", taken.id]).stderr
    assert "def numbers" in good("source", taken.id)


def test_resume_with_elements_that_the_ledger_keeps(killed: Kill) -> None:
    killed("halting_with_texts", 2)
    process = finished(command("resume"))
    assert (process.returncode, process.stdout) == (0, "result 12000\n"), process.stderr


def test_the_exit_code_is_the_programs(monkeypatch: pytest.MonkeyPatch) -> None:
    failed()
    monkeypatch.setenv(pipelines.FRAGILE, "1")
    process = finished(command("resume", "last"))
    assert process.returncode == 1
    assert "ValueError: no" in process.stderr


def test_resume_refuses_what_runs_or_succeeded(bad: Text, at_gate: Start) -> None:
    at_gate("halting", 3)
    (running,) = all_runs()
    assert "is still running" in bad("resume", running.id)
    assert "no pipeline run is left to resume" in bad("resume")
    sematic.resolve(pipelines.pipeline(3))
    assert "succeeded: there is nothing left to run" in bad("rerun", all_runs()[0].id)


def test_rerun_from(good: Text, bad: Text) -> None:
    assert finished(program("pipeline", 3)).returncode == 0
    (before,) = all_runs()
    total = before.children[1]
    process = finished(command("rerun", before.id, "--from", total.id[:12]))
    assert (process.returncode, process.stdout) == (0, "result 3\n"), process.stderr
    after, _ = all_runs()
    assert [child.record.taken_from for child in after.children] == [before.children[0].id, None]
    assert "is not in pipeline run" in bad("rerun", before.id, "--from", after.children[0].id)
    assert "there is no run 'xyz'" in bad("rerun", before.id, "--from", "xyz")
    assert "could be several runs" in bad("rerun", before.id, "--from", "")


SCRIPT = """
import os, sematic, beside

@sematic.func
def main(n: int) -> int:
    if "FAIL" in os.environ:
        raise OSError("failed")
    return n + beside.VALUE

if __name__ == "__main__":
    print(main(1).resolve())
"""


@pytest.fixture
def script(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A program that has failed; it needs a module that was on its PYTHONPATH."""
    library, folder = tmp_path / "library", tmp_path / "program"
    library.mkdir()
    folder.mkdir()
    (library / "beside.py").write_text("VALUE = 41")
    (folder / "script.py").write_text(SCRIPT)
    with monkeypatch.context() as patch:
        patch.setenv("FAIL", "1")
        patch.setenv("SEMATIC_PIPELINE_TARGET", "//pkg:main")
        patch.setenv("PYTHONPATH", f"{library}{os.pathsep}{os.environ['PYTHONPATH']}")
        process = subprocess.run(
            [*program("", 0)[:1], "script.py", "--x=a b"], cwd=folder, capture_output=True, timeout=60
        )
    assert process.returncode == 1
    return folder / "script.py"


def test_resume_restores_folder_and_import_path(script: Path) -> None:
    process = finished(command("resume"))
    assert (process.returncode, process.stdout) == (0, "42\n"), process.stderr


def test_resume_finds_a_home_that_is_named_from_here(script: Path, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(home.parent)
    monkeypatch.setenv("SEMATIC_HOME", home.name)
    process = finished(command("resume"))
    assert (process.returncode, process.stdout) == (0, "42\n"), process.stderr


def recorded_command(home: Path, **changes: object) -> None:
    """Change what is recorded of all programs."""
    with sqlite3.connect(home / "ledger.db") as connection:
        (text,) = connection.execute("SELECT command FROM pipeline_runs").fetchone()
        connection.execute("UPDATE pipeline_runs SET command = ?", [json.dumps(json.loads(text) | changes)])
    connection.close()


def test_resume_says_when_the_program_cannot_be_started(
    script: Path, home: Path, bad: Text, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(home)  # the command changes the folder, and here it goes on afterwards
    recorded_command(home, executable=str(script), target=None)
    assert "cannot be started (Permission denied). Start it by hand: SEMATIC_RESUME=" in bad("resume")
    recorded_command(home, executable=None)
    message = bad("resume")
    assert message.startswith("no command is recorded by which its program could be started. ")
    assert message.endswith(" <your program>")


def test_show_tells_the_command(script: Path, good: Text) -> None:
    text = good("show", "last")
    assert "script.py '--x=a b'\n" in text
    assert f"Folder        {script.parent}\n" in text
    assert "Target        //pkg:main\n" in text


def test_resume_says_how_when_the_program_is_gone(script: Path, bad: Text) -> None:
    id = all_runs()[0].id
    by_hand = f"Start it by hand: SEMATIC_RESUME={id} bazel run //pkg:main -- '--x=a b'"
    script.unlink()
    assert bad("resume") == f"the recorded program {script} is gone. {by_hand}"
    script.parent.rmdir()
    assert bad("resume") == f"the recorded folder {script.parent} is gone. {by_hand}"


def test_cancel_a_running_one(at_gate: Start, good: Text) -> None:
    process = at_gate("halting", 3)
    (running,) = all_runs()
    assert running.state == "RAN"
    assert good("cancel", "last") == f"canceled {running.id[:12]}\n"
    assert process.wait(timeout=60) != 0
    (canceled,) = all_runs()
    assert canceled.state == "CANCELED"
    assert [child.state for child in canceled.children] == ["RESOLVED", "RESOLVED", "CANCELED", "CANCELED"]


def test_cancel_an_interrupted_one(killed: Kill, good: Text) -> None:
    killed("halting", 3)
    (id,) = (run.id for run in all_runs())
    assert json.loads(good("cancel", id, "--json")) == {"id": id, "state": "CANCELED"}
    (canceled,) = all_runs()
    assert [child.state for child in canceled.children] == ["RESOLVED", "RESOLVED", "CANCELED", "CANCELED"]


def test_cancel_one_that_is_killed_meanwhile(at_gate: Start) -> None:
    process = at_gate("halting", 3)
    process.send_signal(signal.SIGSTOP)
    cancel = subprocess.Popen(command("cancel", "last"), stdout=subprocess.PIPE, text=True)
    process.kill()
    process.wait()
    assert cancel.communicate(timeout=60)[0].startswith("canceled ")
    assert [run.state for run in all_runs()] == ["CANCELED"]


def test_cancel_says_when_it_does_not_stop(at_gate: Start, bad: Text) -> None:
    process = at_gate("halting", 3)
    process.send_signal(signal.SIGSTOP)
    message = bad("cancel", "last", "--timeout", "0.1")
    assert "was asked to stop and has not yet" in message
    assert f"kill -INT {process.pid}" in message


def test_cancel_refuses_what_ended_and_what_runs_elsewhere(at_gate: Start, bad: Text, home: Path) -> None:
    sematic.resolve(pipelines.pipeline(3))
    assert "cannot be canceled: it ended RESOLVED before" in bad("cancel", "last")
    at_gate("halting", 3)
    with sqlite3.connect(home / "ledger.db") as connection:
        (owner,) = connection.execute("SELECT owner FROM pipeline_runs WHERE owner IS NOT NULL").fetchone()
        elsewhere = json.dumps(json.loads(owner) | {"host": "other\x1b[2J", "machine": "x"})
        connection.execute("UPDATE pipeline_runs SET owner = ? WHERE owner IS NOT NULL", [elsewhere])
    connection.close()
    assert "runs on other\\x1b[2J (pid" in bad("cancel", "last")


def test_rm_forgets_and_gc_frees(good: Text, bad: Text, home: Path) -> None:
    assert finished(program("pipeline", 30000)).returncode == 0
    (run,) = all_runs()
    assert list((home / "logs").iterdir())
    assert list((home / "blobs").glob("??/*"))
    assert "give --yes" in bad("rm", run.id)
    assert good("rm", run.id, run.id, "--yes") == f"removed {run.id[:12]} pipeline (RESOLVED)\n"
    assert not list((home / "logs").iterdir())
    assert good("ls") == ""
    assert json.loads(good("gc", "--json")) == {"blobs": 0, "bytes": 0, "logs": 0}
    assert good("gc", "--keep", "0").startswith("freed 1 blob (")
    assert not list((home / "blobs").glob("??/*"))
    assert "there is no run" in bad("show", run.id)


def test_gc_frees_the_output_of_removed_runs_only(good: Text, home: Path) -> None:
    assert finished(program("pipeline", 3)).returncode == 0
    (home / "logs" / ("0" * 32)).mkdir()
    assert json.loads(good("gc", "--keep", "0", "--json"))["logs"] == 1
    assert len(list((home / "logs").iterdir())) == 1


def test_gc_of_nothing(good: Text, home: Path) -> None:
    assert good("gc") == "freed 0 blobs (0 B) and the output of 0 removed runs\n"
    assert not home.exists()


def test_rm_refuses_what_runs_and_what_is_no_pipeline_run(at_gate: Start, bad: Text) -> None:
    at_gate("halting", 3)
    (running,) = all_runs()
    assert "cannot be removed while a process runs it" in bad("rm", running.id, "--yes")
    assert f"numbers, a run in {running.id[:12]}" in bad("rm", running.children[0].id, "--yes")


def test_settings(good: Text, bad: Text, cli: Callable[..., Result], monkeypatch: pytest.MonkeyPatch) -> None:
    rows = {row[0]: row[1:3] for row in (line.split("\t") for line in good("settings").splitlines())}
    assert rows["progress"] == ["quiet", "environment"]
    assert rows["output_capture"] == ["on", "default"]
    good("settings", "set", "output_capture", "off")
    good("settings", "set", "api_token", "very secret")
    listed = {row["name"]: row for row in map(json.loads, good("settings", "list", "--json").splitlines())}
    assert (listed["output_capture"]["value"], listed["output_capture"]["source"]) == (False, "file")
    assert "secret" not in good("settings")
    good("settings", "unset", "output_capture")
    assert json.loads(good("settings", "--json").splitlines()[1])["value"] is True
    assert "there is no setting 'colour'" in bad("settings", "set", "colour", "on")
    assert "must be on or off" in bad("settings", "set", "output_capture", "maybe")
    assert cli("settings", "set", "progress").exit_code == 2


def test_version(good: Text, home: Path) -> None:
    facts = json.loads(good("version", "--json"))
    assert (list(facts), facts["schema"]) == (["version", "python", "home", "schema"], None)
    assert "schema\tnone recorded yet\n" in good("version")
    sematic.resolve(pipelines.pipeline(3))
    assert json.loads(good("version", "--json"))["schema"] >= 1
    assert f"home\t{home}\n" in good("version")


def test_a_read_only_home_is_shown_truthfully(
    killed: Kill, good: Text, bad: Text, monkeypatch: pytest.MonkeyPatch
) -> None:
    killed("halting", 3)
    monkeypatch.setattr("sematic.recorded.os.access", lambda path, mode: False)
    assert good("ls").split("\t")[1] == "INTERRUPTED"
    data = json.loads(good("show", "last", "--json"))
    assert (data["pipeline_run"]["state"], data["runs"][3]["state"]) == ("INTERRUPTED", "INTERRUPTED")
    gated = get_run(data["runs"][3]["id"])
    assert gated.attempts[0].state == "FAILED"
    assert gated.exception is not None and gated.exception.class_name == "Interrupted"
    assert "read-only" in bad("rm", "last", "--yes")
    assert "read-only" in bad("cancel", "last")
    monkeypatch.undo()


def test_a_home_that_is_no_home(bad: Text, home: Path) -> None:
    home.mkdir()
    (home / "ledger.db").write_text("something else " * 100)
    assert "is not a ledger" in bad("ls")
    shutil.rmtree(home)
