"""What pytest_test's runner makes of the environment that Bazel gives a test."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

RUNNER = Path(__file__).with_name("pytest_runner.py")
CASES = "def test_one(): pass\ndef test_two(): pass\ndef test_three(): assert False\n"


def run(folder: Path, text: str, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    (folder / "test_it.py").write_text(text)
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("TEST", "XML"))}
    return subprocess.run(
        [sys.executable, RUNNER, "test_it.py", *arguments],
        cwd=folder,
        env={**kept, "PYTHONPATH": os.pathsep.join(sys.path), **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_closing_line_and_the_code_are_pytests(tmp_path: Path) -> None:
    done = run(tmp_path, CASES)
    assert done.returncode == 1
    assert "1 failed, 2 passed in" in done.stdout.splitlines()[-1]


def test_bazels_filter_is_dash_k(tmp_path: Path) -> None:
    done = run(tmp_path, CASES, TESTBRIDGE_TEST_ONLY="one or two")
    assert done.returncode == 0
    assert "2 passed, 1 deselected" in done.stdout


@pytest.mark.parametrize(("environment", "code"), [({}, 5), ({"TESTBRIDGE_TEST_ONLY": "other"}, 0)])
def test_no_test_is_a_failure_unless_asked_for(tmp_path: Path, environment: dict[str, str], code: int) -> None:
    text = "def test_one(): pass" if environment else "x = 1"
    assert run(tmp_path, text, **environment).returncode == code


def test_further_arguments_reach_pytest(tmp_path: Path) -> None:
    assert run(tmp_path, CASES, "-k", "one").returncode == 0


def test_results_are_written_where_bazel_looks(tmp_path: Path) -> None:
    run(tmp_path, CASES, XML_OUTPUT_FILE=str(tmp_path / "out.xml"))
    assert 'tests="3"' in (tmp_path / "out.xml").read_text()


def test_shards_divide_the_cases(tmp_path: Path) -> None:
    ran = []
    for index in range(4):
        status = tmp_path / f"status {index}"
        done = run(
            tmp_path,
            "import pytest\n@pytest.mark.parametrize('n', range(3))\ndef test_it(n): print(f'case {n} ran')\n",
            "-s",
            TEST_TOTAL_SHARDS="4",
            TEST_SHARD_INDEX=str(index),
            TEST_SHARD_STATUS_FILE=str(status),
        )
        assert done.returncode == 0
        assert status.exists()
        ran += [n for n in range(3) if f"case {n} ran" in done.stdout]
    assert sorted(ran) == [0, 1, 2]


def test_home_is_below_the_scratch_folder(tmp_path: Path) -> None:
    text = "import os\ndef test_it(): print([os.environ[n] for n in ('HOME', 'TMPDIR', 'SEMATIC_HOME')])\n"
    done = run(tmp_path, text, "-s", TEST_TMPDIR=str(tmp_path / "scratch"))
    assert done.stdout.count(str(tmp_path / "scratch")) == 3
