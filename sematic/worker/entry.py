"""Making a worker see what the program sees: its modules, its arguments, its flags."""

from __future__ import annotations

import importlib
import json
import os
import sys
from contextlib import suppress
from typing import Any

from sematic import entry


def enter_program(command: str) -> None:
    """Set folder, sys.argv and sys.path as recorded, import the entry module under its real name, and load the
    arguments into absl's flags where the program uses them, so that a body sees the same under every resolver."""
    recorded: dict[str, Any] = json.loads(command)
    entry.worker_of = recorded["entry"]
    sys.argv[:] = recorded["argv"]
    sys.path[:] = recorded["path"]
    with suppress(OSError):  # a folder that is gone: the body says so if it needs it
        os.chdir(recorded["working_folder"])
    if recorded["entry"] not in ("__main__", "-c"):
        importlib.import_module(recorded["entry"])
    flags = sys.modules.get("absl.flags")
    if flags is not None:
        flags.FLAGS(sys.argv, known_only=True)
