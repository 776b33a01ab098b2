"""What program this is: its command line, folder, target and git state, so that a record can be told apart and
resumed."""

from __future__ import annotations

import json
import os
import sys
from typing import TYPE_CHECKING, Any

from sematic import entry, images

if TYPE_CHECKING:
    import subprocess


ENVIRONMENT = (
    "PYTHONPATH",
    "RUNFILES_DIR",
    "RUNFILES_MANIFEST_FILE",
    "BUILD_WORKSPACE_DIRECTORY",
    "BUILD_WORKING_DIRECTORY",
    images.TARGET,
)
"""Variables without which the same command would not find its modules, files or repository again."""

WAIT_SECONDS = 0.5
"""How long the end of a pipeline run waits for git: what is not known by then is not recorded."""


def command() -> str:
    """JSON of how this program was started: enough to start it again."""
    return json.dumps(
        {
            "executable": sys.executable,
            "arguments": sys.orig_argv[1:],
            "argv": list(map(str, sys.argv)),
            "folder": entry.started_in,
            "working_folder": entry.working_folder(),
            "entry": entry.main_module_name(),
            "path": entry.import_path(),
            "environment": {name: os.environ[name] for name in ENVIRONMENT if name in os.environ},
            "target": os.environ.get(images.TARGET) or os.environ.get("BAZEL_TARGET"),
            "workspace": os.environ.get("BUILD_WORKSPACE_DIRECTORY"),
            "python": sys.version.split()[0],
        }
    )


class GitState:
    """The commit and whether the tree is dirty, found by git itself beside the first runs: in a large repository
    `git status` takes its time."""

    def __init__(self) -> None:
        folder = os.environ.get("BUILD_WORKSPACE_DIRECTORY") or entry.working_folder()
        self._processes = [
            self._start(folder, "rev-parse", "HEAD", "--abbrev-ref", "HEAD"),
            self._start(folder, "status", "--porcelain", "--untracked-files=no"),
        ]

    def ready(self) -> bool:
        return all(process is None or process.poll() is not None for process in self._processes)

    def read(self, seconds: float = WAIT_SECONDS) -> str | None:
        """JSON ``{branch, commit, dirty}``; None where there is no git or no repository."""
        head, status = (_output(process, seconds) for process in self._processes)
        if head is None or len(lines := head.split()) != 2:
            return None
        commit, branch = lines
        return json.dumps({"branch": branch, "commit": commit, "dirty": None if status is None else bool(status)})

    @staticmethod
    def _start(folder: str, *arguments: str) -> subprocess.Popen[str] | None:
        import subprocess

        environment = {**os.environ, "GIT_OPTIONAL_LOCKS": "0"}
        pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL, "stdin": subprocess.DEVNULL}
        pipes |= {"encoding": "utf-8", "errors": "replace"}  # whatever the locale, and the name of a branch
        try:
            return subprocess.Popen(["git", "-C", folder, *arguments], env=environment, **pipes)
        except OSError:
            return None


def _output(process: subprocess.Popen[str] | None, seconds: float) -> str | None:
    import subprocess

    if process is None:
        return None
    try:
        text, _ = process.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        assert process.stdout is not None
        process.stdout.close()  # not read to its end: what git started may hold it open
        return None
    return text if process.returncode == 0 else None
