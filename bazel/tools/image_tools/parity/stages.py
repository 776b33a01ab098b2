"""The processes of a test: main.py as a program, then a process that imports it as a worker does."""

from __future__ import annotations

import json
import os
import subprocess
import time
from typing import Any

from image_tools.parity.plan import Plan
from image_tools.parity.rootfs import Root

Line = dict[str, Any]


class Stages:
    """Runs stages in the image's files; what they see is in the `journal`."""

    def __init__(self, plan: Plan, root: Root) -> None:
        self._plan = plan
        self._root = root
        self._journal = root.scratch / "journal"
        self._journal.touch()
        self._settings = root.scratch / "watch.json"
        self._environment = {**root.environment(), "SEMATIC_PARITY": str(self._settings)}
        self._settings.write_text(json.dumps(self._watch_settings()))

    def run(self) -> None:
        """main.py with the test's arguments."""
        self._start("run", self._plan.args or [], [])

    def import_it(self) -> None:
        """main.py as a worker imports it: with the arguments that the program was started with."""
        called = [each for line in self.journal() if line["kind"] == "ran" for each in line["called"]]
        self._start("import", self._plan.args or [], called)

    def journal(self) -> list[Line]:
        """Everything that was seen so far."""
        return [json.loads(line) for line in self._journal.read_text().splitlines()]

    def _start(self, stage: str, arguments: list[str], called: list[Any]) -> None:
        main = self._root.source / self._plan.main
        request = {"stage": stage, "main": str(main)}
        request_file = self._root.scratch / f"{stage}.json"
        request_file.write_text(json.dumps({**request, "arguments": arguments, "called": called}))
        command = [str(self._root.python), str(self._root.tools / "sematic_parity_stage.py"), str(request_file)]
        code = subprocess.run(command, cwd=self._root.working_dir, env=self._environment).returncode
        if not any(line["kind"] == "end" and line["stage"] == stage for line in self.journal()):
            self._note({"kind": "died", "stage": stage, "code": code, "file": str(main), "line": 1})

    def _note(self, line: Line) -> None:
        with open(self._journal, "a") as journal:
            journal.write(json.dumps(line) + "\n")

    def _watch_settings(self) -> dict[str, Any]:
        root = self._root
        paths = self._environment.get("PYTHONPATH", "").split(os.pathsep)
        return {
            "root": str(root.root),
            "scratch": str(root.scratch),
            "journal": str(self._journal),
            # Sematic may be built from sources beside the user's own.
            "libraries": [f"{path}/sematic/" for path in paths if os.path.isfile(f"{path}/sematic/__init__.py")],
            "begun_ns": time.time_ns(),
        }
