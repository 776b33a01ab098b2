"""Processes that commit to one ledger at once: ``python -m sematic.ledger.tests.writers PLACE CACHE ROOT FIRST COUNT``.

PLACE is a URL or the path of a file. Each commit adds one run to the pipeline run ROOT and ends the one before; it
prints the numbers that its commits were given.
"""

from __future__ import annotations

import subprocess
import sys
from contextlib import closing
from pathlib import Path

from sematic.engine.changes import AttemptAdded, AttemptEnded, Change, RunMoved, RunsAdded
from sematic.engine.states import State
from sematic.ledger.sql.ledger import SqlLedger
from sematic.ledger.sql.opening import open_ledger
from sematic.ledger.sql.sqlite import open_sqlite
from sematic.ledger.tests.samples import NONCE, attempt, id_of, run


def open_at(place: str, cache: Path) -> SqlLedger:
    return open_ledger(place) if "://" in place else open_sqlite(place, cache=cache)


def writer(place: str, cache: Path, root: str, first: int, count: int) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "sematic.ledger.tests.writers", place, str(cache), root, str(first), str(count)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def chain(root: str, first: int, number: int) -> list[Change]:
    """The n-th commit of a writer: a run begins, the one before it ends."""
    id, previous = id_of(first + number), id_of(first + number - 1)
    changes: list[Change] = [
        RunsAdded([run(id, root, position=first + number)]),
        RunMoved(id, State.RUNNING, 1.0, 1),
        AttemptAdded(attempt(id, pipeline_run_id=root)),
    ]
    ended = [AttemptEnded(previous, 1, NONCE, State.RESOLVED, 2.0), RunMoved(previous, State.RESOLVED, 2.0)]
    return [*ended, *changes] if number else changes


def check_chain(ledger: SqlLedger, root: str, first: int, count: int) -> None:
    """Each of its commits is there, whole, and once."""
    mine = [found for found in ledger.runs(root) if first <= int(found.id, 16) < first + count]
    assert [int(found.id, 16) - first for found in mine] == list(range(count))
    states = [State.RESOLVED] * (count - 1) + [State.RUNNING]
    assert [found.state for found in mine] == states
    assert [[one.state for one in ledger.attempts(found.id)] for found in mine] == [[state] for state in states]


if __name__ == "__main__":
    place, cache, root, first, count = sys.argv[1:]
    with closing(open_at(place, Path(cache))) as ledger:
        for number in range(int(count)):
            print(ledger.commit(root, chain(root, int(first), number)), flush=True)
