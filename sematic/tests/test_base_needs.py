"""What an image says that it needs, looked at when sematic is imported."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

import sematic
from sematic.base_needs import check, own_glibc

PYTHON = (3, 11)


@pytest.mark.parametrize(
    "conditions",
    ["", "python==3.11", "python>=3.8 python>=3.11", "glibc>=2.28", "glibc>=2.36 python==3.11", "moon>=1.2", "python"],
)
def test_what_is_met(conditions: str) -> None:
    check(conditions, PYTHON, (2, 36))


@pytest.mark.parametrize(
    ("conditions", "sentence"),
    [
        ("python==3.10", "built for python==3.10, as its wheels are, and its base has python 3.11"),
        ("python>=3.8 python>=3.12", "built for python>=3.12"),
        ("glibc>=2.37", "its base has glibc 2.36"),
        ("glibc>=3.0 python==3.11", "built for glibc>=3.0"),
    ],
)
def test_what_is_not_met(conditions: str, sentence: str) -> None:
    with pytest.raises(sematic.WrongBase, match=sentence):
        check(conditions, PYTHON, (2, 36))


def test_another_c_library_is_not_judged(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "confstr", lambda name: "musl 1.2", raising=False)
    assert own_glibc() is None
    check("glibc>=99.0", PYTHON)


@pytest.mark.parametrize(("needs", "code"), [("python>=3.9", 0), ("python==3.1", 1)])
def test_importing_sematic_looks(needs: str, code: int) -> None:
    done = subprocess.run(
        [sys.executable, "-c", "import sematic"],
        env={**os.environ, "SEMATIC_BASE_NEEDS": needs, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == code, done.stderr
    assert ("this image was built for python==3.1" in done.stderr) == bool(code)
