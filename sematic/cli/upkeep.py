"""``sematic rm`` and ``sematic gc``."""

from __future__ import annotations

import shutil
import sys
import time
from pathlib import Path

import click

from sematic.cli.finding import find_pipeline_run
from sematic.cli.screen import plural, safe, say, say_json, size
from sematic.engine.records import PipelineRun
from sematic.errors import SematicError
from sematic.ids import ID_LENGTH
from sematic.recorded import SHORT, Record, ledger_exists, pipeline_run_state, run_name

_HOUR = 3600.0


@click.command()
@click.argument("runs", nargs=-1, required=True, metavar="RUN...")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document: removed (ids).")
def rm(runs: tuple[str, ...], yes: bool, as_json: bool) -> None:
    """Forget pipeline runs: their runs and what they printed. `sematic gc` then frees their artifacts."""
    record = Record().for_writing()
    found = list(dict.fromkeys(find_pipeline_run(record, run) for run in runs))
    for each in found:
        if each.owner is not None:
            raise SematicError(f"{_line(each)} cannot be removed while a process runs it: cancel it first")
    if not yes:
        _ask(found)
    for each in found:
        _remove(record, each)
        if not as_json:
            say(f"removed {_line(each)}")
    if as_json:
        say_json({"removed": [each.id for each in found]})


def _ask(found: list[PipelineRun]) -> None:
    if not sys.stdin.isatty():
        raise SematicError("nobody is here to be asked whether to remove: give --yes")
    for each in found:
        click.echo(_line(each), err=True)
    click.confirm(f"Remove {plural(len(found), 'pipeline run')} for good?", abort=True, err=True)


def _line(each: PipelineRun) -> str:
    return f"{each.id[:SHORT]} {safe(run_name(each))} ({pipeline_run_state(each)})"


def _remove(record: Record, each: PipelineRun) -> None:
    record.ledger.remove(each.id)
    for folder in _log_folders(record, each.id):
        shutil.rmtree(folder, ignore_errors=True)


def _log_folders(record: Record, id: str) -> list[Path]:
    """Of its own process and of its workers."""
    return [folder for folder in record.home.logs.glob(f"{id}*") if folder.is_dir()]


@click.command()
@click.option("--keep", default=24.0, show_default=True, metavar="HOURS", help="Spare what is younger than this.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document: blobs, bytes, logs.")
def gc(keep: float, as_json: bool) -> None:
    """Free what no run refers to any more.

    That is artifacts, and the output of removed runs.
    """
    if keep < 0:
        raise click.BadParameter("hours cannot be negative", param_hint="--keep")
    if not ledger_exists():
        blobs = freed = logs = 0
    else:
        record = Record().for_writing()
        blobs, freed = record.ledger.collect(keep * _HOUR)
        logs = _sweep_logs(record, time.time() - keep * _HOUR)
    if as_json:
        say_json({"blobs": blobs, "bytes": freed, "logs": logs})
    else:
        say(f"freed {plural(blobs, 'blob')} ({size(freed)}) and the output of {plural(logs, 'removed run')}")


def _sweep_logs(record: Record, oldest: float) -> int:
    """Remove the folders of pipeline runs that were removed; how many."""
    count = 0
    for folder in list(record.home.logs.glob("*/")):
        if folder.stat().st_mtime <= oldest and not _is_recorded(record, folder.name[:ID_LENGTH]):
            shutil.rmtree(folder, ignore_errors=True)
            count += not folder.exists()
    return count


def _is_recorded(record: Record, id: str) -> bool:
    try:
        record.ledger.pipeline_run(id)
    except KeyError:
        return False
    return True
