"""What bazelw finds out about a machine, and the sentences with which it refuses one."""

from __future__ import annotations

import os
import shutil
from collections import namedtuple
from pathlib import Path

import pytest

from tools.toolbox import host
from tools.toolbox.refusal import Refusal

REPOSITORY = Path(__file__).resolve().parents[3]


def program(path: Path, script: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return path


@pytest.fixture
def verdicts(tmp_path: Path) -> host.Verdicts:
    return host.Verdicts(tmp_path / "cache" / "verdicts.json")


# A Bazel on PATH


@pytest.mark.parametrize(
    ("script", "usable"),
    [
        ("echo bazel 7.7.1", True),
        ("echo Bazelisk version: v1.20; echo bazel 10.0.0", True),
        ("echo bazel 4.2.3", False),
        ("exit 1", False),
        ("case $1 in --version) echo bazel no_version;; info) echo release;; esac", True),
        ("case $1 in --version) echo bazel no_version;; info) exit 2;; esac", False),
    ],
)
def test_a_bazel_is_judged_by_what_it_can(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, verdicts: host.Verdicts, script: str, usable: bool
) -> None:
    bazel = program(tmp_path / "bin" / "bazel", script)
    monkeypatch.setenv("PATH", str(bazel.parent))
    assert host.bazel_on_path(REPOSITORY, verdicts) == (str(bazel) if usable else None)


def test_a_bazel_is_judged_once_until_it_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, verdicts: host.Verdicts
) -> None:
    told = tmp_path / "told"
    bazel = program(tmp_path / "bin" / "bazel", f"echo asked >>{told}; echo bazel 7.7.1")
    monkeypatch.setenv("PATH", str(bazel.parent))
    for _ in range(3):
        assert host.bazel_on_path(REPOSITORY, verdicts)
    assert told.read_text() == "asked\n"
    program(bazel, f"echo asked >>{told}; exit 1")
    os.utime(bazel, (1, 1))
    assert host.bazel_on_path(REPOSITORY, verdicts) is None
    assert told.read_text() == "asked\nasked\n"


def test_a_broken_cache_is_no_cache(tmp_path: Path) -> None:
    asked = program(tmp_path / "asked", "exit 0")
    (tmp_path / "verdicts.json").write_text("{half")
    verdicts = host.Verdicts(tmp_path / "verdicts.json")
    assert verdicts.of("x", str(asked), lambda _: "yes") == "yes"
    assert verdicts.of("x", str(asked), lambda _: "no") == "yes"


# Python


def test_a_python_of_another_version_is_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, verdicts: host.Verdicts
) -> None:
    program(tmp_path / "python3.11", "exit 127")  # A version manager's shim for a version that is not there.
    program(tmp_path / "python3", "echo 3 11; echo /bin/sh")
    monkeypatch.delenv("SEMATIC_PYTHON", raising=False)
    assert host.python_on_path(verdicts, search=str(tmp_path)) == "/bin/sh"


# Debian's archive

LINES = """
# deb http://commented.example/debian bookworm main
deb-src http://sources.example/debian bookworm main
deb [signed-by=/some/key.gpg arch=amd64] http://other.example/tool stable main
deb [trusted=yes] http://archive.example/debian/ bookworm main contrib
deb http://archive.example/debian-security bookworm-security main
"""

STANZAS = """
Types: deb
URIs: http://other.example/node
Suites: nodistro

# A comment between
Types: deb deb-src
# and one within
URIs: http://mirror.example/debian
  http://second.example/debian
Suites: bookworm bookworm-updates
Components: main

Enabled: no
Types: deb
URIs: http://disabled.example/debian
Suites: bookworm
"""


def apt(folder: Path, lines: str = "", stanzas: str = "") -> Path:
    (folder / "sources.list.d").mkdir(parents=True)
    (folder / "sources.list").write_text(lines)
    (folder / "sources.list.d" / "debian.sources").write_text(stanzas)
    return folder


def test_addresses_are_read_from_both_formats() -> None:
    assert list(host.addresses_of_lines(LINES)) == [
        "http://other.example/tool",
        "http://archive.example/debian/",
        "http://archive.example/debian-security",
    ]
    assert list(host.addresses_of_stanzas(STANZAS)) == [
        "http://other.example/node",
        "http://mirror.example/debian",
        "http://second.example/debian",
    ]


def test_the_archive_is_the_one_that_apt_uses(tmp_path: Path) -> None:
    assert host.archive_address(apt(tmp_path / "a", lines=LINES)) == "http://archive.example/debian"
    assert host.archive_address(apt(tmp_path / "b", stanzas=STANZAS)) == "http://mirror.example/debian"


def test_the_archive_may_be_in_a_mirror_list(tmp_path: Path) -> None:
    mirrors = tmp_path / "mirrors"
    mirrors.write_text("https://mirror.example/debian\nhttps://second.example/debian\n")
    stanza = f"Types: deb\nURIs: mirror+file:{mirrors}\nSuites: bookworm\n"
    assert host.archive_address(apt(tmp_path / "c", stanzas=stanza)) == "https://mirror.example/debian"


def test_no_archive_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(Refusal) as refusal:
        host.archive_address(apt(tmp_path / "d", lines="deb http://archive.example/ubuntu noble main"))
    assert one_sentence(refusal) and "install Bazel 7.7.1" in str(refusal.value)


# Refusals


def one_sentence(refusal: pytest.ExceptionInfo[Refusal]) -> bool:
    text = str(refusal.value)
    return text.endswith(".") and ". " not in text and "\n" not in text


def test_no_root_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setattr(host, "is_debian", lambda: True)
    with pytest.raises(Refusal) as refusal:
        host.check_kind()
    assert one_sentence(refusal) and "as root" in str(refusal.value)


def test_no_debian_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(host, "is_debian", lambda: False)
    with pytest.raises(Refusal) as refusal:
        host.check_kind()
    assert one_sentence(refusal) and "no Debian" in str(refusal.value)


def test_no_room_is_one_sentence_about_a_folder_that_need_not_exist(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(10**10, 9 * 10**9, 10**9))
    with pytest.raises(Refusal) as refusal:
        host.check_room(tmp_path / "not" / "yet", 5)
    text = str(refusal.value)
    assert text.startswith(f"{tmp_path} has 1.0 GB free")
    assert text.count("\n") == 0 and "SEMATIC_TOOLBOX_DIR" in text


def test_no_network_is_one_sentence() -> None:
    with pytest.raises(Refusal) as refusal:
        host.check_reachable("http://127.0.0.1:9/debian/dists/forky/InRelease")
    text = str(refusal.value)
    assert "cannot be reached" in text and "network" in text and text.count("\n") == 0
