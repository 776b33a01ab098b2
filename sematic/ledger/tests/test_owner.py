"""Whose pipeline run it is, and whether that process still lives."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from sematic.engine.changes import PipelineRunMoved
from sematic.engine.records import Failure
from sematic.engine.states import State
from sematic.ledger import owner
from sematic.ledger.memory import MemoryLedger
from sematic.ledger.sql.sqlite import open_sqlite
from sematic.ledger.tests.samples import ROOT, begin, start


@pytest.fixture(params=["proc", "ps"])
def system(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """With /proc, and without it as on macOS."""
    if request.param == "ps":
        monkeypatch.setattr(owner, "_PROC", tmp_path / "nothing")


def someone(**values: object) -> str:
    return json.dumps({**json.loads(owner.current_owner()), **values})


def child(code: str) -> subprocess.Popen[str]:
    return subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


@pytest.mark.usefixtures("system")
class TestAlive:
    def test_this_process(self) -> None:
        assert owner.alive(owner.current_owner()) is True
        assert json.loads(owner.current_owner())["pid"] == os.getpid()

    def test_another_process_from_birth_to_burial(self) -> None:
        process = child("print(1, flush=True); input()")
        assert process.stdout is not None
        process.stdout.readline()
        other = someone(pid=process.pid, started=owner._started(process.pid))
        assert owner.alive(other) is True
        process.kill()
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        assert owner.alive(other) is False
        process.communicate()
        assert owner.alive(other) is False

    def test_a_process_id_that_was_used_again(self) -> None:
        assert owner.alive(someone(started="long ago")) is False

    @pytest.mark.parametrize("text", ["", "{}", "[]", '{"pid": 1}', "me"])
    def test_what_names_nobody(self, text: str) -> None:
        assert owner.alive(text) is None

    def test_other_places(self) -> None:
        assert owner.alive(someone(host="elsewhere")) is None
        assert owner.alive(someone(pids="pid:[1]")) is None
        assert owner.alive(someone(host="elsewhere", boot="b")) is None
        assert owner.alive(someone(boot="b", machine="m")) is None

    def test_before_the_machine_was_started_again(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        monkeypatch.setattr(owner, "_MACHINE_ID", tmp_path / "machine-id")
        assert owner.alive(someone(boot="b")) is None
        (tmp_path / "machine-id").write_text("m\n")
        assert owner.alive(someone(boot="b")) is False


def test_a_program_that_is_not_there_says_nothing() -> None:
    assert owner._output("no-such-program-anywhere") == ""


class TestSettle:
    def test_a_dead_owner(self) -> None:
        ledger = MemoryLedger()
        dead = someone(started="long ago", pid=42)
        begin(ledger, owner=dead)
        start(ledger)
        settled = owner.settle(ledger, ledger.pipeline_run(ROOT))
        assert settled == ledger.pipeline_run(ROOT)
        assert settled.owner is None and settled.interrupted_at is not None
        assert ledger.run(ROOT).state is State.RETRYING
        failure = Failure.from_json(ledger.attempts(ROOT)[0].failure or "")
        assert (failure.kind, failure.retryable) == ("infrastructure", True)
        assert failure.message == "the process that ran it (pid 42) ended without finishing"

    def test_those_that_need_nothing(self) -> None:
        for fields in ({"owner": owner.current_owner()}, {"owner": None}, {"owner": someone(host="elsewhere")}):
            ledger = MemoryLedger()
            begin(ledger, **fields)
            assert owner.settle(ledger, ledger.pipeline_run(ROOT)).seq == 1

    def test_one_that_ended_meanwhile(self) -> None:
        ledger = MemoryLedger()
        begin(ledger, owner=someone(started="long ago"))
        before = ledger.pipeline_run(ROOT)
        ledger.commit(ROOT, [PipelineRunMoved(State.RESOLVED, 3.0)])
        settled = owner.settle(ledger, before)
        assert (settled.state, settled.interrupted_at) == (State.RESOLVED, None)
        assert owner.settle(ledger, settled) is settled

    def test_where_nothing_can_be_written(self, tmp_path: Path, cache: Path) -> None:
        path = tmp_path / "ledger.db"
        with closing(open_sqlite(path, cache=cache)) as ledger:
            begin(ledger, owner=someone(started="long ago"))
        with closing(open_sqlite(path, cache=cache, read_only=True)) as reader:
            settled = owner.settle(reader, reader.pipeline_run(ROOT))
            assert settled.owner is None and settled.interrupted_at is not None
            assert reader.pipeline_run(ROOT).owner is not None
