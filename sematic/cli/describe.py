"""Runs as JSON for programs, and as lines for people."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator
from typing import Any

from sematic.cli.listing import as_json as pipeline_run_json
from sematic.cli.screen import local_time, safe, size, took, utc_time
from sematic.cli.summaries import brief_id, brief_input
from sematic.engine.records import Attempt, PipelineRun, Run
from sematic.recorded import SHORT, FailureView, Record, run_name, run_seconds, waits_for

Facts = Iterator[tuple[str, str]]


def details_json(record: Record, pipeline_run: PipelineRun) -> dict[str, Any]:
    """A pipeline run with what is known of its program."""
    command = json.loads(pipeline_run.command) if pipeline_run.command else None
    kept = ("executable", "arguments", "argv", "folder", "target", "python")
    return {
        **pipeline_run_json(pipeline_run),
        "command": command and {key: command.get(key) for key in kept},
        "git": json.loads(pipeline_run.git) if pipeline_run.git else None,
    }


def run_json(record: Record, run: Run) -> dict[str, Any]:
    """One run; inputs and output by artifact id, null while they are not there."""
    failure = record.failure(run) if run.failure else None
    return {
        "id": run.id,
        "pipeline_run_id": run.pipeline_run_id,
        "parent_id": run.parent_id,
        "position": run.position,
        "function": run.function,
        "name": run.name,
        "state": record.state(run),
        "attempt": run.attempt,
        "created_at": utc_time(run.created_at),
        "started_at": utc_time(run.started_at),
        "ended_at": utc_time(run.ended_at),
        "seconds": run_seconds(run, record.pipeline_run(run.pipeline_run_id)),
        "inputs": {name: given.artifact_id for name, given in record.inputs(run).items()},
        "output": run.output,
        "failure": failure._asdict() if failure else None,
        "options": json.loads(run.options) if run.options else {},
        "taken_from": run.taken_from,
    }


def attempt_json(attempt: Attempt) -> dict[str, Any]:
    """One attempt."""
    return {
        "number": attempt.number,
        "state": attempt.state,
        "started_at": utc_time(attempt.started_at),
        "ended_at": utc_time(attempt.ended_at),
        "cpu_seconds": attempt.cpu_seconds,
        "peak_memory": attempt.peak_memory,
        "failure": json.loads(attempt.failure) if attempt.failure else None,
    }


def program_facts(pipeline_run: PipelineRun) -> Facts:
    """The program of a pipeline run: command line, folder, target, git."""
    if pipeline_run.command:
        command = json.loads(pipeline_run.command)
        yield "Command", shlex.join([command["executable"], *command["arguments"]])
        yield "Folder", command["folder"]
        if command.get("target"):
            yield "Target", command["target"]
    if pipeline_run.git:
        git = json.loads(pipeline_run.git)
        dirty = {True: ", with changes that are not committed", False: ""}.get(git["dirty"], "")
        yield "Git", f"{git['commit'][:SHORT]} ({git['branch']}{dirty})"


def time_facts(started: float | None, ended: float | None, seconds: float | None) -> Facts:
    """Start, end, duration: those that there are."""
    if started is not None:
        yield "Started", local_time(started)
    if ended is not None:
        yield "Ended", local_time(ended)
    if seconds is not None:
        yield "Duration", took(seconds)


def value_facts(record: Record, run: Run) -> Facts:
    """Inputs and output, with the ids by which `sematic artifact` finds them."""
    for name, given in record.inputs(run).items():
        there = given.artifact_id
        shown = f"{there[:SHORT]}  {brief_input(record, given)}" if there else str(waits_for(record, given))
        yield f"Input {name}", shown
    if run.output is not None:
        yield "Output", f"{run.output[:SHORT]}  {brief_id(record, run.output)}"


def attempt_fact(attempt: Attempt) -> str:
    """One attempt on one line."""
    parts = [str(attempt.state)]
    if attempt.started_at is not None and attempt.ended_at is not None:
        parts.append(took(max(0.0, attempt.ended_at - attempt.started_at)))
    if attempt.cpu_seconds is not None:
        parts.append(f"{took(attempt.cpu_seconds)} of CPU")
    if attempt.peak_memory is not None:
        parts.append(f"{size(attempt.peak_memory)} of memory at most")
    if attempt.failure:
        failure = json.loads(attempt.failure)
        parts.append(headline(failure["class_name"], failure["message"]))
    return ", ".join(parts)


def headline(class_name: str, message: str) -> str:
    """A failure on one line."""
    first = message.strip().splitlines()[0] if message.strip() else ""
    return safe(f"{class_name}: {first}" if first else class_name)


def path_of(record: Record, run_id: str) -> str:
    """Names from the root to a run: ``pipeline → train_all → train``; long ones are shortened in the middle."""
    names = []
    current: str | None = run_id
    while current is not None:
        run = record.ledger.run(current)
        names.append(run_name(run))
        current = run.parent_id
    names.reverse()
    if len(names) > 12:
        names = [*names[:5], f"… {len(names) - 10} more …", *names[-5:]]
    return " → ".join(names)


def failure_text(record: Record, failure: FailureView) -> str:
    """Where and why, with the traceback."""
    where = f"{path_of(record, failure.run_id)} ({failure.run_id[:SHORT]})"
    text = failure.traceback.rstrip() or f"{failure.class_name}: {failure.message}"
    return safe(f"{where}\n{text}", keep="\n\t")
