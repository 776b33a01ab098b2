"""``sematic cancel``."""

from __future__ import annotations

import json
import os
import signal
import time

import click

from sematic.cli.finding import find_pipeline_run
from sematic.cli.screen import say, say_json
from sematic.engine.changes import Change, OwnerTaken, PipelineRunMoved, RestCanceled
from sematic.engine.records import PipelineRun
from sematic.engine.states import TERMINAL, State
from sematic.errors import Fenced, SematicError
from sematic.ledger.owner import alive, current_owner, settle
from sematic.recorded import SHORT, Record

_POLL_SECONDS = 0.05


@click.command()
@click.argument("run")
@click.option("--timeout", default=30.0, show_default=True, help="Seconds to wait until it has stopped.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document: id, state.")
def cancel(run: str, timeout: float, as_json: bool) -> None:
    """Cancel a pipeline run.

    The process that runs it is asked to stop, as by Ctrl-C, and records what it finished. One that was interrupted is
    marked as canceled.
    """
    record = Record().for_writing()
    found = find_pipeline_run(record, run)
    ended = _canceled(record, found, time.monotonic() + timeout)
    if ended.state is not State.CANCELED:
        raise SematicError(f"pipeline run {ended.id[:SHORT]} cannot be canceled: it ended {ended.state}")
    if as_json:
        say_json({"id": ended.id, "state": ended.state})
    else:
        say(f"canceled {ended.id[:SHORT]}")


def _canceled(record: Record, found: PipelineRun, deadline: float) -> PipelineRun:
    """The pipeline run when it has ended, by our doing or in another way."""
    if found.state in TERMINAL:
        raise SematicError(f"pipeline run {found.id[:SHORT]} cannot be canceled: it ended {found.state} before")
    asked = None
    while found.state not in TERMINAL:
        if found.owner is None:
            _mark(record, found)
        elif found.owner != asked:
            _ask(found, found.owner)
            asked = found.owner
        elif time.monotonic() > deadline:
            raise _too_slow(found)
        else:
            time.sleep(_POLL_SECONDS)
        found = settle(record.ledger, record.ledger.pipeline_run(found.id))
    return found


def _mark(record: Record, found: PipelineRun) -> None:
    """Nobody runs it: record that it is canceled, unless somebody takes it up right now."""
    now, owner = time.time(), current_owner()
    changes: list[Change] = [
        OwnerTaken(None, owner, now),
        RestCanceled(now),
        PipelineRunMoved(State.CANCELED, now, owner),
    ]
    try:
        record.ledger.commit(found.id, changes)
    except Fenced:
        return  # the loop looks again


def _ask(found: PipelineRun, by: str) -> None:
    """Send Ctrl-C to the process that runs it, and to no other that has its number by now."""
    owner = json.loads(by)
    if alive(by) is None:
        raise SematicError(
            f"pipeline run {found.id[:SHORT]} runs on {owner.get('host', 'another machine')} (pid {owner.get('pid')}), "
            "which cannot be reached from here: cancel it there"
        )
    try:
        _interrupt(owner["pid"], by)
    except ProcessLookupError:
        return  # it ended just now; the loop finds out how
    except PermissionError as error:
        raise SematicError(
            f"pipeline run {found.id[:SHORT]} is run by another user (pid {owner['pid']}), who has to cancel it"
        ) from error


def _interrupt(pid: int, owner: str) -> None:
    if not hasattr(os, "pidfd_open"):
        os.kill(pid, signal.SIGINT)
        return
    handle = os.pidfd_open(pid)
    try:
        if alive(owner):  # looked at while we hold the process: the number cannot change hands
            signal.pidfd_send_signal(handle, signal.SIGINT)
    finally:
        os.close(handle)


def _too_slow(found: PipelineRun) -> SematicError:
    pid = json.loads(found.owner or "{}").get("pid")
    return SematicError(
        f"pipeline run {found.id[:SHORT]} was asked to stop and has not yet: its function may be busy in foreign code. "
        f"It stops as soon as it can; to end its process now: kill -INT {pid}, then cancel again"
    )
