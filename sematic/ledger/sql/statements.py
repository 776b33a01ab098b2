"""Every statement of the ledger, once, in SQLAlchemy Core; `compiled.py` makes the text each database runs.

Parameters are called after the fields of the changes they come from. States are literals, so that the text says what
a move demands.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, TypeAlias

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    String,
    Table,
    Text,
    and_,
    case,
    delete,
    exists,
    func,
    null,
    or_,
    select,
    tuple_,
    update,
)
from sqlalchemy import bindparam as _bindparam
from sqlalchemy import literal_column as _literal

from sematic.engine.records import Attempt, PipelineRun, Run
from sematic.engine.states import SOURCES, TERMINAL, State
from sematic.ledger.sql.schema import (
    artifact_edges,
    artifacts,
    attempts,
    pipeline_runs,
    runs,
    sources,
    steps,
    tombstones,
)

Statements: TypeAlias = dict[str, Any]
PREFIX = "in_"
"""Parameters carry it in Core, which keeps the names of columns for itself."""

TOUCH_AFTER = 3600.0
"""Seconds after which naming an artifact that exists writes its `touched_at` again."""


def statements(insert: Callable[[Table], Any]) -> Statements:
    """All statements by name; `insert` is the dialect's, which knows ON CONFLICT."""
    return {**_changes(insert), **_moves(), **_ownership(), **_reads(), **_removal(), **_collection()}


def _in(name: str, column: Any = None) -> BindParameter[Any]:
    """Texts have no length: one that is too long is refused where it is kept, not cut short on its way."""
    text = column is None or isinstance(column.type, String)
    return _bindparam(PREFIX + name, type_=Text() if text else column.type)


def _values(table: Table, names: Iterable[str]) -> dict[str, Any]:
    return {name: _in(name, table.c[name]) for name in names}


def _state(state: State) -> ColumnElement[Any]:
    return _literal(f"'{state}'")


def _is_in(column: Any, states: Iterable[State]) -> ColumnElement[bool]:
    result: ColumnElement[bool] = column.in_([_state(state) for state in sorted(states)])
    return result


def _this_run() -> ColumnElement[bool]:
    return and_(runs.c.id == _in("run_id"), runs.c.pipeline_run_id == _in("pipeline_run_id"))


def _changes(insert: Callable[[Table], Any]) -> Statements:
    return {
        "add_pipeline_run": insert(pipeline_runs).values(_values(pipeline_runs, PipelineRun._fields)),
        "add_run": insert(runs).values(_values(runs, Run._fields)).inline(),  # Its key is of no interest.
        "add_source": insert(sources).values(_values(sources, ["digest", "text"])).on_conflict_do_nothing(),
        "add_edge": insert(artifact_edges)
        .values(_values(artifact_edges, ["parent_id", "child_id"]))
        .on_conflict_do_nothing(),
        "add_artifact": _add_artifact(insert),
        "add_attempt": _add_attempt(insert),
        "claim_attempt": _claim_attempt(),
        "end_attempt": _end_attempt(),
        "next_seq": update(pipeline_runs)
        .where(pipeline_runs.c.id == _in("pipeline_run_id"))
        .values(seq=pipeline_runs.c.seq + _literal("1"))
        .returning(pipeline_runs.c.seq),
        "add_step": insert(steps).values(_values(steps, ["pipeline_run_id", "seq", "run_ids", "nonce"])),
    }


def _add_artifact(insert: Callable[[Table], Any]) -> Any:
    """One that was touched lately is left alone, and not even locked: many commits name the same small values."""
    names = [column.name for column in artifacts.c if column.name != "key"]
    now = _in("touched_at", artifacts.c.touched_at)
    fresh = and_(artifacts.c.id == _in("id"), artifacts.c.touched_at >= now - _literal(str(TOUCH_AFTER)))
    chosen = select(*(_in(name, artifacts.c[name]) for name in names)).where(~exists().where(fresh))
    added = insert(artifacts).from_select(names, chosen)
    return added.on_conflict_do_update(index_elements=["id"], set_={"touched_at": added.excluded.touched_at})


def _add_attempt(insert: Callable[[Table], Any]) -> Any:
    names = [name for name in Attempt._fields if name not in ("run_id", "pipeline_run_id", "ended_at")]
    chosen = select(runs.c.key, *(_in(name, attempts.c[name]) for name in names)).where(_this_run())
    return insert(attempts).from_select(["run_key", *names], chosen)


def _this_attempt() -> ColumnElement[bool]:
    """The attempt with this number, when it has not ended and none is newer."""
    newer = attempts.alias("newer")
    return and_(
        attempts.c.run_key == select(runs.c.key).where(_this_run()).scalar_subquery(),
        attempts.c.number == _in("number", attempts.c.number),
        attempts.c.ended_at.is_(null()),
        ~exists().where(newer.c.run_key == attempts.c.run_key, newer.c.number > attempts.c.number),
    )


