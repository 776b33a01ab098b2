"""What only a file can suffer: other processes and threads, kills, forks, full disks, damage."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from sematic.engine.changes import ArtifactsAdded, AttemptAdded, AttemptEnded, RunMoved, RunsAdded
from sematic.engine.states import State
from sematic.errors import ArtifactError, LedgerError, LedgerLocked
from sematic.ledger.sql.compiled import load
from sematic.ledger.sql.ledger import SqlLedger
from sematic.ledger.sql.sqlite import open_sqlite
from sematic.ledger.sql.sqlite_file import File
from sematic.ledger.sql.transaction import Transaction
from sematic.ledger.tests.samples import NONCE, OTHER, ROOT, artifact, attempt, begin, id_of, pipeline_run, run, start

WRITER = """
import sys
from sematic.engine.changes import AttemptAdded, AttemptEnded, PipelineRunAdded, RunMoved, RunsAdded
from sematic.engine.states import State
from sematic.ledger.sql.sqlite import open_sqlite
from sematic.ledger.tests.samples import NONCE, attempt, begin, id_of, run
path, cache, root, count = sys.argv[1:]
ledger = open_sqlite(path, cache=cache)
begin(ledger, root)
for i in range(int(count)):
    id = id_of(int(root, 16) * 1_000_000 + i)
    new = attempt(id, pipeline_run_id=root)
    ledger.commit(root, [RunsAdded([run(id, root)]), RunMoved(id, State.RUNNING, 1.0, 1), AttemptAdded(new)])
    ended = AttemptEnded(id, 1, NONCE, State.RESOLVED, 2.0)
    seq = ledger.commit(root, [ended, RunMoved(id, State.RESOLVED, 2.0)])
    print(seq, flush=True)
ledger.close()
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ledger.db"


@pytest.fixture
def ledger(path: Path, cache: Path) -> Iterator[SqlLedger]:
    with closing(open_sqlite(path, cache=cache)) as ledger:
        yield ledger


