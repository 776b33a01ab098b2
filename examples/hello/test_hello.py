"""The smallest pipeline gives the same under every resolver, and leaves a record that can be read back."""

import subprocess
import sys
from pathlib import Path

import pytest

import sematic
from examples.hello.pipeline import pipeline
from sematic.home import open_home


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SEMATIC_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def test_silent(home: Path) -> None:
    assert sematic.resolve(pipeline(["Ada", "Grace"]), sematic.SilentResolver()) == "Hello, Ada!\nHello, Grace!"
    assert not home.exists()


def test_nobody() -> None:
    assert sematic.resolve(pipeline([]), sematic.SilentResolver()) == ""


def test_local_leaves_a_record() -> None:
    assert sematic.resolve(pipeline(["Ada", "Grace"])) == "Hello, Ada!\nHello, Grace!"
    with open_home(read_only=True) as home:
        (recorded,) = home.ledger.pipeline_runs()
    run = sematic.get_run(recorded.id)
    assert run.state == "RESOLVED"
    assert run.inputs["names"] == ["Ada", "Grace"]
    assert [child.name for child in run.children] == ["greeting", "greeting", "joined"]
    assert run.children[1].output == "Hello, Grace!"
    assert run.children[2].inputs["greetings"] == ["Hello, Ada!", "Hello, Grace!"]


def main(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "examples.hello.main", *arguments]
    environment = {"PYTHONPATH": ":".join(sys.path)}
    return subprocess.run(command, env=environment, text=True, capture_output=True, timeout=60)


def test_program(tmp_path: Path) -> None:
    done = main("--resolver=silent", "--names=Ada,Grace")
    assert (done.returncode, done.stdout, done.stderr) == (0, "Hello, Ada!\nHello, Grace!\n", "")


def test_the_cloud_needs_an_image() -> None:
    done = main("--resolver=cloud")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("remote jobs need an image of this program, and none was made: ")
    assert len(done.stderr.splitlines()) == 1


def test_worker_processes_need_the_local_resolver() -> None:
    done = main("--resolver=silent", "--max_parallelism=2")
    assert done.returncode == 1
    assert "--max_parallelism needs --resolver local or cloud" in done.stderr
