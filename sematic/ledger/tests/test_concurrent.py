"""Processes that write to one pipeline run at once, on both databases, and readers that must not miss anything."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from sematic.engine.changes import AttemptAdded, AttemptEnded, OwnerTaken, RunMoved
from sematic.engine.states import State
from sematic.errors import Fenced
from sematic.ledger.sql.feed import Feed
from sematic.ledger.sql.ledger import SqlLedger
from sematic.ledger.tests.places import new_place
from sematic.ledger.tests.samples import NONCE, OWNER, ROOT, attempt, begin, start
from sematic.ledger.tests.writers import check_chain, open_at, writer

FIRSTS = [1_000, 2_000, 3_000]
COUNT = 150


@pytest.fixture(params=["sqlite", "postgres"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return str(tmp_path / "ledger.db")
    return new_place(request.getfixturevalue("server"))


@pytest.fixture
def ledger(place: str, cache: Path) -> Iterator[SqlLedger]:
    with closing(open_at(place, cache)) as ledger:
        yield ledger


def test_a_reader_misses_no_commit(place: str, cache: Path, ledger: SqlLedger) -> None:
    begin(ledger)
    writers = [writer(place, cache, ROOT, first, COUNT) for first in FIRSTS]
    last, seen, runs = 1, 0, set()
    while last < 1 + len(FIRSTS) * COUNT:
        steps = ledger.changes_after(ROOT, last)
        assert [step.seq for step in steps] == list(range(last + 1, last + 1 + len(steps)))
        for step in steps:
            runs.update(step.run_ids)
        last += len(steps)
        seen += bool(steps)
        assert all(ledger.run(id) for step in steps for id in step.run_ids)
        assert any(process.poll() in (None, 0) for process in writers), writers[0].communicate()
    assert seen > 1
    assert len(runs) == len(FIRSTS) * COUNT
    said = [process.communicate() for process in writers]
    assert [errors for _, errors in said] == ["", "", ""]
    numbers = sorted(int(line) for out, _ in said for line in out.splitlines())
    assert numbers == list(range(2, last + 1))
    for first in FIRSTS:
        check_chain(ledger, ROOT, first, COUNT)


def test_many_open_a_new_database_at_once(place: str, cache: Path) -> None:
    writers = [writer(place, cache, ROOT, 1, 0) for _ in range(5)]
    for process in writers:
        assert process.communicate() == ("", "")
    with closing(open_at(place, cache)) as ledger:
        begin(ledger)


def raced(ledgers: list[SqlLedger], changes: list[list[object]]) -> list[object]:
    """What each ledger answers when all commit at the same time."""
    barrier, answers = threading.Barrier(len(ledgers)), [None] * len(ledgers)

    def commit(index: int) -> None:
        barrier.wait()
        try:
            answers[index] = ledgers[index].commit(ROOT, changes[index])  # type: ignore[call-overload, arg-type]
        except Fenced as error:
            answers[index] = error  # type: ignore[call-overload]

    threads = [threading.Thread(target=commit, args=(index,)) for index in range(len(ledgers))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return [*answers]


def test_of_two_that_end_an_attempt_one_is_refused(place: str, cache: Path, ledger: SqlLedger) -> None:
    begin(ledger)
    with closing(open_at(place, cache)) as other:
        for number in range(1, 21):
            start(ledger, number=number)
            end = [AttemptEnded(ROOT, number, NONCE, State.FAILED, 3.0), RunMoved(ROOT, State.RETRYING, 3.0)]
            answers = raced([ledger, other], [[*end], [*end]])
            assert sorted(isinstance(answer, Fenced) for answer in answers) == [False, True]


def test_an_old_attempt_and_a_new_one_never_both_win(place: str, cache: Path, ledger: SqlLedger) -> None:
    """The late end of attempt 1 and the start of attempt 2: in whichever order, the record reads as if one after the
    other had come."""
    begin(ledger)
    start(ledger)
    with closing(open_at(place, cache)) as other:
        for number in range(1, 21):
            new = [RunMoved(ROOT, State.RETRYING, 3.0), RunMoved(ROOT, State.RUNNING, 3.0, number + 1)]
            began, ended = raced(
                [ledger, other],
                [
                    [*new, AttemptAdded(attempt(number=number + 1))],
                    [AttemptEnded(ROOT, number, NONCE, State.RESOLVED, 3.0)],
                ],
            )
            assert isinstance(began, int)
            assert isinstance(ended, Fenced) or ended < began  # type: ignore[operator]


def test_one_owner(place: str, cache: Path, ledger: SqlLedger) -> None:
    begin(ledger)
    with closing(open_at(place, cache)) as other:
        answers = raced([ledger, other], [[OwnerTaken(OWNER, "a", 2.0)], [OwnerTaken(OWNER, "b", 2.0)]])
        assert sorted(isinstance(answer, Fenced) for answer in answers) == [False, True]
        assert ledger.pipeline_run(ROOT).owner == "ab"[isinstance(answers[0], Fenced)]


class TestFeed:
    def test_commits_of_other_processes_end_the_waiting(self, place: str, cache: Path, ledger: SqlLedger) -> None:
        begin(ledger)
        with closing(Feed(ledger)) as feed:
            process = writer(place, cache, ROOT, 1_000, 50)
            last = 1
            while last < 51:
                assert feed.wait(ROOT, last, 60.0)
                last = ledger.changes_after(ROOT, last)[-1].seq
            assert process.communicate()[1] == ""
            assert not feed.wait(ROOT, last, 0.0)

    def test_many_wait_and_hold_no_connection(self, ledger: SqlLedger) -> None:
        """More than there are connections."""
        begin(ledger)
        answers: list[bool] = []
        with closing(Feed(ledger)) as feed:
            threads = [threading.Thread(target=lambda: answers.append(feed.wait(ROOT, 1, 60.0))) for _ in range(40)]
            for thread in threads:
                thread.start()
            assert ledger.commit(ROOT, []) == 2
            for thread in threads:
                thread.join()
        assert answers == [True] * 40

    def test_what_is_not_there(self, ledger: SqlLedger) -> None:
        with closing(Feed(ledger)) as feed, pytest.raises(KeyError, match=ROOT):
            feed.wait(ROOT, 0, 60.0)

    def test_what_is_removed(self, ledger: SqlLedger) -> None:
        begin(ledger, owner=None)
        caught: list[str] = []
        with closing(Feed(ledger)) as feed:

            def wait() -> None:
                with pytest.raises(KeyError) as error:
                    feed.wait(ROOT, 1, 60.0)
                caught.append(str(error.value))

            thread = threading.Thread(target=wait)
            thread.start()
            ledger.remove(ROOT)
            thread.join()
        assert caught == [repr(ROOT)]

    def test_closing_ends_the_waiting(self, ledger: SqlLedger) -> None:
        begin(ledger)
        feed = Feed(ledger)
        answers: list[bool] = []
        thread = threading.Thread(target=lambda: answers.append(feed.wait(ROOT, 1, 60.0)))
        thread.start()
        feed.close()
        thread.join()
        assert answers == [False]
