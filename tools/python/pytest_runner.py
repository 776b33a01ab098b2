"""The main program of every pytest_test: pytest, with what Bazel says about the test passed on to it."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest


def settle_environment(scratch: Path) -> None:
    """Tests write below Bazel's scratch folder: nobody's home, nobody's ~/.sematic."""
    for name, folder in {"HOME": "home", "TMPDIR": "tmp", "SEMATIC_HOME": "sematic"}.items():
        path = scratch / folder
        path.mkdir(parents=True, exist_ok=True)
        os.environ[name] = str(path)


def arguments(given: list[str], environment: dict[str, str]) -> list[str]:
    """pytest's command line. Bazel's --test_filter is pytest's -k."""
    chosen = ["-p", "no:cacheprovider", "--import-mode=importlib", "-ra", "--color=no"]
    if "XML_OUTPUT_FILE" in environment:
        chosen.append(f"--junitxml={environment['XML_OUTPUT_FILE']}")
    if environment.get("TESTBRIDGE_TEST_ONLY"):
        chosen += ["-k", environment["TESTBRIDGE_TEST_ONLY"]]
    return chosen + given


def main() -> int:
    scratch = os.environ.get("TEST_TMPDIR")
    if scratch:
        settle_environment(Path(scratch))
    return int(pytest.main(arguments(sys.argv[1:], dict(os.environ))))


if __name__ == "__main__":
    sys.exit(main())