def writer(path: Path, cache: Path, root: str, count: int) -> subprocess.Popen[str]:
    """Another process that commits."""
    command = [sys.executable, "-c", WRITER, str(path), str(cache), root, str(count)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


@contextmanager
def held(path: Path) -> Iterator[None]:
    """Another connection is in the middle of a write."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        yield


def check_whole(ledger: SqlLedger, path: Path, id: str) -> int:
    """The database is sound and no commit is there in part; returns its last sequence number."""
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    seq = ledger.pipeline_run(id).seq
    assert [step.seq for step in ledger.changes_after(id, 0, limit=100_000)] == list(range(1, seq + 1))
    runs = ledger.runs(id)
    # the root's commit, then two for each run: the second may be missing for the last one
    assert len(runs) == 1 + seq // 2
    states = [one.state for one in runs[1:]]
    last = State.RUNNING if seq % 2 == 0 else State.RESOLVED
    assert states == [State.RESOLVED] * (len(states) - 1) + [last] * bool(states)
    assert [[tried.state for tried in ledger.attempts(one.id)] for one in runs[1:]] == [[state] for state in states]
    return seq


class TestProcesses:
    def test_two_write_at_once(self, path: Path, cache: Path, ledger: SqlLedger) -> None:
        ids = [id_of(1), id_of(2)]
        writers = [writer(path, cache, id, 1500) for id in ids]
        for process in writers:
            _, errors = process.communicate()
            assert (process.returncode, errors) == (0, "")
        assert [check_whole(ledger, path, id) for id in ids] == [3001, 3001]

    def test_many_make_one_database(self, path: Path, cache: Path) -> None:
        ids = [id_of(number) for number in range(1, 7)]
        writers = [writer(path, cache, id, 1) for id in ids]
        assert [process.communicate()[1] for process in writers] == [""] * 6
        with closing(open_sqlite(path, cache=cache)) as ledger:
            assert [check_whole(ledger, path, id) for id in ids] == [3] * 6

    def test_killed_writers_leave_whole_commits(self, path: Path, cache: Path) -> None:
        for number in range(1, 16):
            process = writer(path, cache, id_of(number), 1_000_000)
            assert process.stdout is not None
            heard = [int(process.stdout.readline()) for _ in range(number * 7)]
            process.kill()
            heard += [int(line) for line in process.communicate()[0].splitlines()]
            assert process.returncode == -signal.SIGKILL
            with closing(open_sqlite(path, cache=cache)) as ledger:
                assert check_whole(ledger, path, id_of(number)) >= heard[-1]

    def test_a_long_writer_is_waited_for_up_to_a_limit(self, path: Path, cache: Path, ledger: SqlLedger) -> None:
        begin(ledger)
        with closing(open_sqlite(path, cache=cache, timeout=0.05)) as hasty:
            with held(path):
                with pytest.raises(LedgerLocked, match=r"held by another process for more than 0.05 s: find"):
                    hasty.commit(ROOT, [])
                assert hasty.pipeline_run(ROOT).seq == 1
            assert hasty.commit(ROOT, []) == 2

    def test_another_process_makes_the_database_first(
        self, path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        use_log = File._use_log

        def late(self: File, connection: sqlite3.Connection) -> None:
            monkeypatch.setattr(File, "_use_log", use_log)
            with closing(open_sqlite(path, cache=cache)) as first:
                begin(first)
            use_log(self, connection)

        monkeypatch.setattr(File, "_use_log", late)
        with closing(open_sqlite(path, cache=cache)) as second:
            assert second.find("") == [ROOT]

    def test_another_process_begins_to_write_while_the_log_is_switched_on(
        self, path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        use_log = File._use_log

        def disturbed(self: File, connection: sqlite3.Connection) -> None:
            with held(path):
                use_log(self, connection)

        monkeypatch.setattr(File, "_use_log", disturbed)
        with pytest.raises(LedgerLocked):
            open_sqlite(path, cache=cache, timeout=0.05)

    def test_a_database_that_cannot_be_made_is_not_there_in_part(self, path: Path, cache: Path) -> None:
        compiled = load(cache)
        broken = compiled._replace(tables=[*compiled.tables, "CREATE TABLE"])
        with pytest.raises(LedgerError):
            File(path, broken, "NORMAL", 1.0, read_only=False).prepare()
        with closing(open_sqlite(path, cache=cache)) as ledger:
            assert ledger.find("") == []

    def test_a_new_database_that_another_process_holds(self, path: Path, cache: Path) -> None:
        with closing(sqlite3.connect(path, isolation_level=None)) as connection:
            connection.execute("BEGIN EXCLUSIVE")
            with pytest.raises(LedgerLocked):
                open_sqlite(path, cache=cache, timeout=0.05)

    def test_a_forked_child_is_cut_off(self, ledger: SqlLedger, path: Path, cache: Path) -> None:
        begin(ledger)
        reader, writer = os.pipe()
        child = os.fork()
        if not child:
            os.write(writer, _in_child(ledger, path, cache).encode())
            os._exit(0)
        os.waitpid(child, 0)
        assert (
            os.read(reader, 10_000).decode()
            == f"the ledger {path} was opened before this process was forked: open it again here, 2"
        )
        assert ledger.commit(ROOT, []) == 3


def _in_child(ledger: SqlLedger, path: Path, cache: Path) -> str:
    try:
        ledger.pipeline_run(ROOT)
    except LedgerError as error:
        ledger.close()
        own = open_sqlite(path, cache=cache)
        return f"{error}, {own.commit(ROOT, [])}"
    return "not refused"


class TestThreads:
    def test_many_write_and_read_through_one_ledger(self, ledger: SqlLedger, path: Path) -> None:
        begin(ledger)
        failures: list[BaseException] = []

        def work(first: int) -> None:
            try:
                for number in range(first, first + 100):
                    ledger.commit(ROOT, [RunsAdded([run(id_of(number), parent_id=ROOT, position=number)])])
                    assert ledger.run(id_of(number)).position == number
                    assert ledger.runs(ROOT)
            except BaseException as error:
                failures.append(error)

        threads = [threading.Thread(target=work, args=(1000 * number,)) for number in range(1, 5)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert failures == []
        assert [step.seq for step in ledger.changes_after(ROOT, 0)] == list(range(1, 402))

    def test_readers_see_the_last_commit_while_another_is_made(self, ledger: SqlLedger) -> None:
        begin(ledger)
        seen: list[int] = []

        def runs() -> Iterator[object]:
            thread = threading.Thread(target=lambda: seen.append(ledger.pipeline_run(ROOT).seq))
            thread.start()
            thread.join()
            yield run(id_of(5))

        ledger.commit(ROOT, [RunMoved(ROOT, State.RUNNING, 1.0), RunsAdded(runs())])  # type: ignore[arg-type]
        assert seen == [1]

    def test_a_closed_ledger_says_so(self, ledger: SqlLedger) -> None:
        begin(ledger)

        def closing_runs() -> Iterator[object]:
            ledger.close()
            yield run(id_of(5))

        ledger.commit(ROOT, [RunsAdded(closing_runs())])  # type: ignore[arg-type]
        with pytest.raises(LedgerError, match="is closed"):
            ledger.pipeline_run(ROOT)


class TestDisk:
    def test_full(self, tmp_path: Path, cache: Path) -> None:
        folder = tmp_path / "small"
        folder.mkdir()
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder)], check=True)
        try:
            with closing(open_sqlite(folder / "ledger.db", cache=cache)) as ledger:
                begin(ledger)
                large = (run(id_of(100 + number), parent_id=ROOT) for number in range(100_000))
                with pytest.raises(LedgerError, match=r"the disk .*: .*nothing of this write was kept"):
                    ledger.commit(ROOT, [RunMoved(ROOT, State.RUNNING, 1.0), RunsAdded(large)])
                assert [one.state for one in ledger.runs(ROOT)] == [State.CREATED]
                assert start(ledger) == 2
        finally:
            subprocess.run(["umount", str(folder)], check=True)

    def test_recorded_bytes_are_verified(self, ledger: SqlLedger, path: Path) -> None:
        begin(ledger)
        one = artifact(b"whole")
        ledger.commit(ROOT, [ArtifactsAdded([one])])
        with closing(sqlite3.connect(path)) as connection:
            connection.execute("UPDATE artifacts SET payload = x'62726f6b6e'")
            connection.commit()
        with pytest.raises(ArtifactError, match=f"artifact {one.id} is corrupt"):
            ledger.artifact(one.id)

    def test_text_that_is_no_text(self, ledger: SqlLedger) -> None:
        begin(ledger)
        with pytest.raises(LedgerError, match=r"cannot be recorded: .*surrogates not allowed"):
            ledger.commit(ROOT, [RunsAdded([run(id_of(5), name="\udc80")])])
        assert start(ledger) == 2


class TestRemoval:
    def test_what_a_crash_left_is_collected(self, ledger: SqlLedger) -> None:
        begin(ledger, owner=None)
        start(ledger)
        begin(ledger, OTHER)
        ledger._write(ROOT, Transaction.bury)
        assert ledger.find(ROOT) == [ROOT]
        ledger.collect()
        assert ledger.find("") == [OTHER]
        with pytest.raises(KeyError):
            ledger.changes_after(ROOT, 0)


def test_a_large_graph_streams(ledger: SqlLedger) -> None:
    begin(ledger)
    alive = [0, 0]

    class Counted:
        def __init__(self) -> None:
            alive[0] += 1
            alive[1] = max(alive)

        def __del__(self) -> None:
            alive[0] -= 1

    def runs() -> Iterator[object]:
        for number in range(20_000):
            token = Counted()
            yield run(id_of(100 + number), parent_id=ROOT, position=number)
            del token

    ledger.commit(ROOT, [RunsAdded(runs())])  # type: ignore[arg-type]
    assert alive == [0, 1]
    assert len(ledger.children(ROOT)) == 20_000


def test_a_step_of_a_chain(ledger: SqlLedger) -> None:
    """The shape of most commits: the end of one run together with the start of the next."""
    begin(ledger)
    start(ledger)
    result = artifact(b"1")
    ledger.commit(
        ROOT,
        [
            RunsAdded([run(OTHER)]),
            AttemptEnded(ROOT, 1, NONCE, State.RESOLVED, 3.0),
            ArtifactsAdded([result]),
            RunMoved(ROOT, State.RESOLVED, 3.0, output=result.id),
            RunMoved(OTHER, State.RUNNING, 3.0, 1),
            AttemptAdded(attempt(OTHER)),
        ],
    )
    assert ledger.changes_after(ROOT, 2)[0].run_ids == (OTHER, ROOT)
    assert ledger.pipeline_run(ROOT) == pipeline_run(seq=3)
