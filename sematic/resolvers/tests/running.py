"""Pipelines in processes of their own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from types import TracebackType

PRELUDE = """
import sys
import sematic
from sematic.resolvers.tests import steps
"""


def environment(home: Path, **variables: str) -> dict[str, str]:
    """What a process needs to find us, and nothing of ours that would lead it elsewhere."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("SEMATIC_", "BUILD_"))}
    path = os.pathsep.join(entry for entry in sys.path if entry)
    return {**kept, "PYTHONPATH": path, "SEMATIC_HOME": str(home), "PYTHONDONTWRITEBYTECODE": "1", **variables}


def run(home: Path, code: str, *, folder: Path | None = None, **variables: str) -> subprocess.CompletedProcess[str]:
    """The end of a program."""
    return subprocess.run(
        [sys.executable, "-c", PRELUDE + code],
        env=environment(home, **variables),
        cwd=folder or home.parent,
        capture_output=True,
        text=True,
        check=False,
    )


class Waiting:
    """A program whose body waits for the test: see `steps.wait_for_test`."""

    def __init__(self, home: Path, code: str) -> None:
        self._here, here = os.pipe()
        go, self._go = os.pipe()
        self.process = subprocess.Popen(
            [sys.executable, "-c", PRELUDE + code],
            env=environment(home, HERE=str(here), GO=str(go)),
            cwd=home.parent,
            pass_fds=(here, go),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        os.close(here)
        os.close(go)

    def __enter__(self) -> Waiting:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.process.kill()
        self.process.communicate()
        os.close(self._here)
        os.close(self._go)

    def until_it_waits(self) -> None:
        said = os.read(self._here, 5)
        assert said == b"here\n", self.process.communicate()

    def go_on(self) -> None:
        os.write(self._go, b".")

    def end(self) -> tuple[int, str, str]:
        out, err = self.process.communicate()
        return self.process.returncode, out, err


def tree(folder: Path) -> list[str]:
    """Everything in a folder."""
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))
