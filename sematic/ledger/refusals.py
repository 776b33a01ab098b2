"""What both ledgers say when they refuse a change, and the few rules that need no record to be checked."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from sematic.engine.changes import AttemptClaimed, AttemptEnded, RunMoved
from sematic.engine.records import Attempt, PipelineRun, Run
from sematic.engine.states import SOURCES, TERMINAL, State
from sematic.errors import Fenced, LedgerError
from sematic.ledger.base import EVERYTHING, NAMED_LIMIT

LIVE = frozenset({State.SCHEDULED, State.RUNNING})
"""The states of an attempt that has not ended."""


def check_state(target: State) -> None:
    """Refuse a move that no run can make."""
    if not SOURCES[target]:
        raise LedgerError(f"no run can enter state {target}: it is where runs start")


def check_attempt(attempt: Attempt, pipeline_run_id: str) -> None:
    """Refuse an attempt that is of another pipeline run, or over before it began."""
    check_member("attempt", attempt.run_id, attempt.pipeline_run_id, pipeline_run_id)
    if attempt.state not in LIVE or attempt.ended_at is not None:
        raise LedgerError(f"a new attempt is SCHEDULED or RUNNING; the one of run {attempt.run_id} is {attempt.state}")


def check_end(change: AttemptEnded) -> None:
    """Refuse an end that is none."""
    if change.state in LIVE or change.state is State.CREATED:
        raise LedgerError(f"attempt {change.number} of run {change.run_id} cannot end {change.state}")


def check_member(what: str, id: str, given: str, pipeline_run_id: str) -> None:
    """A commit is about one pipeline run."""
    if given != pipeline_run_id:
        raise LedgerError(f"a commit for pipeline run {pipeline_run_id} cannot hold {what} {id}, which is of {given}")


def checked(runs: Iterable[Run], pipeline_run_id: str, ids: list[str]) -> Iterator[Run]:
    """The same runs, checked while they stream by; `ids` receives the ids of the first ones."""
    for run in runs:
        check_member("run", run.id, run.pipeline_run_id, pipeline_run_id)
        if len(ids) <= NAMED_LIMIT:
            ids.append(run.id)
        yield run


def named(ids: Iterable[str]) -> tuple[str, ...]:
    """The ids of a step: each once, or EVERYTHING."""
    unique = tuple(dict.fromkeys(ids))
    return (EVERYTHING,) if EVERYTHING in unique or len(unique) > NAMED_LIMIT else unique


def run_refused(change: RunMoved, found: Run | None, pipeline_run_id: str) -> Fenced:
    """Why a run may not move."""
    if found is None or found.pipeline_run_id != pipeline_run_id:
        return no_run(change.run_id, pipeline_run_id)
    return Fenced(
        f"run {change.run_id} cannot become {change.target}: it is {found.state} (attempt {found.attempt}). "
        "Another process went on with it; this late write is refused"
    )


def no_run(run_id: str, pipeline_run_id: str) -> Fenced:
    """A run that is not there, any more."""
    return Fenced(f"pipeline run {pipeline_run_id} has no run {run_id}: it was never recorded, or was removed")


def attempt_exists(attempt: Attempt) -> Fenced:
    """Two processes made the same attempt."""
    return Fenced(
        f"run {attempt.run_id} has an attempt {attempt.number} already: another process started it; "
        "this late write is refused"
    )


def attempt_refused(change: AttemptClaimed | AttemptEnded, found: list[Attempt], pipeline_run_id: str) -> Fenced:
    """Why an attempt may not be claimed or ended."""
    where = f"attempt {change.number} of run {change.run_id}"
    this = next((attempt for attempt in found if attempt.number == change.number), None)
    if this is None or this.pipeline_run_id != pipeline_run_id:
        return Fenced(f"{where} is not in pipeline run {pipeline_run_id}: it was never recorded, or was removed")
    verb = "claimed" if isinstance(change, AttemptClaimed) else "ended"
    return Fenced(f"{where} cannot be {verb}: {_reason(change, this, found[-1])}. This late write is refused")


def _reason(change: AttemptClaimed | AttemptEnded, this: Attempt, newest: Attempt) -> str:
    if this.state not in LIVE:
        return f"it ended {this.state} before"
    if newest.number > this.number:
        return f"attempt {newest.number} ({newest.state}) has taken its place"
    return f"it is {this.state} under another nonce ({this.nonce[:8]}… is recorded, {change.nonce[:8]}… was given)"


def pipeline_run_refused(id: str, wanted: str, found: PipelineRun | None) -> Fenced:
    """Why a pipeline run may not move, or change hands."""
    if found is None:
        return gone(id)
    if found.state in TERMINAL:
        return Fenced(f"pipeline run {id} cannot {wanted}: it ended {found.state} before")
    return Fenced(f"pipeline run {id} cannot {wanted}: its owner is {found.owner or 'nobody'}")


def gone(id: str) -> Fenced:
    """A commit to a pipeline run that is not there, any more."""
    return Fenced(f"there is no pipeline run {id}: it was never recorded, or was removed; nothing was written")


def exists_already(id: str, removed: bool) -> LedgerError:
    """A pipeline run's id is used once."""
    return LedgerError(f"pipeline run {id} {'was recorded before and removed' if removed else 'is recorded already'}")


def run_exists(run_id: str) -> LedgerError:
    """A run's id is used once."""
    return LedgerError(f"run {run_id} is recorded already; nothing was written")


def blob_missing(artifact_id: str, digest: str, size: int) -> LedgerError:
    """A commit may only name bytes that are there."""
    return LedgerError(
        f"artifact {artifact_id} cannot be recorded: its {size} bytes (blob {digest}) are not in the store; "
        "write them first"
    )


def still_owned(found: PipelineRun) -> LedgerError:
    """What runs cannot be removed."""
    return LedgerError(f"pipeline run {found.id} cannot be removed while a process runs it: cancel it first")


def in_order(runs: Iterable[Run]) -> list[Run]:
    """Parents before children, siblings by position; each run is followed by all below it."""
    children: dict[str | None, list[Run]] = {}
    known = {run.id: run for run in runs}
    for run in known.values():
        children.setdefault(run.parent_id if run.parent_id in known else None, []).append(run)
    for siblings in children.values():
        siblings.sort(key=place, reverse=True)
    result: list[Run] = []
    stack = children.get(None, [])
    while stack:
        run = stack.pop()
        result.append(run)
        stack.extend(children.get(run.id, ()))
    return result


def place(run: Run) -> tuple[int, int, str]:
    """The order of siblings."""
    return run.parent_attempt, run.position, run.id
