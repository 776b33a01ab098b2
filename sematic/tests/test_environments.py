"""Folders, paths, locales, signals and clocks that are not what one hopes for."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

import sematic
from sematic.home import Home
from sematic.tests.programs import Programs

MAIN = """
    import os, pathlib, sys
    import sematic

    @sematic.func(inline=False)
    def shown(word: str) -> str:
        print(word)
        if os.environ.get("FAIL"):
            raise ValueError(word)
        if word == "wait" and os.path.exists("gate"):
            with open("gate", "w") as gate:  # both sides wait for one another
                gate.write("here")
            open("never").close()  # nobody ever opens its other side
        return word

    @sematic.func
    def pipeline(word: str) -> str:
        return shown(shown(word))

    if __name__ == "__main__":
        what = sys.argv[1]
        resolver = sematic.LocalResolver(max_parallelism=1 if "workers" in sys.argv else None)
        if what == "path":
            sys.path += [pathlib.Path("/not/text"), b"/nor/this"]
            sys.argv.append(pathlib.Path("/x"))
        elif what == "gone":
            os.mkdir("gone")
            os.chdir("gone")
            os.rmdir("../gone")
        elif what == "elsewhere":
            os.makedirs("deep/er", exist_ok=True)
            os.chdir("deep/er")
        elif what == "signs":
            what = "ü✓"
        print(ascii(sematic.resolve(pipeline(what), resolver)))
"""

ASCII = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "PYTHONIOENCODING": "utf-8"}


@pytest.fixture
def programs(tmp_path: Path) -> Programs:
    found = Programs(tmp_path)
    found.write(main=MAIN)
    return found


@pytest.mark.parametrize("where", ["here", "workers"])
@pytest.mark.parametrize("what", ["path", "gone", "elsewhere"])
def test_paths_and_folders(programs: Programs, what: str, where: str) -> None:
    done = programs.run("main.py", what, where)
    assert done.stdout == f"{what}\n{what}\n'{what}'\n", done.stderr


def test_a_program_that_went_elsewhere_is_resumed_where_it_was_started(programs: Programs) -> None:
    problem = programs.bad("main.py", "elsewhere", environment={"FAIL": "yes"})
    assert problem == "ValueError: elsewhere"
    assert programs.good("-m", "sematic.cli", "resume", cwd="/").endswith("'elsewhere'")
    assert programs.states() == ["RESOLVED", "FAILED"]


def test_what_was_typed_is_not_there_to_be_resumed(programs: Programs) -> None:
    text = "import sematic\n@sematic.func\ndef f() -> int: raise ValueError\nsematic.resolve(f())"
    assert "ValueError" in programs.run("-", input=text).stderr
    done = programs.run("-m", "sematic.cli", "resume")
    assert done.returncode == 1
    assert "the program was typed into a console or read from a pipe: it is not there any more" in done.stderr


@pytest.mark.parametrize("environment", [ASCII, {"PYTHONOPTIMIZE": "2", "PYTHONWARNINGS": "error", "TZ": "Asia/Tokyo"}])
def test_a_locale_that_knows_no_signs_and_a_branch_that_has_some(
    programs: Programs, environment: dict[str, str]
) -> None:
    for command in (["init", "-q"], ["commit", "-q", "--allow-empty", "-m", "x"], ["checkout", "-q", "-b", "zweig-ü✓"]):
        options = ["-c", "user.name=x", "-c", "user.email=x@example.com"]
        subprocess.run(["git", *options, *command], cwd=programs.folder, check=True)
    assert programs.good("main.py", "signs", "workers", environment=environment).endswith("\n'\\xfc\\u2713'")
    with Home(programs.home) as home:
        assert "zweig-" in (home.ledger.pipeline_runs()[0].git or "")


@pytest.mark.parametrize("where", ["here", "workers"])
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_driver_that_is_told_to_go_is_interrupted_and_can_be_resumed(
    programs: Programs, number: signal.Signals, where: str
) -> None:
    for name in ("gate", "never"):
        os.mkfifo(programs.folder / name)
    with programs.start("main.py", "wait", where) as process:
        assert (programs.folder / "gate").read_text() == "here"
        (programs.folder / "gate").unlink()
        process.send_signal(signal.SIGSTOP)
        assert "RUNNING" in programs.good("-m", "sematic.cli", "ls")  # it stands still, but it is there
        process.send_signal(signal.SIGCONT)
        process.send_signal(number)
        assert process.wait() == -number
    assert "INTERRUPTED" in programs.good("-m", "sematic.cli", "ls")
    assert programs.good("-m", "sematic.cli", "resume").endswith("'wait'")
    assert programs.states() == ["RESOLVED"]


def test_a_clock_that_is_set_back(programs: Programs, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEMATIC_HOME", str(programs.home))
    monkeypatch.setenv("SEMATIC_PROGRESS", "quiet")
    now = time.time()
    times = (now - 3600.0 * hour for hour in range(10_000))
    monkeypatch.setattr(time, "time", lambda: next(times))
    assert sematic.resolve(doubled(doubled(2))) == 8
    assert programs.states() == ["RESOLVED"]
    (root, _) = programs.runs()["doubled"]
    view = sematic.get_run(root.id)
    assert view.output == 8 and view.state == "RESOLVED"


@sematic.func
def doubled(a: int) -> int:
    return 2 * a
