"""One commit on a SQLite connection: each change becomes prepared statements, each refusal a sentence."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from typing import Any

from sematic.engine import changes as c
from sematic.engine.records import Attempt, PipelineRun, Run
from sematic.engine.states import TERMINAL, State
from sematic.ledger import refusals
from sematic.ledger.base import EVERYTHING, NAMED_LIMIT
from sematic.ledger.references import Blobs, reachable, references
from sematic.ledger.sql.compiled import Compiled, Statement
from sematic.types.artifact import Artifact, descendants
from sematic.types.jsontext import dumps

_CHUNK = 1000
_STATES = {str(state): state for state in State}
_ARTIFACT = ("id", "touched_at", "spec", "codec", "digest", "size", "summary", "payload")
_GIVEN: dict[str, tuple[str, ...]] = {
    "add_pipeline_run": PipelineRun._fields,
    "add_run": Run._fields,
    "add_artifact": _ARTIFACT,
    "add_attempt": Attempt._fields,
    "claim_attempt": (*c.AttemptClaimed._fields, "pipeline_run_id"),
    "end_attempt": (*c.AttemptEnded._fields, "pipeline_run_id"),
    "cancel_runs": ("at", "pipeline_run_id"),
    "cancel_attempts": ("at", "pipeline_run_id"),
    "move_pipeline_run": (*c.PipelineRunMoved._fields, "pipeline_run_id"),
    "end_pipeline_run": (*c.PipelineRunMoved._fields, "pipeline_run_id"),
    "take_owner": (*c.OwnerTaken._fields, "pipeline_run_id"),
    "note_git": ("git", "pipeline_run_id"),
    "interrupt": (*c.Interrupted._fields, "pipeline_run_id"),
    "interrupt_runs": (*c.Interrupted._fields, "pipeline_run_id"),
    "interrupt_attempts": (*c.Interrupted._fields, "pipeline_run_id"),
    "remove_attempts": ("pipeline_run_id", "limit"),
    "remove_runs": ("pipeline_run_id", "limit"),
    "remove_steps": ("pipeline_run_id", "limit"),
    "pipeline_runs": ("limit", "before_time", "before_id", "states", "function"),
}


class Statements(dict[str, Statement]):
    """The compiled statements by name, with the order in which this program gives their parameters."""

    def __init__(self, compiled: Compiled) -> None:
        for name, (text, names) in compiled.statements.items():
            self[name] = Statement(text, names, _given(name, names))


def _given(name: str, names: list[str]) -> tuple[str, ...]:
    if name.startswith("move_run_"):
        return (*c.RunMoved._fields, "pipeline_run_id")
    return _GIVEN.get(name) or tuple(dict.fromkeys(names))


class Transaction:
    """Applies the changes of one commit through one cursor. The caller begins and ends it."""

    __slots__ = ("blobs", "cursor", "now", "pipeline_run_id", "sql", "touched")

    def __init__(self, cursor: sqlite3.Cursor, sql: Statements, pipeline_run_id: str, blobs: Blobs | None) -> None:
        self.cursor = cursor
        self.sql = sql
        self.pipeline_run_id = pipeline_run_id
        self.blobs = blobs
        self.touched: list[str] = []
        self.now = time.time()

    def apply(self, changes: Iterable[c.Change]) -> int:
        """Write all changes and the step that names what they touched; returns its number."""
        for change in changes:
            _APPLY[change.__class__](self, change)
        row = self._execute("next_seq", (self.pipeline_run_id,)).fetchone()
        if row is None:
            raise refusals.gone(self.pipeline_run_id)
        seq: int = row[0]
        self._execute("add_step", (self.pipeline_run_id, seq, ",".join(refusals.named(self.touched))))
        return seq

    def _execute(self, name: str, values: tuple[Any, ...]) -> sqlite3.Cursor:
        statement = self.sql[name]
        return self.cursor.execute(statement.text, statement.pick(values))

    def _all(self, name: str) -> sqlite3.Cursor:
        """A whole table row by row, while the transaction's own cursor does other things."""
        return self.cursor.connection.execute(self.sql[name].text)

    def _rows(self, name: str, id: str) -> list[Any]:
        return self._execute(name, (id,)).fetchall()

    def add_pipeline_run(self, change: c.PipelineRunAdded) -> None:
        pipeline_run = change.pipeline_run
        refusals.check_member("pipeline run", pipeline_run.id, pipeline_run.id, self.pipeline_run_id)
        if self._rows("tombstone", pipeline_run.id):
            raise refusals.exists_already(pipeline_run.id, removed=True)
        try:
            self._execute("add_pipeline_run", pipeline_run._replace(seq=0))
        except sqlite3.IntegrityError as error:
            raise refusals.exists_already(pipeline_run.id, removed=False) from error
        self.touched.append(pipeline_run.id)

    def add_runs(self, change: c.RunsAdded) -> None:
        ids: list[str] = []
        statement = self.sql["add_run"]
        last = ""

        def rows() -> Iterator[tuple[Any, ...]]:
            nonlocal last
            for run in refusals.checked(change.runs, self.pipeline_run_id, ids):
                last = run.id
                yield statement.pick(run)

        try:
            self.cursor.executemany(statement.text, rows())
        except sqlite3.IntegrityError as error:
            raise refusals.run_exists(last) from error
        self.touched += ids if len(ids) <= NAMED_LIMIT else [EVERYTHING]

    def add_artifacts(self, change: c.ArtifactsAdded) -> None:
        for artifact in change.artifacts:
            if artifact.children:
                for part in descendants(artifact):
                    self._add_artifact(part)
            self._add_artifact(artifact)

    def _add_artifact(self, artifact: Artifact) -> None:
        blob, summary = artifact.blob, artifact.summary
        text = None if summary is None else dumps(summary)
        values = (artifact.id, self.now, dumps(artifact.spec), artifact.codec, blob.digest, blob.size, text, blob.data)
        added = self._execute("add_artifact", values).rowcount
        if added and blob.data is None and self.blobs is not None and not self.blobs.exists(blob.digest, blob.size):
            raise refusals.blob_missing(artifact.id, blob.digest, blob.size)
        for child in artifact.children:
            self._execute("add_edge", (artifact.id, child))

    def add_source(self, change: c.SourceAdded) -> None:
        self._execute("add_source", (change.digest, change.text))

    def move_run(self, change: c.RunMoved) -> None:
        refusals.check_state(change.target)
        statement = self.sql[_MOVES[change.target]]
        self.cursor.execute(statement.text, statement.pick((*change, self.pipeline_run_id)))
        if self.cursor.rowcount != 1:
            raise refusals.run_refused(change, self._run(change.run_id), self.pipeline_run_id)
        self.touched.append(change.run_id)

    def _run(self, id: str) -> Run | None:
        return next(map(run_of, self._rows("run", id)), None)

    def _pipeline_run(self) -> PipelineRun | None:
        return next(map(pipeline_run_of, self._rows("pipeline_run", self.pipeline_run_id)), None)

    def _attempts(self, run_id: str) -> list[Attempt]:
        return [attempt_of(row) for row in self._rows("attempts", run_id)]

    def add_attempt(self, change: c.AttemptAdded) -> None:
        attempt = change.attempt
        refusals.check_attempt(attempt, self.pipeline_run_id)
        try:
            self._execute("add_attempt", attempt)
        except sqlite3.IntegrityError as error:
            raise refusals.attempt_exists(attempt) from error
        if self.cursor.rowcount != 1:
            raise refusals.no_run(attempt.run_id, self.pipeline_run_id)
        self.touched.append(attempt.run_id)

    def claim_attempt(self, change: c.AttemptClaimed) -> None:
        self._change_attempt("claim_attempt", change)

    def end_attempt(self, change: c.AttemptEnded) -> None:
        refusals.check_end(change)
        self._change_attempt("end_attempt", change)

    def _change_attempt(self, name: str, change: c.AttemptClaimed | c.AttemptEnded) -> None:
        if self._execute(name, (*change, self.pipeline_run_id)).rowcount != 1:
            raise refusals.attempt_refused(change, self._attempts(change.run_id), self.pipeline_run_id)
        self.touched.append(change.run_id)

    def cancel_rest(self, change: c.RestCanceled) -> None:
        self._execute("cancel_runs", (change.at, self.pipeline_run_id))
        self._execute("cancel_attempts", (change.at, self.pipeline_run_id))
        self.touched.append(EVERYTHING)

    def move_pipeline_run(self, change: c.PipelineRunMoved) -> None:
        name = "end_pipeline_run" if change.state in TERMINAL else "move_pipeline_run"
        self._change_pipeline_run(name, change, f"become {change.state}")

    def note_git(self, change: c.GitNoted) -> None:
        self._execute("note_git", (change.git, self.pipeline_run_id))
        self.touched.append(self.pipeline_run_id)

    def take_owner(self, change: c.OwnerTaken) -> None:
        self._change_pipeline_run("take_owner", change, "be taken over")

    def interrupt(self, change: c.Interrupted) -> None:
        self._change_pipeline_run("interrupt", change, "be marked interrupted")
        for name in ("interrupt_runs", "interrupt_attempts"):
            self._execute(name, (*change, self.pipeline_run_id))
        self.touched.append(EVERYTHING)

    def _change_pipeline_run(self, name: str, change: tuple[Any, ...], wanted: str) -> None:
        if self._execute(name, (*change, self.pipeline_run_id)).rowcount != 1:
            raise refusals.pipeline_run_refused(self.pipeline_run_id, wanted, self._pipeline_run())
        self.touched.append(self.pipeline_run_id)

    def bury(self) -> int:
        """Forget the pipeline run itself and leave a tombstone."""
        found = self._pipeline_run()
        if found is None:
            raise KeyError(self.pipeline_run_id)
        if found.owner is not None:
            raise refusals.still_owned(found)
        self._execute("remove_pipeline_run", (self.pipeline_run_id,))
        self._execute("add_tombstone", (self.pipeline_run_id, self.now))
        return 1

    def remove_some(self) -> int:
        """Forget some of what is left of a removed pipeline run; how much that was."""
        names = ("remove_attempts", "remove_runs", "remove_steps")
        return sum(self._execute(name, (self.pipeline_run_id, _CHUNK)).rowcount for name in names)

    def remove_artifacts(self, keep_seconds: float) -> int:
        """Forget artifacts that no run refers to, directly or through other artifacts; how many."""
        texts = chain.from_iterable(self._all("references"))
        live = reachable(references(texts), self._all("edges"))
        oldest = self.now - keep_seconds
        dead = [id for id, touched_at in self._all("artifact_ages") if touched_at <= oldest and id not in live]
        for id in dead:
            self._execute("remove_artifact", (id,))
            self._execute("remove_edges", (id,))
        return len(dead)


