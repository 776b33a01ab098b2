"""The ``sematic`` command."""

from sematic.cli.app import cli, main

__all__ = ["cli", "main"]
