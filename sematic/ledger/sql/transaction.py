"""One commit on a connection: each change becomes prepared statements, each refusal a sentence."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from itertools import chain
from typing import Any, Protocol, TypeAlias

from sematic.engine import changes as c
from sematic.engine.records import Attempt, PipelineRun, Run
from sematic.engine.states import TERMINAL, State
from sematic.errors import LedgerError
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
    "remove_artifact": ("id", "oldest"),
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


class Cursor(Protocol):
    """What both drivers' cursors do."""

    @property
    def rowcount(self) -> int: ...

    def execute(self, text: str, values: Sequence[Any], /) -> Any: ...

    def executemany(self, text: str, values: Iterable[Any], /) -> Any: ...

    def fetchall(self) -> list[Any]: ...


Stream: TypeAlias = Callable[[str], Iterable[Any]]
"""The rows of a statement without parameters, one by one."""


class Transaction:
    """Applies the changes of one commit through one cursor. The caller begins and ends it.

    `nonce` is recorded with the commit. `repeated`: it may have been committed before, with the same nonce.
    """

    __slots__ = ("blobs", "cursor", "nonce", "now", "pipeline_run_id", "repeated", "sql", "stream", "touched")

    def __init__(
        self,
        cursor: Cursor,
        stream: Stream,
        sql: Statements,
        pipeline_run_id: str,
        blobs: Blobs | None,
        nonce: str | None = None,
        repeated: bool = False,
    ) -> None:
        self.cursor = cursor
        self.stream = stream
        self.sql = sql
        self.pipeline_run_id = pipeline_run_id
        self.blobs = blobs
        self.nonce = nonce
        self.repeated = repeated
        self.touched: list[str] = []
        self.now = time.time()

    def apply(self, changes: Iterable[c.Change]) -> int:
        """Write all changes and the step that names what they touched; returns its number."""
        if self.repeated and (known := self.step()) is not None:
            return known
        for change in changes:
            _APPLY[change.__class__](self, change)
        rows = self._rows("next_seq", self.pipeline_run_id)
        if not rows:
            raise refusals.gone(self.pipeline_run_id)
        seq: int = rows[0][0]
        self._execute("add_step", (self.pipeline_run_id, seq, ",".join(refusals.named(self.touched)), self.nonce))
        return seq

    def step(self) -> int | None:
        """The number of the commit with this nonce, if there is one."""
        rows = self._rows("step", self.pipeline_run_id, self.nonce)
        return rows[0][0] if rows else None

    def _execute(self, name: str, values: tuple[Any, ...]) -> int:
        """How many rows that concerned."""
        statement = self.sql[name]
        self.cursor.execute(statement.text, statement.pick(values))
        return self.cursor.rowcount

    def _rows(self, name: str, *values: Any) -> list[Any]:
        self._execute(name, values)
        return self.cursor.fetchall()

    def _add(self, name: str, values: tuple[Any, ...], refusal: Callable[[], LedgerError]) -> int:
        """As _execute; a row that is there already is refused."""
        try:
            return self._execute(name, values)
        except Exception as error:
            if _is_duplicate(error):
                raise refusal() from error
            raise

    def add_pipeline_run(self, change: c.PipelineRunAdded) -> None:
        pipeline_run = change.pipeline_run
        refusals.check_member("pipeline run", pipeline_run.id, pipeline_run.id, self.pipeline_run_id)
        exists = partial(refusals.exists_already, pipeline_run.id, removed=False)
        self._add("add_pipeline_run", pipeline_run._replace(seq=0), exists)
        # Asked afterwards: a removal that was under way has ended by now
        if self._rows("tombstone", pipeline_run.id):
            raise refusals.exists_already(pipeline_run.id, removed=True)
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
        except Exception as error:
            if _is_duplicate(error):
                raise refusals.run_exists(_named_in(error) or last) from error
            raise
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
        added = self._execute("add_artifact", values)
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
        if self._add("add_attempt", attempt, partial(refusals.attempt_exists, attempt)) != 1:
            raise refusals.no_run(attempt.run_id, self.pipeline_run_id)
        self.touched.append(attempt.run_id)

    def claim_attempt(self, change: c.AttemptClaimed) -> None:
        self._change_attempt("claim_attempt", change)

    def end_attempt(self, change: c.AttemptEnded) -> None:
        refusals.check_end(change)
        self._change_attempt("end_attempt", change)

    def _change_attempt(self, name: str, change: c.AttemptClaimed | c.AttemptEnded) -> None:
        if self._execute(name, (*change, self.pipeline_run_id)) != 1:
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
        if self._execute(name, (*change, self.pipeline_run_id)) != 1:
            raise refusals.pipeline_run_refused(self.pipeline_run_id, wanted, self._pipeline_run())
        self.touched.append(self.pipeline_run_id)

    def bury(self) -> int:
        """Forget the pipeline run itself and leave a tombstone."""
        found = self._pipeline_run()
        if found is None and self.repeated and self._rows("tombstone", self.pipeline_run_id):
            return 1
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
        return sum(self._execute(name, (self.pipeline_run_id, _CHUNK)) for name in names)

    def remove_artifacts(self, keep_seconds: float) -> int:
        """Forget artifacts that no run refers to, directly or through other artifacts; how many."""
        texts = chain.from_iterable(self._all("references"))
        live = reachable(references(texts), self._all("edges"))
        oldest = self.now - keep_seconds
        dead = [id for id, touched_at in self._all("artifact_ages") if touched_at <= oldest and id not in live]
        return sum(self._remove_artifact(id, oldest) for id in dead)

    def _all(self, name: str) -> Iterable[Any]:
        return self.stream(self.sql[name].text)

    def _remove_artifact(self, id: str, oldest: float) -> bool:
        """Unless a commit has named it meanwhile, and so touched it."""
        removed = bool(self._execute("remove_artifact", (id, oldest)))
        if removed:
            self._execute("remove_edges", (id,))
        return removed


_ID = re.compile(r"[0-9a-f]{32}")


def _is_duplicate(error: Exception) -> bool:
    """Both drivers have such a class, in a module of their own."""
    return any(kind.__name__ == "IntegrityError" for kind in type(error).__mro__)


def _named_in(error: Exception) -> str | None:
    """PostgreSQL names the row that was there already; SQLite does not, but stops at it."""
    found = _ID.search(str(error))
    return found and found[0]


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
