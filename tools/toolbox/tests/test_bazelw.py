"""bazelw from the outside: with the user's Bazel it is that Bazel, and a refusal is one line."""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[3]
BAZEL = '[ "$1" = --version ] && { echo bazel 7.7.1; exit; }\n'


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    (tmp_path / "bin").mkdir()
    return {
        "PATH": f"{tmp_path / 'bin'}:/usr/bin:/bin",
        "HOME": str(tmp_path),
        "SEMATIC_TOOLBOX_DIR": str(tmp_path / "toolbox"),
    }


def bazel(environment: dict[str, str], script: str) -> None:
    path = Path(environment["HOME"], "bin", "bazel")
    path.write_text(f"#!/bin/sh\n{BAZEL}{script}\n")
    path.chmod(0o755)


def test_arguments_folder_input_and_exit_code_pass_unchanged(environment: dict[str, str], tmp_path: Path) -> None:
    bazel(environment, 'printf "<%s>" "$@"; pwd; cat; exit 7')
    done = subprocess.run(
        [REPOSITORY / "bazelw", "run", "//x", "--", "a b", "", "$HOME", "*"],
        cwd=tmp_path,
        env=environment,
        input="from stdin",
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout == f"<run><//x><--><a b><><$HOME><*>{tmp_path}\nfrom stdin"
    assert done.stderr == ""
    assert done.returncode == 7


def test_it_becomes_bazel(environment: dict[str, str]) -> None:
    bazel(environment, "echo $$; exec sleep 60")
    started = subprocess.Popen([REPOSITORY / "bazelw", "build"], env=environment, stdout=subprocess.PIPE, text=True)
    assert started.stdout is not None
    assert int(started.stdout.readline()) == started.pid
    started.send_signal(signal.SIGTERM)
    assert started.wait(30) == -signal.SIGTERM
    started.stdout.close()


@pytest.mark.skipif(os.geteuid() != 0 or not Path("/etc/debian_version").exists(), reason="another refusal comes first")
def test_a_refusal_is_one_line(environment: dict[str, str]) -> None:
    environment["http_proxy"] = environment["https_proxy"] = "http://127.0.0.1:9"
    done = subprocess.run([REPOSITORY / "bazelw", "info"], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.startswith("bazelw: ") and done.stderr.count("\n") == 1
    assert "cannot be reached" in done.stderr or "GB free" in done.stderr
