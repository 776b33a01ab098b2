"""``sematic logs`` and ``sematic source``."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

import click

from sematic.cli.finding import find_run
from sematic.cli.screen import on_terminal, paint, safe, safe_output, say, say_json
from sematic.cli.show import below
from sematic.engine.records import Attempt, Run
from sematic.errors import SematicError
from sematic.recorded import SHORT, Record, run_name

_STREAMS = ("stdout", "stderr")
_Ranges: TypeAlias = dict[tuple[str, str], list[tuple[int, int]]]


class Printed(NamedTuple):
    """What one attempt printed; or, without a run, what was printed in the pipeline run outside of any attempt that
    ended."""

    run: Run | None
    attempt: int
    stdout: bytes
    stderr: bytes
    shared: bool = False


@click.command()
@click.argument("run")
@click.option("--attempt", type=click.IntRange(min=1), help="Only this attempt.")
@click.option("--stdout", "only", flag_value="stdout", help="Only stdout.")
@click.option("--stderr", "only", flag_value="stderr", help="Only stderr.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object an attempt and line.")
def logs(run: str, attempt: int | None, only: str | None, as_json: bool) -> None:
    """Print what a run printed.

    Of a pipeline run: everything, run by run.

    The keys of --json are run_id, name, attempt, stdout, stderr.
    """
    record = Record()
    found = find_run(record, run)
    if attempt is not None and attempt not in [each.number for each in record.attempts(found)]:
        raise SematicError(f"{run_name(found)} ({found.id[:SHORT]}) has no attempt {attempt}: it has {found.attempt}")
    streams = (only,) if only else _STREAMS
    everything = found.parent_id is None and attempt is None
    printed = _of_pipeline_run(record, found) if everything else _of_run(record, found, attempt)
    count = 0
    for each in printed:
        if any(getattr(each, stream) for stream in streams):
            count += 1
            _say(each, streams, as_json, heading=everything)
    if not count:
        click.echo(f"{run_name(found)} ({found.id[:SHORT]}) has printed nothing{_advice(found)}", err=True)


def _advice(run: Run) -> str:
    return f"; it was taken over: see `sematic logs {run.taken_from[:SHORT]}`" if run.taken_from else ""


def _of_run(record: Record, run: Run, number: int | None) -> Iterator[Printed]:
    for attempt in record.attempts(run):
        if number in (None, attempt.number):
            yield _printed(record, run, attempt)


def _printed(record: Record, run: Run, attempt: Attempt) -> Printed:
    shared = bool(attempt.log) and "shared" in json.loads(attempt.log or "")
    return Printed(run, attempt.number, *record.output(attempt), shared)


def _of_pipeline_run(record: Record, root: Run) -> Iterator[Printed]:
    """Attempt by attempt in the order of the calls, then what belongs to none."""
    ranges: _Ranges = {}
    for run in below(record, root):
        for attempt in record.ledger.attempts(run.id) if run.attempt else ():
            if attempt.log is not None:
                _note(ranges, json.loads(attempt.log))
                yield _printed(record, run, attempt)
    # workers have folders of their own beside that of the pipeline run
    for folder in sorted(record.home.logs.glob(f"{root.id}*")):
        out, err = (_rest(folder / stream, ranges.get((folder.name, stream), [])) for stream in _STREAMS)
        yield Printed(None, 0, out, err)


def _note(ranges: _Ranges, log: dict[str, Any]) -> None:
    for stream in _STREAMS:
        ranges.setdefault((log["folder"], stream), []).append(tuple(log[stream]))


def _rest(file: Path, ranges: list[tuple[int, int]]) -> bytes:
    """The bytes that no attempt is known to have written: those of one that runs, or was killed, are there."""
    try:
        data = file.read_bytes()
    except FileNotFoundError:
        return b""
    pieces, position = [], 0
    for start, end in sorted(ranges):
        pieces.append(data[position:start])
        position = max(position, end)
    return b"".join([*pieces, data[position:]])


def _say(printed: Printed, streams: tuple[str, ...], as_json: bool, heading: bool) -> None:
    run = printed.run
    if as_json:
        texts = {stream: getattr(printed, stream).decode("utf-8", "replace") for stream in streams}
        name = run_name(run) if run else None
        say(json.dumps({"run_id": run.id if run else None, "name": name, "attempt": printed.attempt, **texts}))
        return
    if heading:
        say(paint(safe(_heading(printed)), bold=True))
    for stream in streams:
        _write(getattr(printed, stream))


def _heading(printed: Printed) -> str:
    run = printed.run
    if run is None:
        return "==> outside of any finished run"
    again = f", attempt {printed.attempt}" if printed.attempt > 1 else ""
    shared = ", together with what another pipeline run printed meanwhile" if printed.shared else ""
    return f"==> {run_name(run)} ({run.id[:SHORT]}{again}{shared})"


def _write(data: bytes) -> None:
    """As it was printed; on a terminal without orders to it."""
    if on_terminal():
        text = safe_output(data.decode("utf-8", "replace"))
        if text:
            say(text.removesuffix("\n"))
    elif data:
        sys.stdout.flush()
        stream = sys.stdout.buffer
        stream.write(data if data.endswith(b"\n") else data + b"\n")
        stream.flush()


@click.command()
@click.argument("run")
@click.option("--json", "as_json", is_flag=True, help="One JSON document: id, function, source.")
def source(run: str, as_json: bool) -> None:
    """Print the source of a run's function, as it ran."""
    record = Record()
    found = find_run(record, run)
    text = record.source(found)
    if text is None:
        raise SematicError(f"{run_name(found)} ({found.id[:SHORT]}) has not started: no source is recorded")
    if as_json:
        say_json({"id": found.id, "function": found.function, "source": text})
    else:
        say(safe(text.rstrip("\n"), keep="\n\t"))
