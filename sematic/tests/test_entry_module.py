"""``python -m package.main``, where the package itself imports sematic before Python has found its entry module."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from sematic.resolvers.tests.running import environment

MAIN = """
import sematic

@sematic.func(inline=False)
def away(x: int) -> int:
    return x + 1

if __name__ == "__main__":
    from package import main, other
    assert main.away is away and other.main is main
    print(away.path, sematic.resolve(away(1), sematic.LocalResolver(max_parallelism=1)))
"""

NAMED = """
import sematic

@sematic.func
def step(x: int) -> int:
    return x

print(step.path)
"""


@pytest.mark.parametrize("init", ["import sematic", ""])
def test_functions_of_the_entry_module_are_found_by_workers(tmp_path: Path, init: str) -> None:
    package = tmp_path / "package"
    package.mkdir()
    (package / "__init__.py").write_text(init)
    (package / "main.py").write_text(MAIN)
    (package / "other.py").write_text("from package import main")
    ended = subprocess.run(
        [sys.executable, "-W", "error", "-m", "package.main"],
        env=environment(tmp_path / "home"),
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.stdout == "package.main:away 2\n", ended.stderr


def test_the_folder_of_runfiles_is_no_root(tmp_path: Path) -> None:
    """Bazel's programs have it on their path, before the repository's own folder in it."""
    folder = tmp_path / "runfiles/_main/package"
    folder.mkdir(parents=True)
    (folder / "main.py").write_text(NAMED)
    found = environment(tmp_path / "home", RUNFILES_DIR=f"{tmp_path}/runfiles")
    found["PYTHONPATH"] = f"{tmp_path}/runfiles:{tmp_path}/runfiles/_main:{found['PYTHONPATH']}"
    ended = subprocess.run(
        [sys.executable, str(folder / "main.py")],
        env=found,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.stdout == "package.main:step\n", ended.stderr
