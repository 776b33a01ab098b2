"""The group of commands. Each is imported when it is asked for, so that `sematic ls` loads only what it needs."""

from __future__ import annotations

import errno
import os
import sys
from importlib import import_module
from typing import IO, Any, NoReturn

import click

from sematic.cli.screen import safe
from sematic.errors import SematicError

_COMMANDS = {
    "ls": "listing",
    "show": "show",
    "logs": "logs",
    "artifact": "artifacts",
    "source": "logs",
    "resume": "again",
    "rerun": "again",
    "cancel": "cancel",
    "rm": "upkeep",
    "gc": "upkeep",
    "start": "serving",
    "stop": "serving",
    "status": "serving",
    "token": "tokens",
    "settings": "configure",
    "version": "configure",
}
"""The module in which each command is, in the order of --help."""


class Failed(click.ClickException):
    """An error as one sentence on stderr; exit code 1."""

    def show(self, file: IO[Any] | None = None) -> None:
        click.echo(f"sematic: error: {safe(self.message, keep=chr(10))}", file or sys.stderr)


class App(click.Group):
    """Commands by name; what goes wrong in them is said in a sentence."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """In the order of `_COMMANDS`."""
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Imported now."""
        if cmd_name not in _COMMANDS:
            return None
        command: click.Command = getattr(import_module(f"sematic.cli.{_COMMANDS[cmd_name]}"), cmd_name)
        return command

    def invoke(self, ctx: click.Context) -> Any:
        """With SEMATIC_DEBUG set, errors come out as they are."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            raise click.exceptions.Exit(130) from None
        except (SematicError, OSError) as error:
            if os.environ.get("SEMATIC_DEBUG") or getattr(error, "errno", None) == errno.EPIPE:
                raise
            raise Failed(str(error)) from error


@click.group(cls=App, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
def cli() -> None:
    """Look at pipeline runs, take them up again, and tidy up.

    RUN and ID are the first digits of an id, as many as make it unique; as RUN, `last` is the newest pipeline run.
    Everything is kept under $SEMATIC_HOME (~/.sematic). On a terminal the output is for people; on a pipe it is plain
    and stable, one tab between columns; --json is for programs. SEMATIC_DEBUG=1 shows tracebacks of errors.
    """


def main() -> NoReturn:
    """The console script."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")  # a terminal that lacks a letter is no reason to fail
    sys.exit(cli(prog_name="sematic"))
