"""What RUN and ID stand for."""

from __future__ import annotations

from sematic.engine.records import PipelineRun, Run
from sematic.errors import SematicError, UnknownId
from sematic.recorded import SHORT, Record, run_name

LAST = "last"

EMPTY = "no pipeline runs yet: run a program that calls `my_function(...).resolve()`, and it is listed here"


def find_run(record: Record, text: str) -> Run:
    """The run whose id starts with `text`. Raises UnknownId."""
    if text == LAST:
        return record.run(_newest(record).id)
    return record.run(record.find_run(text))


def find_pipeline_run(record: Record, text: str) -> PipelineRun:
    """The pipeline run whose id starts with `text`; of several runs it is the one that is meant. Raises UnknownId, and
    SematicError for another run's id."""
    if text == LAST:
        return _newest(record)
    found = [id for id in record.ledger.find(text) if record.ledger.run(id).parent_id is None]
    run = record.run(found[0] if len(found) == 1 else record.find_run(text))
    if run.parent_id is not None:
        raise SematicError(
            f"{run.id[:SHORT]} is not a pipeline run but {run_name(run)}, a run in {run.pipeline_run_id[:SHORT]}: "
            "give that id instead"
        )
    return record.pipeline_run(run.id)


def _newest(record: Record) -> PipelineRun:
    newest = next(record.pipeline_runs(page=1), None)
    if newest is None:
        raise UnknownId(EMPTY)
    return newest
