"""The making of the toolbox, without making one: steps, stamps, locks, and the files that it writes."""

from __future__ import annotations

import fcntl
import subprocess
import threading
import time
from pathlib import Path

import pytest

from tools.toolbox import host, toolbox
from tools.toolbox.refusal import Refusal
from tools.toolbox.toolbox import Step, Toolbox


@pytest.fixture
def box(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Toolbox:
    monkeypatch.setattr(Toolbox, "host_python", lambda _: "/opt/python/bin/python3.11")
    for check in ("check_kind", "check_reachable", "check_room"):
        monkeypatch.setattr(host, check, lambda *_: None)
    monkeypatch.setattr(host, "archive_address", lambda: "http://archive.example/debian")
    return Toolbox(tmp_path / "box")


def names(steps: list[Step]) -> list[str]:
    return [step.name.split("-")[0] for step in steps]


def test_the_folder_can_be_chosen(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.delenv("SEMATIC_TOOLBOX_DIR", raising=False)
    assert Toolbox.here().folder.parent == tmp_path / "sematic"
    monkeypatch.setenv("SEMATIC_TOOLBOX_DIR", "/some/where")
    assert Toolbox.here().folder == Path("/some/where")


def test_a_machine_without_python_311_gets_one(box: Toolbox, monkeypatch: pytest.MonkeyPatch) -> None:
    assert names(box.steps()) == ["base", "bazel", "certificates"]
    monkeypatch.setattr(Toolbox, "host_python", lambda _: None)
    assert names(box.steps()) == ["base", "bazel", "certificates", "python"]


def test_an_interrupted_making_goes_on_where_it_was(
    box: Toolbox, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    made: list[str] = []

    def interrupted() -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(box, "make_base", lambda: made.append("base"))
    monkeypatch.setattr(box, "make_bazel", interrupted)
    monkeypatch.setattr(box, "make_certificates", lambda: made.append("certificates"))
    with pytest.raises(KeyboardInterrupt):
        box.ensure()
    monkeypatch.setattr(box, "make_bazel", lambda: made.append("bazel"))
    box.ensure()
    assert made == ["base", "bazel", "certificates"]
    box.ensure()
    assert len(made) == 3
    said = capsys.readouterr()
    assert said.out == ""
    assert "[1/3] the base system" in said.err and "[1/2] Bazel" in said.err


def test_a_second_start_waits_and_says_so(
    box: Toolbox, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("make_base", "make_bazel", "make_certificates"):
        monkeypatch.setattr(box, name, lambda: pytest.fail("the first start has made it"))
    box.folder.mkdir(parents=True)
    with (box.folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        second = threading.Thread(target=box.ensure)
        second.start()
        deadline = time.monotonic() + 30
        said = ""
        while "waiting" not in said and time.monotonic() < deadline:
            said += capsys.readouterr().err
            time.sleep(0.01)
        for step in box.steps():
            box.stamp(step.name).parent.mkdir(exist_ok=True)
            box.stamp(step.name).touch()
    second.join(30)
    assert not second.is_alive()
    assert "another start is making the toolbox; waiting for it" in said


def test_a_failed_step_says_what_and_where(tmp_path: Path) -> None:
    log = tmp_path / "bazel.log"
    log.write_text("Reading lists\nE: Unable to fetch some archives\nmore talk\n")
    sentence = toolbox.failed("chroot", log)
    assert "'E: Unable to fetch some archives'" in sentence and str(log) in sentence


def test_a_failed_command_is_a_refusal(box: Toolbox, monkeypatch: pytest.MonkeyPatch) -> None:
    box.folder.mkdir(parents=True)

    def fail(*_: object, **__: object) -> subprocess.CompletedProcess[str]:
        return subprocess.CompletedProcess([], 100)

    monkeypatch.setattr(subprocess, "run", fail)
    with pytest.raises(Refusal, match="debootstrap failed"):
        box.run(["debootstrap"], "root")


def test_a_root_that_cannot_be_repaired_is_made_anew(box: Toolbox, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise Refusal("dpkg was interrupted.")

    monkeypatch.setattr(box, "bootstrap", lambda *_: None)
    monkeypatch.setattr(box, "in_root", broken)
    for left in (["bazel", "certificates"], ["base", "bazel", "certificates"]):
        with pytest.raises(Refusal):
            box.ensure()
        assert names(box.missing()) == left


def test_a_new_certificate_is_a_new_key(tmp_path: Path) -> None:
    folder = tmp_path / "certificates"
    none = toolbox.certificates_key(folder)
    folder.mkdir()
    assert toolbox.certificates_key(folder) == none
    (folder / "own.crt").write_text("one")
    one = toolbox.certificates_key(folder)
    (folder / "own.crt").write_text("another")
    assert len({none, one, toolbox.certificates_key(folder)}) == 3


def test_java_keeps_its_settings_in_usr(tmp_path: Path) -> None:
    settings = tmp_path / "etc" / "java-25"
    (settings / "security").mkdir(parents=True)
    (settings / "net.properties").write_text("net")
    (settings / "security" / "java.security").write_text("secure")
    conf = tmp_path / "usr" / "lib" / "jvm" / "java-25" / "conf"
    conf.mkdir(parents=True)
    (conf / "net.properties").symlink_to("/etc/java-25/net.properties")
    (conf / "security").symlink_to("/etc/java-25/security")
    (conf / "own").symlink_to("net.properties")
    toolbox.settle_java(tmp_path)
    assert (conf / "net.properties").read_text() == "net" and not (conf / "net.properties").is_symlink()
    assert (conf / "security" / "java.security").read_text() == "secure"
    assert (conf / "own").is_symlink()


def test_the_interpreter_outside_the_view_is_the_machines_own(box: Toolbox, tmp_path: Path) -> None:
    echo = tmp_path / "own python"
    echo.write_text('#!/bin/sh\nprintf "%s|" "$PYTHONNOUSERSITE" "$@"\n')
    echo.chmod(0o755)
    host.write_whole(tmp_path / "python3", box.interpreter_script(str(echo)), 0o755)
    said = subprocess.run([tmp_path / "python3", "-c", "a b", ""], capture_output=True, text=True, check=True)
    assert said.stdout == "1|-c|a b||"


def test_another_python_is_another_path(box: Toolbox) -> None:
    scripts = [box.interpreter_script(python) for python in ("/usr/bin/python3.11", "/opt/bin/python3.11", None)]
    assert len({box.interpreter(script) for script in scripts}) == 3


def test_the_settings_name_every_rule_set_in_both_modes(box: Toolbox) -> None:
    settings = box.bazelrc(Path("/some/python3"))
    assert "common --repo_env=SEMATIC_PYTHON=/some/python3\n" in settings
    for name in [*toolbox.RULE_SETS, "bazel_skylib", "platforms"]:
        assert f"common --override_module={name}={box.root}" in settings
        assert f"common:workspace --override_repository={name}={box.root}" in settings
    for name in toolbox.STUBS:
        assert f"--override_module={name}=%workspace%/tools/toolbox/modules/{name}" in settings


def test_files_are_replaced_only_when_they_change(tmp_path: Path) -> None:
    path = tmp_path / "file"
    toolbox.keep(path, "one")
    before = path.stat().st_ino
    toolbox.keep(path, "one")
    assert path.stat().st_ino == before
    toolbox.keep(path, "two")
    assert path.read_text() == "two" and list(tmp_path.iterdir()) == [path]
