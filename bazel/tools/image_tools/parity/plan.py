"""What the gate is asked to test."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

APP = "/app"


class ParityError(Exception):
    """The test cannot be made; the message says why and what to do."""


@dataclass(frozen=True)
class Plan:
    """One test: what the image of `target` adds to its base, and how a container of it starts.

    `main` is main.py's path below the folder of runfiles, in the image and here. `args` None: only what can be found
    out without running it.
    """

    target: str
    main: str
    main_file: Path
    args: list[str] | None
    blobs: tuple[Path, ...]
    env: dict[str, str]
    working_dir: str

    @property
    def repository(self) -> str:
        """The folder of /app/src that main.py's repository is in."""
        return self.main.partition("/")[0]


def read_plan(path: str, runfiles: Path) -> Plan:
    """The plan that the rule wrote. The paths in it are below `runfiles`."""
    fields = _read(path)
    return Plan(
        target=fields["target"],
        main=fields["main"],
        main_file=runfiles / fields["main"],
        args=fields["test_args"],
        blobs=tuple(runfiles / blob for blob in fields["layers"]),
        env=fields["env"],
        working_dir=fields["working_dir"],
    )


def _read(path: str) -> dict[str, Any]:
    try:
        fields = json.loads(Path(path).read_bytes())
    except OSError as error:
        raise ParityError(f"{path} cannot be read: {error.strerror}.") from None
    except ValueError as error:
        raise ParityError(f"{path} is no plan of a test: {error}.") from None
    if not isinstance(fields, dict):
        raise ParityError(f"{path} is no plan of a test: it holds no JSON object.")
    return fields
