"""``sematic resume`` and ``sematic rerun``: start the recorded program again, with a wish in its environment."""

from __future__ import annotations

import json
import os
import shlex
import sys
from pathlib import Path
from typing import Any, NoReturn

import click

from sematic import settings
from sematic.cli.finding import LAST, find_pipeline_run, find_run
from sematic.engine.records import PipelineRun
from sematic.engine.states import State
from sematic.errors import ResumeError
from sematic.recorded import SHORT, Record
from sematic.resolvers.program import ENVIRONMENT
from sematic.resolvers.resume import RERUN, RESUME, Wish, find_wanted


@click.command()
@click.argument("run", default=LAST)
def resume(run: str) -> None:
    """Go on with a pipeline run.

    What succeeded is loaded, only the rest runs. The recorded command is started again, in its folder. Without RUN
    (or with `last`) it is the last pipeline run that did not succeed. One that was interrupted goes on under its id;
    of one that failed or was canceled a new one takes over the results. The exit code is the program's.
    """
    record = Record()
    found = _last_unfinished(record) if run == LAST else find_pipeline_run(record, run)
    find_wanted(record.ledger, Wish(found.id, None, False), found.function)
    _start(record, found, RESUME, found.id)


@click.command()
@click.argument("run")
@click.option("--from", "again_from", metavar="RUN", help="Run this run again, and what depends on it.")
def rerun(run: str, again_from: str | None) -> None:
    """Run a part of a pipeline run again.

    A new pipeline run takes over what succeeded in RUN, up to the run that --from names. The recorded command is
    started again, in its folder; the exit code is the program's.
    """
    record = Record()
    found = find_pipeline_run(record, run)
    first = _run_of(record, found, again_from) if again_from is not None else None
    find_wanted(record.ledger, Wish(found.id, first, True), found.function)
    _start(record, found, RERUN, f"{found.id}/{first}" if first else found.id)


def _last_unfinished(record: Record) -> PipelineRun:
    """The last that failed, was canceled or interrupted: one that still runs is not meant."""
    found = record.pipeline_runs(wanted=lambda each: each.state is not State.RESOLVED, page=20)
    for each in found:
        if each.owner is None:
            return each
    raise ResumeError("no pipeline run is left to resume: each one succeeded, or is running")


def _run_of(record: Record, pipeline_run: PipelineRun, prefix: str) -> str:
    ids = [run.id for run in record.runs(pipeline_run.id) if run.id.startswith(prefix.lower())]
    if len(ids) == 1:
        return ids[0]
    run = find_run(record, prefix) if not ids else None
    if run is not None:
        raise ResumeError(
            f"{run.id[:SHORT]} is not in pipeline run {pipeline_run.id[:SHORT]}: `sematic show` lists its runs"
        )
    raise ResumeError(f"{prefix} could be several runs of {pipeline_run.id[:SHORT]}; give more of it")


def _start(record: Record, pipeline_run: PipelineRun, variable: str, wish: str) -> NoReturn:
    command: dict[str, Any] = json.loads(pipeline_run.command or "{}")
    record.close()
    by_hand = _by_hand(command, variable, wish)
    _check(command, by_hand)
    environment = {name: value for name, value in os.environ.items() if name not in (RESUME, RERUN, *ENVIRONMENT)}
    environment |= {**command.get("environment", {}), variable: wish, "SEMATIC_HOME": str(settings.home())}
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    try:
        os.chdir(command["folder"])
        os.execve(command["executable"], [command["executable"], *command["arguments"]], environment)
    except OSError as error:
        raise ResumeError(f"the recorded program cannot be started ({error.strerror}). {by_hand}") from error


def _check(command: dict[str, Any], by_hand: str) -> None:
    """Refuse to start what is not there any more. A module (-m) is recorded by its file as well."""
    if not command.get("executable"):
        raise ResumeError(f"no command is recorded by which its program could be started. {by_hand}")
    folder = Path(command["folder"])
    script = command["argv"][0] if command.get("argv") else ""
    if script in ("", "-"):
        raise ResumeError(
            f"the program was typed into a console or read from a pipe: it is not there any more. {by_hand}"
        )
    needed = {"folder": folder, "Python": folder / command["executable"]}
    if script not in ("-c", "-m"):
        needed["program"] = folder / script
    for what, path in needed.items():
        if not path.exists():
            raise ResumeError(f"the recorded {what} {path} is gone. {by_hand}")


def _by_hand(command: dict[str, Any], variable: str, wish: str) -> str:
    """What a person types instead."""
    if command.get("target"):
        program = shlex.join(["bazel", "run", command["target"], "--", *command.get("argv", [""])[1:]]).removesuffix(
            " --"
        )
    else:
        program = "<your program>"
    return f"Start it by hand: {variable}={wish} {program}"