_MOVES = {state: f"move_run_{state}" for state in State}

_APPLY: dict[type, Callable[[Transaction, Any], None]] = {
    c.PipelineRunAdded: Transaction.add_pipeline_run,
    c.RunsAdded: Transaction.add_runs,
    c.ArtifactsAdded: Transaction.add_artifacts,
    c.SourceAdded: Transaction.add_source,
    c.RunMoved: Transaction.move_run,
    c.AttemptAdded: Transaction.add_attempt,
    c.AttemptClaimed: Transaction.claim_attempt,
    c.AttemptEnded: Transaction.end_attempt,
    c.RestCanceled: Transaction.cancel_rest,
    c.PipelineRunMoved: Transaction.move_pipeline_run,
    c.GitNoted: Transaction.note_git,
    c.OwnerTaken: Transaction.take_owner,
    c.Interrupted: Transaction.interrupt,
}

_RUN_STATE = Run._fields.index("state")
_PIPELINE_RUN_STATE = PipelineRun._fields.index("state")
_ATTEMPT_STATE = Attempt._fields.index("state")


def run_of(row: tuple[Any, ...]) -> Run:
    """A row of `runs`."""
    return Run._make((*row[:_RUN_STATE], _STATES[row[_RUN_STATE]], *row[_RUN_STATE + 1 :]))


def pipeline_run_of(row: tuple[Any, ...]) -> PipelineRun:
    """A row of `pipeline_runs`."""
    state = _STATES[row[_PIPELINE_RUN_STATE]]
    return PipelineRun._make((*row[:_PIPELINE_RUN_STATE], state, *row[_PIPELINE_RUN_STATE + 1 :]))


def attempt_of(row: tuple[Any, ...]) -> Attempt:
    """A row of `attempts`, with the ids of its run and pipeline run."""
    return Attempt._make((*row[:_ATTEMPT_STATE], _STATES[row[_ATTEMPT_STATE]], *row[_ATTEMPT_STATE + 1 :]))
