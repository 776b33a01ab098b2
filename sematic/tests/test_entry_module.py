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
