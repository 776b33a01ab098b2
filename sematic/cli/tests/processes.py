"""The command and the test pipelines as processes of their own."""

from __future__ import annotations

import subprocess
import sys

from sematic.cli.tests import pipelines


def command(*arguments: str) -> list[str]:
    """The command line of ``sematic``."""
    return [sys.executable, "-m", "sematic.cli", *arguments]


def program(name: str, n: int) -> list[str]:
    """The command line of a program that resolves a pipeline."""
    return [sys.executable, "-m", pipelines.__name__, name, str(n)]


def finished(arguments: list[str]) -> subprocess.CompletedProcess[str]:
    """A process that ran to its end."""
    return subprocess.run(arguments, capture_output=True, text=True, timeout=60)
