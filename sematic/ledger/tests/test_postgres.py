"""What only a server can suffer: lost connections and answers, restarts, kills, deadlocks, passwords, other hands."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg
import pytest

from sematic.engine.changes import (
    ArtifactsAdded,
    Change,
    RunMoved,
    RunsAdded,
)
from sematic.engine.states import State
from sematic.errors import Fenced, LedgerAway, LedgerError, LedgerLocked
from sematic.ledger.sql.feed import Feed
from sematic.ledger.sql.ledger import SqlLedger
from sematic.ledger.sql.opening import open_ledger
from sematic.ledger.sql.postgres import lock_of, open_postgres
from sematic.ledger.sql.postgres_pool import Pool, Server
from sematic.ledger.sql.postgres_schema import check_server
from sematic.ledger.tests.lossy import Lossy
from sematic.ledger.tests.places import new_place
from sematic.ledger.tests.samples import (
    OTHER,
    ROOT,
    artifact,
    begin,
    id_of,
    run,
    stored_artifact,
)
from sematic.ledger.tests.writers import check_chain, writer
from tools.testing.postgres import Postgres

CHILD = id_of(16)
GROWS: list[Change] = [RunsAdded([run(CHILD, parent_id=ROOT)]), RunMoved(CHILD, State.RUNNING, 2.0, 1)]


class Happens:
    """A store that does something the first time it is asked: in the middle of a transaction."""

    def __init__(self, what: Callable[[], object]) -> None:
        self.what = what
        self.times = 0

    def exists(self, digest: str, size: int) -> bool:
        self.times += 1
        if self.times == 1:
            self.what()
        return True

    def collect(self, referenced: set[str], keep_seconds: float) -> tuple[int, int]:
        return 0, 0


@pytest.fixture
def ledger(url: str) -> Iterator[SqlLedger]:
    with closing(open_postgres(url)) as ledger:
        yield ledger


def execute(url: str, statement: str, *values: Any) -> list[Any]:
    with psycopg.connect(url, autocommit=True) as connection:
        cursor = connection.execute(statement, values)
        return cursor.fetchall() if cursor.description else []


def cut_off(url: str) -> int:
    """Ends all other sessions of this test; how many there were."""
    return len(execute(url, f"SELECT pg_terminate_backend(pid) FROM {_SESSIONS}", name_in(url)))


_SESSIONS = "pg_stat_activity WHERE application_name = %s AND pid <> pg_backend_pid()"


def name_in(url: str) -> str:
    return url.rpartition("=")[2]


def named(url: str) -> str:
    """With sessions that can be told from those of other tests."""
    return f"{url}&application_name={url.partition('%3D')[2]}"


def once(ledger: SqlLedger, seq: int) -> None:
    """GROWS is recorded, whole and once, as the commit `seq`."""
    assert ledger.pipeline_run(ROOT).seq == seq
    assert [step.seq for step in ledger.changes_after(ROOT, 0)] == list(range(1, seq + 1))
    assert [step.seq for step in ledger.changes_after(ROOT, 0) if CHILD in step.run_ids] == [seq]
    assert [found.id for found in ledger.runs(ROOT)] == [ROOT, CHILD]
    assert ledger.run(CHILD).state is State.RUNNING


class TestLostConnections:
    def test_a_session_is_ended_between_two_statements(self, url: str) -> None:
        blobs = Happens(lambda: ended.append(cut_off(named(url))))
        ended: list[int] = []
        with closing(open_postgres(named(url), blobs=blobs)) as ledger:
            begin(ledger)
            assert ledger.commit(ROOT, [*GROWS, ArtifactsAdded([stored_artifact()])]) == 2
            assert (ended[0] >= 1, blobs.times) == (True, 2)
            once(ledger, 2)

    def test_idle_ones_too(self, url: str) -> None:
        with closing(open_postgres(named(url))) as ledger:
            begin(ledger)
            assert cut_off(named(url)) >= 1
            assert ledger.pipeline_run(ROOT).seq == 1
            assert cut_off(named(url)) >= 1
            assert ledger.commit(ROOT, GROWS) == 2
            once(ledger, 2)

    @pytest.mark.parametrize("when", ["before", "after"])
    def test_the_answer_to_a_commit_is_lost(self, url: str, when: str) -> None:
        """The server has not got the COMMIT, or has carried it out: nobody can tell from the outside."""
        with Lossy(url) as way, closing(open_postgres(way.url)) as ledger:
            begin(ledger)
            way.lose(when)
            assert ledger.commit(ROOT, GROWS) == 2
            assert way.lost == 1
            once(ledger, 2)

    @pytest.mark.parametrize("when", ["before", "after"])
    def test_the_answer_to_the_first_commit_is_lost(self, url: str, when: str) -> None:
        with Lossy(url) as way, closing(open_postgres(way.url)) as ledger:
            way.lose(when)
            begin(ledger)
            assert way.lost == 1
            assert ledger.pipeline_run(ROOT).seq == 1

    @pytest.mark.parametrize("when", ["before", "after"])
    def test_the_answer_to_a_removal_is_lost(self, url: str, when: str) -> None:
        with Lossy(url) as way, closing(open_postgres(way.url)) as ledger:
            begin(ledger, owner=None)
            way.lose(when)
            ledger.remove(ROOT)
            assert way.lost == 1
            assert ledger.find("") == []
            with pytest.raises(KeyError):
                ledger.remove(ROOT)

    def test_a_commit_that_is_refused_is_refused_after_a_loss_too(self, url: str) -> None:
        with closing(open_postgres(named(url), blobs=Happens(lambda: cut_off(named(url))))) as ledger:
            begin(ledger)
            refused = RunMoved(CHILD, State.RUNNING, 2.0)
            with pytest.raises(Fenced, match="has no run"):
                ledger.commit(ROOT, [ArtifactsAdded([stored_artifact()]), refused])
            assert ledger.pipeline_run(ROOT).seq == 1

    def test_who_gives_up_may_ask_again_later(self, url: str) -> None:
        with Lossy(url) as way:
            with closing(open_postgres(way.url, timeout=1.0)) as ledger:
                begin(ledger)
                way.lose("after", and_then_refuse=True)
                with pytest.raises(LedgerAway, match=r"cannot be reached .*has been kept is not known"):
                    ledger.commit(ROOT, GROWS, nonce="mine")
            with closing(open_postgres(url)) as ledger:
                assert ledger.commit(ROOT, GROWS, nonce="mine") == 2
                once(ledger, 2)


class TestServers:
    def test_restarted_and_killed_in_the_middle_of_a_commit(self) -> None:
        with Postgres(durable=True) as server:
            for restart in (server.restart, lambda: (server.kill(), server.start())):
                with closing(open_postgres(new_place(server), blobs=Happens(restart))) as ledger:
                    begin(ledger)
                    assert ledger.commit(ROOT, [*GROWS, ArtifactsAdded([stored_artifact()])]) == 2
                    once(ledger, 2)

    def test_killed_again_and_again_under_writers(self, cache: Path) -> None:
        """Each commit of each is there, whole, once, and was given the number that it has."""
        firsts, count, kills = (1_000, 2_000), 150, 12
        with Postgres(durable=True) as server:
            url = new_place(server)
            with closing(open_postgres(url)) as ledger:
                begin(ledger)
                writers = [writer(url, cache, ROOT, first, count) for first in firsts]
                heard: list[list[int]] = [[], []]
                for number in range(kills):
                    process = writers[number % 2]
                    assert process.stdout is not None
                    heard[number % 2] += [int(process.stdout.readline()) for _ in range(10)]
                    server.kill()
                    server.start()
                for process, numbers in zip(writers, heard):
                    assert process.stdout is not None
                    numbers += map(int, process.stdout)
                    assert (process.wait(), process.communicate()[0]) == (0, "")  # The driver may warn of a loss.
                assert sorted(heard[0] + heard[1]) == list(range(2, 2 + 2 * count))
                assert [step.seq for step in ledger.changes_after(ROOT, 1)] == sorted(heard[0] + heard[1])
                for first in firsts:
                    check_chain(ledger, ROOT, first, count)

    def test_away_for_longer_than_one_waits(self) -> None:
        with Postgres() as server, closing(open_postgres(new_place(server), timeout=0.5)) as ledger:
            begin(ledger)
            server.stop()
            for use in (lambda: ledger.pipeline_run(ROOT), lambda: ledger.commit(ROOT, [])):
                with pytest.raises(LedgerAway, match=r"127.0.0.1:\d+, database postgres, cannot be reached \(.*check"):
                    use()
            server.start()
            assert ledger.commit(ROOT, []) == 2

    def test_hints_are_heard_again_after_a_restart(self) -> None:
        with Postgres() as server:
            place = new_place(server)
            with closing(open_postgres(place)) as ledger, closing(open_postgres(place)) as other:
                begin(ledger)
                heard = threading.Event()
                other.subscribe(lambda id: heard.set())
                while not heard.is_set():
                    ledger.commit(ROOT, [])
                server.restart()
                heard.clear()
                while not heard.is_set():
                    ledger.commit(ROOT, [])

    def test_the_feed_goes_on_after_a_restart(self) -> None:
        with (
            Postgres() as server,
            closing(open_postgres(new_place(server))) as ledger,
            closing(Feed(ledger)) as feed,
        ):
            begin(ledger)
            assert feed.wait(ROOT, 0, 60.0)
            server.restart()
            ledger.commit(ROOT, [])
            assert feed.wait(ROOT, 1, 60.0)


def lock_is_waited_for(url: str) -> None:
    """Returns when a session of this test waits for a lock."""
    waits = "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND application_name = %s"
    while not execute(url, waits, name_in(url)):
        pass


class TestLocks:
    def test_a_lock_is_waited_for_up_to_a_limit(self, url: str) -> None:
        with closing(open_postgres(url, timeout=0.2)) as ledger, psycopg.connect(url) as holder:
            begin(ledger)
            holder.execute("SELECT pg_advisory_xact_lock(%s)", (lock_of(ROOT),))
            with pytest.raises(LedgerLocked, match=r"did not answer within 0.2 s: find what holds it"):
                ledger.commit(ROOT, [])
            assert ledger.pipeline_run(ROOT).seq == 1
            begin(ledger, OTHER)
            holder.rollback()
            assert ledger.commit(ROOT, []) == 2

    def test_a_client_that_vanished_does_not_hold_its_locks_for_good(self, url: str) -> None:
        """Its session is ended by the server, before those who wait give up."""
        with closing(open_postgres(url)) as ledger:
            begin(ledger)
        options = url + "%20-cidle_in_transaction_session_timeout%3D200"
        with psycopg.connect(options) as vanished, closing(open_postgres(url)) as ledger:
            vanished.execute("SELECT pg_advisory_xact_lock(%s)", (lock_of(ROOT),))
            assert ledger.commit(ROOT, []) == 2
            vanished.close()

    def test_deadlocks_are_tried_again(self) -> None:
        """Two pipeline runs add the same two artifacts, in one order and in the other."""
        both = threading.Barrier(2)
        artifacts = [stored_artifact("6" * 64), stored_artifact("7" * 64)]
        answers: list[int] = []

        def commit(place: str, id: str, order: list[Any]) -> None:
            with closing(open_postgres(place, blobs=Happens(both.wait))) as ledger:
                answers.append(ledger.commit(id, [ArtifactsAdded(order)]))

        with Postgres("deadlock_timeout=10ms") as server:
            place = new_place(server)
            with closing(open_postgres(place)) as ledger:
                begin(ledger)
                begin(ledger, OTHER)
                threads = [
                    threading.Thread(target=commit, args=(place, ROOT, artifacts)),
                    threading.Thread(target=commit, args=(place, OTHER, artifacts[::-1])),
                ]
                for thread in threads:
                    thread.start()
                for thread in threads:
                    thread.join()
                assert answers == [2, 2]
                assert len(ledger.find_artifacts("")) == 2
            assert server.log.count("deadlock detected") == 1

    def test_an_artifact_that_is_named_while_others_are_collected_stays(self, url: str) -> None:
        old = artifact(b"old")
        named_url = named(url)
        with closing(open_postgres(url)) as ledger:
            begin(ledger)
            ledger.commit(ROOT, [ArtifactsAdded([old])])
            execute(url, "UPDATE artifacts SET touched_at = 0")
            with closing(open_postgres(named_url)) as collector:
                thread = threading.Thread(target=collector.collect)

                def meanwhile() -> None:
                    thread.start()
                    lock_is_waited_for(named_url)

                with closing(open_postgres(url, blobs=Happens(meanwhile))) as writer:
                    writer.commit(ROOT, [ArtifactsAdded([old, stored_artifact()])])
                thread.join()
            assert ledger.artifact(old.id).blob.data == b"old"

    def test_connections_are_waited_for_up_to_a_limit(self, url: str) -> None:
        with closing(Pool(Server(url, 30.0).connect, 1, "the ledger", 0.1)) as pool:
            with (
                pool.connection(),
                pytest.raises(LedgerLocked, match="the ledger is busy: all 1 connections were in use for more than"),
                pool.connection(),
            ):
                pass
            with pool.connection() as connection:
                assert connection.execute("SELECT 1").fetchone() == (1,)

    def test_many_threads_share_few_connections(self, url: str) -> None:
        failures: list[BaseException] = []

        def work(first: int) -> None:
            try:
                for number in range(first, first + 15):
                    ledger.commit(ROOT, [RunsAdded([run(id_of(number), parent_id=ROOT, position=number)])])
                    assert ledger.run(id_of(number)).position == number
            except BaseException as error:
                failures.append(error)

        with closing(open_postgres(named(url))) as ledger:
            begin(ledger)
            threads = [threading.Thread(target=work, args=(1000 * number,)) for number in range(1, 17)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            assert failures == []
            assert [step.seq for step in ledger.changes_after(ROOT, 0)] == list(range(1, 242))
            # The ninth is the one that tells others.
            assert execute(named(url), f"SELECT count(*) FROM {_SESSIONS}", name_in(named(url)))[0][0] <= 9


class TestSentences:
    def test_nobody_there(self) -> None:
        with pytest.raises(LedgerAway, match=r"PostgreSQL at 127.0.0.1:1, database d, cannot be reached .*check that"):
            open_postgres("postgresql://u@127.0.0.1:1/d", timeout=0.1)

    def test_an_unknown_host(self) -> None:
        with pytest.raises(LedgerAway, match="PostgreSQL at nowhere.invalid:5432.* cannot be reached"):
            open_postgres("postgresql://u@nowhere.invalid/d", timeout=0.1)

    def test_a_wrong_password_is_never_told(self) -> None:
        with Postgres(password="r1ght") as server:
            open_postgres(server.url()).close()
            wrong = server.url().replace("r1ght", "c4nary")
            with pytest.raises(LedgerError, match="refuses the user: check name and password") as caught:
                open_postgres(wrong)
            assert caught.type is LedgerError
            told = subprocess.run([sys.executable, "-c", _OPEN, wrong], capture_output=True, text=True, check=False)
            assert "refuses the user" in told.stderr
            assert "c4nary" not in told.stderr
            assert "c4nary" not in server.log

    @pytest.mark.parametrize("url", ["postgresql://u:c4nary%zz@h/d", "postgresql://u:c4nary@h:port:1/d?x=c4nary"])
    def test_a_url_that_is_none(self, url: str) -> None:
        told = subprocess.run([sys.executable, "-c", _OPEN, url], capture_output=True, text=True, check=False)
        assert "cannot be read: write it as postgresql://user@host:5432/database" in told.stderr
        assert "c4nary" not in told.stderr.replace(repr(url), "")

    def test_no_such_database(self, server: Postgres) -> None:
        with pytest.raises(LedgerError, match="database nothing, is not there: make it with createdb"):
            open_postgres(server.url("nothing"))

    def test_no_such_schema(self, server: Postgres) -> None:
        with pytest.raises(LedgerError, match="has no schema on its search_path"):
            open_postgres(f"{server.url()}?options=-csearch_path%3Dnowhere")

    def test_no_rights(self, server: Postgres, url: str) -> None:
        execute(url, "CREATE ROLE guest LOGIN")
        with pytest.raises(LedgerError, match="does not let this user do that"):
            open_postgres(server.url().replace("tester@", "guest@"))

    def test_an_old_server(self) -> None:
        with pytest.raises(LedgerError, match="the ledger is PostgreSQL 12: Sematic needs 13 or newer"):
            check_server(120_022, "UTF8", "the ledger")
        check_server(130_000, "UTF8", "the ledger")

    def test_another_encoding(self, server: Postgres) -> None:
        execute(server.url(), "CREATE DATABASE latin ENCODING LATIN1 LOCALE 'C' TEMPLATE template0")
        with pytest.raises(LedgerError, match="keeps text as LATIN1: make the database with createdb --encoding=UTF8"):
            open_postgres(server.url("latin"))

    def test_another_program_s_tables(self, url: str) -> None:
        execute(url, "CREATE TABLE runs (x integer)")
        with pytest.raises(LedgerError, match="is no ledger but has a table runs: name a database, or a schema"):
            open_postgres(url)
        assert execute(url, "SELECT tablename FROM pg_tables WHERE schemaname = current_schema()") == [("runs",)]

    def test_tables_that_were_changed(self, ledger: SqlLedger, url: str) -> None:
        begin(ledger)
        execute(url, "DROP TABLE steps")
        with pytest.raises(LedgerError, match="has other tables than this Sematic's"):
            ledger.commit(ROOT, [])

    @pytest.mark.parametrize("name", ["\0", "\udc80"])
    def test_text_that_is_no_text(self, ledger: SqlLedger, name: str) -> None:
        begin(ledger)
        with pytest.raises(LedgerError, match="cannot be recorded"):
            ledger.commit(ROOT, [RunsAdded([run(CHILD, name=name)])])
        assert ledger.commit(ROOT, []) == 2

    def test_an_id_that_is_too_long_is_not_cut(self, ledger: SqlLedger) -> None:
        begin(ledger)
        with pytest.raises(LedgerError, match="cannot be recorded"):
            ledger.commit(ROOT, [RunsAdded([run(CHILD + "0")])])
        with pytest.raises(KeyError):
            ledger.run(ROOT + "0")

    def test_a_closed_ledger_says_so(self, url: str) -> None:
        ledger = open_postgres(url)
        begin(ledger)
        ledger.close()
        with pytest.raises(LedgerError, match="is closed"):
            ledger.pipeline_run(ROOT)


_OPEN = "import sys; from sematic.ledger.sql.opening import open_ledger; open_ledger(sys.argv[1])"
_WITHOUT = f"import sys; sys.modules['psycopg'] = None; {_OPEN}"


class TestOpening:
    def test_by_place(self, url: str, tmp_path: Path) -> None:
        for place in (url, url.replace("postgresql:", "postgres:"), str(tmp_path / "ledger.db")):
            with closing(open_ledger(place)) as ledger:
                ledger.find("")
        assert (tmp_path / "ledger.db").exists()

    def test_another_database(self) -> None:
        with pytest.raises(
            LedgerError, match=r"a ledger cannot be at mysql://…: name a file for SQLite, or postgresql"
        ):
            open_ledger("mysql://u:secret@h/d")

    def test_without_the_driver(self, url: str) -> None:
        told = subprocess.run([sys.executable, "-c", _WITHOUT, url], capture_output=True, text=True, check=False)
        assert "needs a driver that is not installed" in told.stderr
        assert "pip install 'sematic[server]'" in told.stderr

    def test_a_forked_child_is_cut_off(self, url: str) -> None:
        with closing(open_postgres(url)) as ledger:
            begin(ledger)
            reader, writer = os.pipe()
            child = os.fork()
            if not child:
                os.write(writer, _in_child(ledger, url).encode())
                os._exit(0)
            os.waitpid(child, 0)
            assert (
                os.read(reader, 10_000)
                .decode()
                .endswith("was opened before this process was forked: open it again here, 2")
            )
            assert ledger.commit(ROOT, []) == 3


def _in_child(ledger: SqlLedger, url: str) -> str:
    try:
        ledger.pipeline_run(ROOT)
    except LedgerError as error:
        ledger.close()
        return f"{error}, {open_postgres(url).commit(ROOT, [])}"
    return "not refused"
