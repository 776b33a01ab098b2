"""The processes of a test: main.py as a program, then a process that imports it as a worker does."""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Sequence
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
        self._start("run")

    def import_it(self) -> None:
        """main.py as driver and worker import it, with the arguments that the program was started with; and once more
        each function that ran, in a process of the kind that it would run in."""
        journal = self.journal()
        called = [each for line in journal if line["kind"] == "ran" for each in line["called"]]
        calls = [line for line in journal if line["kind"] == "call"]
        self._start("import", called, [line for line in calls if line["inline"]])
        imported = any(line["kind"] == "checked" for line in self.journal())
        if imported and (away := [line for line in calls if not line["inline"]]):
            self._start("work", called, away)

    def journal(self) -> list[Line]:
        """Everything that was seen so far."""
        return [json.loads(line) for line in self._journal.read_text().splitlines()]

    def _start(self, stage: str, called: Sequence[Any] = (), calls: Sequence[Line] = ()) -> None:
        main = self._root.source / self._plan.main
        request = {
            "stage": stage,
            "main": str(main),
            "arguments": self._plan.args or [],
            "called": called,
            "calls": [(line["path"], line["file"]) for line in calls],
            "calls_folder": str(self._root.calls),
        }
        request_file = self._root.scratch / f"{stage}.json"
        request_file.write_text(json.dumps(request))
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