def _claim_attempt() -> Any:
    same = and_(attempts.c.state == _state(State.RUNNING), attempts.c.nonce == _in("nonce"))
    fresh = attempts.c.state == _state(State.SCHEDULED)
    return (
        update(attempts)
        .where(_this_attempt(), or_(fresh, same))
        .values(
            state=_state(State.RUNNING),
            nonce=_in("nonce"),
            owner=case((fresh, _in("owner")), else_=attempts.c.owner),
            started_at=case((fresh, _in("at", attempts.c.started_at)), else_=attempts.c.started_at),
        )
    )


def _end_attempt() -> Any:
    kept = ["failure", "cpu_seconds", "peak_memory", "log"]
    return (
        update(attempts)
        .where(_this_attempt(), attempts.c.nonce == _in("nonce"))
        .values(
            state=_in("state"),
            ended_at=_in("at", attempts.c.ended_at),
            **{name: func.coalesce(_in(name, attempts.c[name]), attempts.c[name]) for name in kept},
        )
    )


def _moves() -> Statements:
    result = {f"move_run_{target}": _move_run(target) for target in State if SOURCES[target]}
    result["cancel_runs"] = (
        update(runs)
        .where(runs.c.pipeline_run_id == _in("pipeline_run_id"), ~_is_in(runs.c.state, TERMINAL))
        .values(state=_state(State.CANCELED), ended_at=_in("at", runs.c.ended_at))
    )
    result["cancel_attempts"] = _end_live_attempts(State.CANCELED)
    return result


def _move_run(target: State) -> Any:
    kept = ["attempt", "inputs", "output", "graph", "failure", "taken_from"]
    values = {name: func.coalesce(_in(name, runs.c[name]), runs.c[name]) for name in kept}
    if target is State.RUNNING:
        values["started_at"] = func.coalesce(runs.c.started_at, _in("at", runs.c.started_at))
    if target in TERMINAL:
        values["ended_at"] = _in("at", runs.c.ended_at)  # type: ignore[assignment]
    return update(runs).where(_this_run(), _is_in(runs.c.state, SOURCES[target])).values(state=_state(target), **values)


def _of_pipeline_run() -> Any:
    return exists().where(runs.c.key == attempts.c.run_key, runs.c.pipeline_run_id == _in("pipeline_run_id"))


def _end_live_attempts(state: State, **values: Any) -> Any:
    return (
        update(attempts)
        .where(attempts.c.ended_at.is_(null()), _of_pipeline_run())
        .values(state=_state(state), ended_at=_in("at", attempts.c.ended_at), **values)
    )


def _ownership() -> Statements:
    this = pipeline_runs.c.id == _in("pipeline_run_id")
    going = ~_is_in(pipeline_runs.c.state, TERMINAL)
    mine = or_(_in("owner").is_(null()), pipeline_runs.c.owner == _in("owner"))
    at = _in("at", pipeline_runs.c.ended_at)
    moved = update(pipeline_runs).where(this, going, mine)
    return {
        "move_pipeline_run": moved.values(state=_in("state")),
        "end_pipeline_run": moved.values(state=_in("state"), ended_at=at, owner=null()),
        "take_owner": update(pipeline_runs)
        .where(this, going, pipeline_runs.c.owner.is_not_distinct_from(_in("previous")))
        .values(owner=_in("owner"), interrupted_at=null()),
        "note_git": update(pipeline_runs).where(this).values(git=_in("git")),
        "interrupt": update(pipeline_runs)
        .where(this, pipeline_runs.c.owner == _in("owner"))
        .values(owner=null(), interrupted_at=at),
        "interrupt_runs": update(runs)
        .where(
            runs.c.pipeline_run_id == _in("pipeline_run_id"),
            _is_in(runs.c.state, [State.SCHEDULED, State.RUNNING]),
        )
        .values(state=_state(State.RETRYING)),
        "interrupt_attempts": _end_live_attempts(State.FAILED, failure=_in("failure")),
    }


_RUN = [runs.c[name] for name in Run._fields]
_ATTEMPT = [
    runs.c.id if name == "run_id" else runs.c.pipeline_run_id if name == "pipeline_run_id" else attempts.c[name]
    for name in Attempt._fields
]


