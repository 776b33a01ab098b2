"""Groups of programs: where they come from, and that their installing is done once."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from tools.toolbox import groups
from tools.toolbox.groups import Group
from tools.toolbox.refusal import Refusal
from tools.toolbox.toolbox import Toolbox

GROUP = Group("some", "some programs", ["one", "two"], ["first", "second"])


@pytest.fixture
def box(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Toolbox:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    made = Toolbox(tmp_path / "a box")
    made.stamp("bazel").parent.mkdir(parents=True)
    for program in ("usr/bin/first", "usr/sbin/second"):
        path = made.root / program
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return made


def executable(folder: Path, name: str) -> Path:
    folder.mkdir(exist_ok=True)
    path = folder / name
    path.write_text("#!/bin/sh\n")
    path.chmod(0o755)
    return path


def test_without_a_toolbox_path_is_searched(box: Toolbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own = executable(tmp_path / "bin", "first")
    monkeypatch.setenv("PATH", str(own.parent))
    assert groups.commands(box, GROUP) == {"first": [str(own)], "second": None}


def test_folders_on_nobodys_path_are_searched_the_newest_first(box: Toolbox, tmp_path: Path) -> None:
    for version in ("9", "17", "18"):
        (tmp_path / version).mkdir()
    executable(tmp_path / "9", "first")
    newest = executable(tmp_path / "17", "first")
    group = Group("some", "some programs", ["one"], ["first"], f"{tmp_path}/*")
    assert groups.commands(box, group) == {"first": [str(newest)]}


def test_a_toolbox_has_such_folders_too(box: Toolbox, monkeypatch: pytest.MonkeyPatch) -> None:
    box.stamp("bazel").touch()
    monkeypatch.setattr(box, "in_root", lambda script, log: None)
    (box.root / "usr/lib/some/18/bin").mkdir(parents=True)
    (box.root / "usr/lib/some/18/bin/third").touch()
    found = groups.commands(box, Group("some", "", ["one"], ["third"], "/usr/lib/some/*/bin"))["third"]
    assert found is not None
    assert found[-1] == "/usr/lib/some/18/bin/third"


def test_without_rights_the_toolbox_is_none(box: Toolbox, monkeypatch: pytest.MonkeyPatch) -> None:
    box.stamp("bazel").touch()
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert groups.commands(box, GROUP) == {"first": None, "second": None}


def test_a_toolbox_installs_once(
    box: Toolbox, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    box.stamp("bazel").touch()
    scripts: list[str] = []
    monkeypatch.setattr(box, "in_root", lambda script, log: scripts.append(script))
    found = groups.commands(box, GROUP)
    assert groups.commands(box, GROUP) == found
    assert len(scripts) == 1
    assert "one two" in scripts[0]
    assert [command[-1] for command in found.values() if command] == ["/usr/bin/first", "/usr/sbin/second"]
    assert capsys.readouterr().err.startswith("bazelw: [1/1] some programs\n")


def test_other_packages_are_another_step() -> None:
    assert Group("some", "", ["one"], []).stamp != GROUP.stamp


def test_an_interrupted_installing_begins_again(box: Toolbox, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(script: str, log: str) -> None:
        raise Refusal("no network.")

    box.stamp("bazel").touch()
    monkeypatch.setattr(box, "in_root", broken)
    with pytest.raises(Refusal):
        groups.commands(box, GROUP)
    monkeypatch.setattr(box, "in_root", lambda script, log: None)
    assert groups.commands(box, GROUP)["first"] is not None


def test_a_program_that_is_not_in_its_packages(box: Toolbox, monkeypatch: pytest.MonkeyPatch) -> None:
    box.stamp("bazel").touch()
    monkeypatch.setattr(box, "in_root", lambda script, log: None)
    (box.root / "usr/bin/first").unlink()
    with pytest.raises(Refusal, match="lacks first"):
        groups.commands(box, GROUP)


def test_a_program_sees_the_roots_files_and_its_arguments(box: Toolbox) -> None:
    """In a root that is the machine's own /usr."""
    (box.root / "usr/bin/printf").touch()
    (box.root / "etc").mkdir()
    (box.root / "etc/ld.so.cache").symlink_to("/etc/ld.so.cache")
    root = ["unshare", "--mount", "sh", "-c", 'mount --rbind /usr "$0" && exec "$@"', str(box.root / "usr")]
    command = [*root, *groups.in_view(box, "printf"), "%s|", "a b", "", "*"]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout == "a b||*|"
