"""Wheels against a base: every kind of tag, and what is said of those that do not fit."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from image_tools.base.check import check, facts
from image_tools.base.tags import Facts
from tools.packaging.tests.base import images

BASE = Facts("the base", "linux", "amd64", "3.11", "2.36")

FITS = [
    "py3-none-any",
    "py2.py3-none-any",
    "py311-none-any",
    "py38-none-any",
    "cp311-none-any",
    "cp311-cp311-manylinux_2_36_x86_64",
    "cp311-cp311-manylinux_2_17_x86_64.manylinux2014_x86_64",
    "cp311-cp311-manylinux1_x86_64",
    "cp311-cp311-manylinux2010_x86_64",
    "cp311-cp311-linux_x86_64",
    "cp311-abi3-manylinux_2_28_x86_64",
    "cp38-abi3-manylinux_2_28_x86_64",
    "cp37-abi3-linux_x86_64",
    "py3-none-manylinux2014_x86_64",
    "py310-none-manylinux_2_34_x86_64",
    "cp311-cp311-win_amd64.manylinux_2_17_x86_64",
]

FAILS = {
    "cp312-cp312-manylinux_2_17_x86_64": "needs Python 3.12, the base has 3.11",
    "cp310-cp310-manylinux_2_17_x86_64": "needs Python 3.10, the base has 3.11",
    "cp310-none-any": "needs Python 3.10, the base has 3.11",
    "cp312-abi3-manylinux_2_17_x86_64": "needs Python 3.12 or newer, the base has 3.11",
    "py312-none-any": "needs Python 3.12 or newer, the base has 3.11",
    "cp311-cp311d-linux_x86_64": r"a Python of another build \(ABI cp311d\)",
    "cp313-cp313t-manylinux_2_28_x86_64": r"a Python of another build \(ABI cp313t\)",
    "pp311-pypy311_pp73-manylinux_2_17_x86_64": "is for pp311, which is not CPython",
    "py2-none-any": "is for Python 2",
    "cp27-cp27mu-manylinux1_x86_64": "is for Python 2",
    "cp311-cp311-manylinux_2_37_x86_64": "needs glibc 2.37, the base has 2.36",
    "cp311-cp311-manylinux_3_0_x86_64": "needs glibc 3.0, the base has 2.36",
    "cp311-cp311-musllinux_1_2_x86_64": "needs musl, the base has glibc 2.36",
    "cp311-cp311-manylinux_2_17_aarch64": r"is for another machine \(manylinux_2_17_aarch64\), the base for linux/amd64",
    "cp311-cp311-linux_armv7l": "is for another machine",
    "cp311-cp311-manylinux2014_i686": "is for another machine",
    "cp311-cp311-macosx_11_0_arm64": r"is for macOS \(macosx_11_0_arm64\)",
    "cp311-cp311-macosx_10_9_universal2": "is for macOS",
    "py3-none-macosx_10_9_x86_64": "is for macOS",
    "cp311-cp311-win_amd64": "is for Windows",
    "cp311-cp311-win32": "is for Windows",
}


@pytest.mark.parametrize("tag", FITS)
def test_fits(tag: str) -> None:
    assert check([("it", [tag])], BASE).failures == ()


@pytest.mark.parametrize("tag", FAILS)
def test_does_not_fit(tag: str) -> None:
    (sentence,) = check([("it", [tag])], BASE).failures
    assert re.fullmatch(rf"the wheel of it \({re.escape(tag)}\) .*{FAILS[tag]}.* \(the base\): \w.*\.", sentence)


def test_one_tag_that_fits_is_enough() -> None:
    assert check([("it", ["cp311-cp311-win_amd64", "py3-none-any"])], BASE).failures == ()


def test_of_several_the_nearest_is_told() -> None:
    tags = ["cp310-cp310-linux_x86_64", "cp311-cp311-manylinux_2_39_x86_64", "cp311-cp311-win32"]
    (sentence,) = check([("it", tags)], BASE).failures
    assert "needs glibc 2.39" in sentence


def test_each_wheel_that_does_not_fit_is_told() -> None:
    wheels = [("one", ["py2-none-any"]), ("two", ["py3-none-any"]), ("three", ["py2-none-any"])]
    assert [sentence.split()[3] for sentence in check(wheels, BASE).failures] == ["one", "three"]


def test_wheel_without_tags_is_not_judged() -> None:
    assert check([("it", [])], Facts("b", "linux", "amd64")) == check([], BASE)


@pytest.mark.parametrize(
    ("architecture", "machine"), [("arm64", "aarch64"), ("ppc64le", "ppc64le"), ("386", "i686"), ("loong64", "loong64")]
)
def test_machines(architecture: str, machine: str) -> None:
    base = Facts("b", "linux", architecture, "3.11", "2.36")
    assert check([("it", [f"cp311-cp311-manylinux_2_17_{machine}"])], base).failures == ()
    assert check([("it", ["cp311-cp311-manylinux_2_17_x86_64"])], base).failures != ()


UNKNOWN = Facts("the base", "linux", "amd64")


@pytest.mark.parametrize(
    ("tag", "notices"),
    [
        ("py3-none-any", []),
        ("py2.py3-none-any", []),
        ("cp312-cp312-linux_x86_64", ["Python"]),
        ("py312-none-any", ["Python"]),
        ("cp312-cp312-manylinux_2_39_x86_64", ["Python", "C library"]),
        ("py3-none-manylinux2014_x86_64", ["C library"]),
        ("py3-none-musllinux_1_1_x86_64", ["C library"]),
    ],
)
def test_what_is_unknown_is_announced(tag: str, notices: list[str]) -> None:
    found = check([("it", [tag])], UNKNOWN)
    assert found.failures == ()
    assert [sentence.partition("which ")[2].partition(" it has")[0] for sentence in found.notices] == notices


def test_unknown_versions_do_not_excuse_another_machine() -> None:
    assert check([("it", ["cp312-cp312-macosx_11_0_arm64"])], UNKNOWN).failures


def test_facts_come_from_the_configuration_before_the_declaration() -> None:
    config = json.loads(images.config(architecture="arm64", Labels={"dev.sematic.glibc": "2.31"}))
    assert facts(config, "b", "3.12", "") == Facts("b", "linux", "arm64", "3.12", "2.31")


def test_python_that_the_image_brings_along_replaces_the_base_s() -> None:
    tags = ["cp312-cp312-manylinux_2_17_x86_64"]
    for base in (BASE, UNKNOWN):
        assert "Python" not in " ".join(check([("it", tags)], base, own_python=True).notices)
        assert check([("it", tags)], base, own_python=True).failures == ()
    assert check([("it", ["cp312-cp312-manylinux_2_39_x86_64"])], BASE, own_python=True).failures


# As a program


def program(folder: Path, config: bytes, *wheels: Any, more: tuple[str, ...] = ()) -> subprocess.CompletedProcess[str]:
    (folder / "config.json").write_bytes(config)
    arguments = ["--base", str(folder / "config.json"), "--name", "b", "--needs", str(folder / "out"), *more]
    for number, wheel in enumerate(wheels):
        (folder / f"{number}.json").write_text(wheel if isinstance(wheel, str) else json.dumps(wheel))
        arguments += ["--wheel", str(folder / f"{number}.json")]
    (folder / "arguments").write_text("\n".join(arguments))
    command = [sys.executable, "-m", "image_tools.base.check", f"@{folder}/arguments"]
    environment = {**os.environ, "PYTHONPATH": ":".join(sys.path)}
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


NUMPY = {"name": "numpy", "tags": ["cp311-cp311-manylinux_2_17_x86_64"]}


def test_program(tmp_path: Path) -> None:
    done = program(tmp_path, images.config(), NUMPY, {"name": "bin 1"}, more=("--python=3.11", "--glibc=2.36"))
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert (tmp_path / "out").read_text() == ""


def test_program_announces(tmp_path: Path) -> None:
    done = program(tmp_path, images.config(), NUMPY)
    assert done.returncode == 0
    assert done.stderr.count("base image: b does not say which") == 2
    assert (tmp_path / "out").read_text() == "glibc>=2.17 python==3.11"


def test_program_refuses(tmp_path: Path) -> None:
    done = program(tmp_path, images.config(Env=["PYTHON_VERSION=3.12.1"]), NUMPY)
    assert done.returncode == 1
    assert (
        "base image: the wheel of numpy (cp311-cp311-manylinux_2_17_x86_64) needs Python 3.11, the base has 3.12 (b): "
        "take a base with Python 3.11, or build with Python 3.12.\n"
    ) in done.stderr
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("metadata", ["[]", "{}", "no JSON", '{"name": "x", "tags": 3}'])
def test_program_and_metadata_that_is_none(tmp_path: Path, metadata: str) -> None:
    done = program(tmp_path, images.config(), metadata)
    assert (done.returncode, done.stderr) == (
        1,
        f"base image: {tmp_path}/0.json is no metadata of a layer: build it again.\n",
    )


def test_program_and_a_file_that_is_missing(tmp_path: Path) -> None:
    done = program(tmp_path, images.config(), more=("--wheel", "nowhere"))
    assert (done.returncode, done.stderr) == (
        1,
        "base image: nowhere cannot be read: No such file or directory.\n",
    )


@pytest.mark.parametrize(
    ("tags", "base", "expected"),
    [
        (["cp311-cp311-manylinux_2_28_x86_64"], {}, ("glibc>=2.28", "python==3.11")),
        (["cp38-abi3-manylinux2014_x86_64"], {}, ("glibc>=2.17", "python>=3.8")),
        (["cp311-cp311-manylinux_2_28_x86_64.manylinux_2_17_x86_64"], {"python": "3.11"}, ("glibc>=2.17",)),
        (["cp311-cp311-manylinux_2_28_x86_64"], {"glibc": "2.36"}, ("python==3.11",)),
        (["py3-none-any"], {}, ()),
        (["py38-none-any"], {}, ("python>=3.8",)),
        (["cp311-cp311-linux_x86_64"], {}, ("python==3.11",)),
        (["cp311-cp311-manylinux_2_28_x86_64"], {"python": "3.11", "glibc": "2.36"}, ()),
    ],
)
def test_what_is_left_for_the_start(tags: list[str], base: dict[str, str], expected: tuple[str, ...]) -> None:
    assert check([("wheel", tags)], Facts("the base", "linux", "amd64", **base)).needs == expected


def test_an_image_with_a_python_of_its_own_needs_none() -> None:
    found = check(
        [("wheel", ["cp311-cp311-manylinux_2_28_x86_64"])], Facts("the base", "linux", "amd64"), own_python=True
    )
    assert found.needs == ("glibc>=2.28",)