def _reads() -> Statements:
    attempt = select(*_ATTEMPT).join_from(attempts, runs, attempts.c.run_key == runs.c.key)
    parent = runs.alias("parent")
    of_parent = select(parent.c.pipeline_run_id).where(parent.c.id == _in("id")).scalar_subquery()
    return {
        "pipeline_run": select(*_PIPELINE_RUN).where(pipeline_runs.c.id == _in("id")),
        "pipeline_runs": _pipeline_runs(),
        "run": select(*_RUN).where(runs.c.id == _in("id")),
        "runs": select(*_RUN).where(runs.c.pipeline_run_id == _in("pipeline_run_id")).order_by(runs.c.key),
        "children": select(*_RUN)
        .where(runs.c.pipeline_run_id == of_parent, runs.c.parent_id == _in("id"))
        .order_by(runs.c.parent_attempt, runs.c.position, runs.c.id),
        "attempts": attempt.where(runs.c.id == _in("id")).order_by(attempts.c.number),
        "live_attempts": attempt.where(
            attempts.c.ended_at.is_(null()), runs.c.pipeline_run_id == _in("pipeline_run_id")
        ).order_by(runs.c.id, attempts.c.number),
        "artifact": select(
            *(artifacts.c[name] for name in ["spec", "codec", "digest", "size", "payload", "summary"])
        ).where(artifacts.c.id == _in("id")),
        "source": select(sources.c.text).where(sources.c.digest == _in("id")),
        "steps": select(steps.c.seq, steps.c.run_ids)
        .where(steps.c.pipeline_run_id == _in("pipeline_run_id"), steps.c.seq > _in("seq", steps.c.seq))
        .order_by(steps.c.seq)
        .limit(_in("limit", steps.c.seq)),
        "step": select(steps.c.seq).where(
            steps.c.pipeline_run_id == _in("pipeline_run_id"), steps.c.nonce == _in("nonce")
        ),
        "tombstone": select(tombstones.c.removed_at).where(tombstones.c.pipeline_run_id == _in("id")),
        "find_runs": _find(runs),
        "find_artifacts": _find(artifacts),
    }


_PIPELINE_RUN = [pipeline_runs.c[name] for name in PipelineRun._fields]


def _pipeline_runs() -> Any:
    time, id = pipeline_runs.c.created_at, pipeline_runs.c.id
    return (
        select(*_PIPELINE_RUN)
        .where(
            tuple_(time, id) < tuple_(_in("before_time", time), _in("before_id", id)),
            or_(_in("states").is_(null()), _in("states").contains("," + pipeline_runs.c.state + ",")),
            or_(_in("function").is_(null()), pipeline_runs.c.function == _in("function")),
        )
        .order_by(time.desc(), id.desc())
        .limit(_in("limit", pipeline_runs.c.seq))
    )


def _find(table: Table) -> Any:
    return select(table.c.id).where(table.c.id >= _in("first"), table.c.id < _in("last")).order_by(table.c.id).limit(10)


def _removal() -> Statements:
    chunk = (
        select(runs.c.key)
        .where(runs.c.pipeline_run_id == _in("pipeline_run_id"))
        .order_by(runs.c.parent_id, runs.c.key)  # As in the index, and for both statements the same.
        .limit(_in("limit", runs.c.key))
    )
    some = steps.alias("some")
    last = select(func.min(some.c.seq) + _in("limit", runs.c.key)).where(
        some.c.pipeline_run_id == _in("pipeline_run_id")
    )
    return {
        "add_tombstone": tombstones.insert().values(_values(tombstones, ["pipeline_run_id", "removed_at"])),
        "remove_pipeline_run": delete(pipeline_runs).where(pipeline_runs.c.id == _in("pipeline_run_id")),
        "remove_attempts": delete(attempts).where(attempts.c.run_key.in_(chunk)),
        "remove_runs": delete(runs).where(runs.c.key.in_(chunk)),
        "remove_steps": delete(steps).where(
            steps.c.pipeline_run_id == _in("pipeline_run_id"), steps.c.seq < last.scalar_subquery()
        ),
        "half_removed": select(tombstones.c.pipeline_run_id).where(
            or_(
                exists().where(runs.c.pipeline_run_id == tombstones.c.pipeline_run_id),
                exists().where(steps.c.pipeline_run_id == tombstones.c.pipeline_run_id),
            )
        ),
    }


def _collection() -> Statements:
    return {
        "references": select(runs.c.arguments, runs.c.inputs, runs.c.graph, runs.c.output),
        "edges": select(artifact_edges.c.parent_id, artifact_edges.c.child_id),
        "artifact_ages": select(artifacts.c.id, artifacts.c.touched_at),
        "remove_artifact": delete(artifacts).where(
            artifacts.c.id == _in("id"), artifacts.c.touched_at <= _in("oldest", artifacts.c.touched_at)
        ),
        "remove_edges": delete(artifact_edges).where(artifact_edges.c.parent_id == _in("id")),
        "stored_digests": select(artifacts.c.digest).where(artifacts.c.payload.is_(null())),
    }
