"""Programs that tests start and that not every machine has: from the toolbox, else from PATH."""

from __future__ import annotations

import json
import os
from functools import cache
from pathlib import Path

from tools.toolbox.groups import GROUPS, Group, commands
from tools.toolbox.toolbox import Toolbox


class MissingProgram(Exception):
    """Neither the toolbox nor PATH has it."""


class MissingRights(Exception):
    """Who runs the tests may not do what they need."""


def check_root(what: str) -> None:
    """Raises MissingRights for anybody else."""
    if os.geteuid() != 0:
        raise MissingRights(f"{what} can be made by root alone: start this test as root, outside of a sandbox.")


def program(name: str) -> list[str]:
    """The command that starts a program of one of the toolbox's groups; its arguments come after."""
    group = next(group for group in GROUPS.values() if name in group.programs)
    command = _commands(group).get(name)
    if command is None:
        raise MissingProgram(
            f"{name} is not on PATH: install it (on Debian it is in one of {', '.join(group.packages)}), or start the "
            "tests as root with ./bazelw on a Debian without a Bazel of its own, which installs it."
        )
    return command


Commands = dict[str, list[str] | None]


@cache
def _commands(group: Group) -> Commands:
    """Under Bazel a repository rule has asked the toolbox; a test's own home knows of none."""
    asked = Path(__file__).with_name(f"{group.name}.json")
    if asked.exists():
        found: Commands = json.loads(asked.read_text())
        return found
    return commands(Toolbox.here(), group)
