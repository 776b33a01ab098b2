"""The main program of every pytest_test: pytest, with what Bazel says about the test passed on to it."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest


class Shard:
    """Leaves the test cases of one shard: every so-many-th of them."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self.index = int(environment.get("TEST_SHARD_INDEX", "0"))
        self.total = int(environment.get("TEST_TOTAL_SHARDS", "1"))
        if "TEST_SHARD_STATUS_FILE" in environment:
            Path(environment["TEST_SHARD_STATUS_FILE"]).touch()  # Tells Bazel that shards are understood here.

    def pytest_collection_modifyitems(self, config: pytest.Config, items: list[pytest.Item]) -> None:
        mine = items[self.index :: self.total]
        config.hook.pytest_deselected(items=[item for item in items if item not in mine])
        items[:] = mine


def settle_environment(scratch: Path) -> None:
    """Tests write below Bazel's scratch folder: nobody's home, nobody's ~/.sematic."""
    for name, folder in {"HOME": "home", "TMPDIR": "tmp", "SEMATIC_HOME": "sematic"}.items():
        path = scratch / folder
        path.mkdir(parents=True, exist_ok=True)
        os.environ[name] = str(path)
    os.environ.pop("PYTHONSAFEPATH", None)  # for the runner's own start: programs that tests start find their folder


def arguments(given: list[str], environment: Mapping[str, str]) -> list[str]:
    """pytest's command line. Bazel's --test_filter is pytest's -k, its --test_runner_fail_fast is -x."""
    chosen = ["-p", "no:cacheprovider", "--import-mode=importlib", "--rootdir=.", "-ra", "--color=no"]
    if "XML_OUTPUT_FILE" in environment:
        chosen.append(f"--junitxml={environment['XML_OUTPUT_FILE']}")
    if environment.get("TESTBRIDGE_TEST_ONLY"):
        chosen += ["-k", environment["TESTBRIDGE_TEST_ONLY"]]
    if environment.get("TESTBRIDGE_TEST_RUNNER_FAIL_FAST") == "1":
        chosen.append("-x")
    return chosen + given


def exit_code(of_pytest: int, shard: Shard, environment: Mapping[str, str]) -> int:
    """No test is a failure, except where the caller's filter or the shard left none."""
    left_none = environment.get("TESTBRIDGE_TEST_ONLY") or shard.total > 1
    return 0 if of_pytest == pytest.ExitCode.NO_TESTS_COLLECTED and left_none else of_pytest


def main() -> int:
    scratch = os.environ.get("TEST_TMPDIR")
    if scratch:
        settle_environment(Path(scratch))
    shard = Shard(os.environ)
    code = pytest.main(arguments(sys.argv[1:], os.environ), plugins=[shard])
    return exit_code(code, shard, os.environ)


if __name__ == "__main__":
    sys.exit(main())
