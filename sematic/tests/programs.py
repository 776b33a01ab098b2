"""Programs of users: written to a folder, started as processes of their own, their record read afterwards."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from textwrap import dedent
from typing import Any

from sematic.engine.records import Run
from sematic.home import Home


class Programs:
    """A folder of files, a SEMATIC_HOME, and processes started in the one that record in the other."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "user"
        self.folder.mkdir()
        self.home = folder / "home"

    def write(self, **files: str) -> None:
        """Files by name (``__`` stands for a slash), ``.py`` where no ending is given."""
        for name, text in files.items():
            path = self.folder / f"{name.replace('__', '/')}.py"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(dedent(text))

    def environment(self, **more: str) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("SEMATIC_", "PYTHONSAFE"))}
        path = os.pathsep.join(sys.path)
        return {**kept, "SEMATIC_HOME": str(self.home), "SEMATIC_PROGRESS": "quiet", "PYTHONPATH": path, **more}

    def start(self, *arguments: str, environment: dict[str, str] | None = None, **more: Any) -> subprocess.Popen[str]:
        given: dict[str, Any] = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        given |= {"text": True, "cwd": self.folder, "env": self.environment(**(environment or {})), **more}
        return subprocess.Popen([sys.executable, *arguments], **given)

    def run(self, *arguments: str, input: str | None = None, **more: Any) -> subprocess.CompletedProcess[str]:
        """A program that ran to its end."""
        if input is not None:
            more["stdin"] = subprocess.PIPE
        with self.start(*arguments, **more) as process:
            out, err = process.communicate(input, timeout=120)
        return subprocess.CompletedProcess(arguments, process.returncode, out, err)

    def good(self, *arguments: str, **more: Any) -> str:
        """What a program printed that must succeed, without the last line's end."""
        done = self.run(*arguments, **more)
        assert done.returncode == 0, done.stderr
        return done.stdout.removesuffix("\n") if done.stdout else ""

    def bad(self, *arguments: str, **more: Any) -> str:
        """The error of a program that must fail, without its notes."""
        done = self.run(*arguments, **more)
        assert done.returncode == 1, (done.returncode, done.stderr)
        said = done.stderr.partition("In the process that ran it:")[0]
        return next(line for line in reversed(said.splitlines()) if re.match(r"[\w.]+: ", line))

    def runs(self) -> dict[str, list[Run]]:
        """All runs of the only pipeline run, by function."""
        found: dict[str, list[Run]] = {}
        with Home(self.home) as home:
            (pipeline_run,) = home.ledger.pipeline_runs()
            for run in home.ledger.runs(pipeline_run.id):
                found.setdefault(run.function.partition(":")[2], []).append(run)
        return found

    def states(self) -> list[str]:
        """The states of all pipeline runs, newest first."""
        with Home(self.home) as home:
            return [str(each.state) for each in home.ledger.pipeline_runs()]

    def output(self) -> tuple[str, str]:
        """What all runs of the only pipeline run printed: stdout and stderr."""
        from sematic.attempts.output import read_output

        texts = [b"", b""]
        with Home(self.home) as home:
            attempts = [a for runs in self.runs().values() for run in runs for a in home.ledger.attempts(run.id)]
            for attempt in sorted(attempts, key=lambda attempt: attempt.started_at or 0.0):
                out, err = read_output(home.logs, attempt.log)
                texts = [texts[0] + out, texts[1] + err]
        return texts[0].decode(), texts[1].decode()
