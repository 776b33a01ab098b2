"""What both ledgers promise: commits are all or nothing, late writers are refused, reads say what was committed."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from sematic.engine.changes import (
    ArtifactsAdded,
    AttemptAdded,
    AttemptClaimed,
    AttemptEnded,
    Change,
    Interrupted,
    OwnerTaken,
    PipelineRunAdded,
    PipelineRunMoved,
    RestCanceled,
    RunMoved,
    RunsAdded,
    SourceAdded,
)
from sematic.engine.records import Run
from sematic.engine.states import MOVES, TERMINAL, State
from sematic.errors import Fenced, LedgerError
from sematic.ledger.base import EVERYTHING, NAMED_LIMIT, Ledger, Step
from sematic.ledger.tests.samples import (
    NONCE,
    OTHER,
    OWNER,
    ROOT,
    STORED,
    FakeBlobs,
    MakeLedger,
    artifact,
    attempt,
    begin,
    facts,
    id_of,
    pipeline_run,
    record,
    run,
    start,
    stored_artifact,
)

CHILD = id_of(16)


def refused(
    ledger: Ledger, changes: list[Change], match: str, id: str = ROOT, kind: type[LedgerError] = Fenced
) -> None:
    """The commit is refused with a sentence, and nothing of it is recorded."""
    before = record(ledger, [ROOT, OTHER])
    with pytest.raises(kind, match=match) as caught:
        ledger.commit(id, [SourceAdded("kept?", "no"), *changes])
    assert caught.type is kind
    assert record(ledger, [ROOT, OTHER]) == before
    with pytest.raises(KeyError):
        ledger.source("kept?")


class TestCommit:
    def test_sequences_count_the_commits_of_each_pipeline_run(self, ledger: Ledger) -> None:
        begin(ledger)
        begin(ledger, OTHER)
        assert start(ledger) == 2
        assert ledger.commit(ROOT, []) == 3
        assert ledger.pipeline_run(ROOT).seq == 3
        assert ledger.pipeline_run(OTHER).seq == 1
        assert ledger.changes_after(ROOT, 0) == [Step(1, (ROOT,)), Step(2, (ROOT,)), Step(3, ())]
        assert ledger.changes_after(ROOT, 1, limit=1) == [Step(2, (ROOT,))]
        assert ledger.changes_after(ROOT, 3) == []

    def test_all_fields_come_back(self, ledger: Ledger) -> None:
        whole = pipeline_run(
            name="n", tags='["t"]', command="[]", git="{}", settings="{}", resumed_from=OTHER, interrupted_at=3.5
        )
        node = Run(
            CHILD, ROOT, "m:f", '{"x":["c","1"]}', ROOT, 1, 2, "node", "{}", State.RAN, 1, 1.5, 2.5, None, "{}", "o",
            '["r",0]', "f", OTHER,
        )  # fmt: skip
        tried = attempt(CHILD, 1, started_at=2.5, owner="w", source="s", cpu_seconds=0.5, peak_memory=1 << 40, log="{}")
        changes = [PipelineRunAdded(whole), RunsAdded([run(ROOT)]), RunsAdded([node]), AttemptAdded(tried)]
        ledger.commit(ROOT, changes)
        assert ledger.pipeline_run(ROOT) == whole._replace(seq=1)
        assert ledger.run(CHILD) == node
        assert ledger.attempts(CHILD) == [tried]
        assert type(ledger.run(CHILD).state) is State
        assert type(ledger.attempts(CHILD)[0].state) is State

    def test_a_graph_may_be_a_generator_and_its_step_names_everything_when_large(self, ledger: Ledger) -> None:
        begin(ledger)
        small = (run(id_of(100 + i), parent_id=ROOT, position=i) for i in range(NAMED_LIMIT))
        ledger.commit(ROOT, [RunsAdded(small)])
        large = (run(id_of(10_000 + i), parent_id=ROOT, position=2000 + i) for i in range(NAMED_LIMIT + 1))
        ledger.commit(ROOT, [RunMoved(ROOT, State.RUNNING, 2.0), RunsAdded(large)])
        steps = ledger.changes_after(ROOT, 1)
        assert steps[0].run_ids == tuple(id_of(100 + i) for i in range(NAMED_LIMIT))
        assert steps[1].run_ids == (EVERYTHING,)
        assert len(ledger.children(ROOT)) == 2 * NAMED_LIMIT + 1

    def test_nothing_is_kept_when_the_changes_themselves_fail(self, ledger: Ledger) -> None:
        begin(ledger)

        def failing() -> Iterator[Run]:
            yield run(CHILD, parent_id=ROOT)
            raise ZeroDivisionError

        before = record(ledger, [ROOT])
        with pytest.raises(ZeroDivisionError):
            ledger.commit(ROOT, [RunMoved(ROOT, State.RUNNING, 2.0), RunsAdded(failing())])
        assert record(ledger, [ROOT]) == before
        assert start(ledger) == 2

    def test_a_pipeline_run_is_added_once(self, ledger: Ledger) -> None:
        begin(ledger)
        refused(ledger, [PipelineRunAdded(pipeline_run())], "recorded already", kind=LedgerError)

    def test_a_commit_is_of_one_pipeline_run(self, ledger: Ledger) -> None:
        begin(ledger)
        begin(ledger, OTHER)
        refused(ledger, [PipelineRunAdded(pipeline_run(id_of(3)))], "cannot hold", kind=LedgerError)
        refused(ledger, [RunsAdded([run(CHILD, OTHER)])], "cannot hold run", kind=LedgerError)
        refused(ledger, [AttemptAdded(attempt(OTHER, pipeline_run_id=OTHER))], "cannot hold attempt", kind=LedgerError)
        refused(ledger, [RunMoved(OTHER, State.RUNNING, 2.0)], "has no run")
        refused(ledger, [AttemptAdded(attempt(OTHER))], "has no run")
        ledger.commit(OTHER, [AttemptAdded(attempt(OTHER, pipeline_run_id=OTHER))])
        refused(ledger, [AttemptEnded(OTHER, 1, NONCE, State.FAILED, 2.0)], "not in pipeline run")

    def test_unknown_pipeline_runs_are_refused(self, ledger: Ledger) -> None:
        changes: list[list[Change]] = [
            [],
            [RunsAdded([run(ROOT)])],
            [PipelineRunMoved(State.FAILED, 2.0)],
            [OwnerTaken(None, "me", 2.0)],
            [Interrupted("me", 2.0, "f")],
            [RestCanceled(2.0)],
        ]
        for change in changes:
            refused(ledger, change, "there is no pipeline run")

    def test_a_run_is_added_once(self, ledger: Ledger) -> None:
        begin(ledger)
        refused(ledger, [RunsAdded([run(CHILD), run(CHILD)])], f"run {CHILD} is recorded already", kind=LedgerError)

    def test_a_source_is_kept_once(self, ledger: Ledger) -> None:
        begin(ledger)
        ledger.commit(ROOT, [SourceAdded("d", "first"), SourceAdded("d", "second")])
        assert ledger.source("d") == "first"


class TestNonces:
    def test_a_commit_that_is_repeated_is_kept_once(self, ledger: Ledger) -> None:
        begin(ledger)
        changes: list[Change] = [RunsAdded([run(CHILD)]), RunMoved(CHILD, State.RUNNING, 2.0, 1)]
        assert ledger.commit(ROOT, changes, nonce="n") == 2
        assert ledger.commit(ROOT, []) == 3
        before = record(ledger, [ROOT])
        assert ledger.commit(ROOT, changes, nonce="n") == 2
        assert record(ledger, [ROOT]) == before
        assert ledger.commit(ROOT, [], nonce="m") == 4

    def test_the_first_commit_too(self, ledger: Ledger) -> None:
        for _ in range(2):
            assert ledger.commit(ROOT, [PipelineRunAdded(pipeline_run()), RunsAdded([run(ROOT)])], nonce="n") == 1
        assert ledger.pipeline_run(ROOT).seq == 1

    def test_what_was_refused_may_be_tried_again(self, ledger: Ledger) -> None:
        begin(ledger)
        with pytest.raises(Fenced):
            ledger.commit(ROOT, [RunMoved(CHILD, State.RUNNING, 2.0)], nonce="n")
        assert ledger.commit(ROOT, [RunMoved(ROOT, State.RUNNING, 2.0)], nonce="n") == 2

    def test_each_pipeline_run_has_its_own(self, ledger: Ledger) -> None:
        begin(ledger)
        begin(ledger, OTHER, owner=None)
        assert ledger.commit(OTHER, [], nonce="n") == 2
        assert ledger.commit(ROOT, [], nonce="n") == 2
        ledger.remove(OTHER)
        with pytest.raises(Fenced):
            ledger.commit(OTHER, [], nonce="n")
        assert ledger.commit(ROOT, [], nonce="n") == 2


class TestMoves:
    @pytest.mark.parametrize("source", State)
    @pytest.mark.parametrize("target", [state for state in State if state is not State.CREATED])
    def test_the_table_is_the_law(self, ledger: Ledger, source: State, target: State) -> None:
        begin(ledger)
        ledger.commit(ROOT, [RunsAdded([run(CHILD, state=source, started_at=1.5)])])
        move = RunMoved(CHILD, target, 3.0, 7)
        if target not in MOVES[source]:
            refused(ledger, [move], f"cannot become {target}: it is {source} .attempt 0")
            return
        ledger.commit(ROOT, [move])
        after = ledger.run(CHILD)
        assert (after.state, after.attempt, after.started_at) == (target, 7, 1.5)
        assert after.ended_at == (3.0 if target in TERMINAL else None)

    def test_nothing_becomes_created(self, ledger: Ledger) -> None:
        begin(ledger)
        refused(ledger, [RunMoved(ROOT, State.CREATED, 1.0)], "no run can enter state CREATED", kind=LedgerError)

    def test_given_fields_are_kept_and_others_left(self, ledger: Ledger) -> None:
        begin(ledger)
        start(ledger)
        ledger.commit(ROOT, [RunMoved(ROOT, State.RAN, 3.0, inputs="i", graph="g")])
        ledger.commit(ROOT, [RunMoved(ROOT, State.RESOLVED, 4.0, output="o", failure="f", taken_from="t")])
        expected = run(ROOT, function="m:root", state=State.RESOLVED, attempt=1, started_at=2.0, ended_at=4.0)
        assert ledger.run(ROOT) == expected._replace(inputs="i", graph="g", output="o", failure="f", taken_from="t")

    def test_the_first_start_counts(self, ledger: Ledger) -> None:
        begin(ledger)
        start(ledger)
        ledger.commit(ROOT, [RunMoved(ROOT, State.RETRYING, 3.0), RunMoved(ROOT, State.RUNNING, 4.0, 2)])
        assert (ledger.run(ROOT).started_at, ledger.run(ROOT).attempt) == (2.0, 2)

    def test_a_run_that_is_not_there_is_refused(self, ledger: Ledger) -> None:
        begin(ledger)
        refused(ledger, [RunMoved(CHILD, State.RUNNING, 1.0)], f"has no run {CHILD}")


class TestAttempts:
    def test_a_number_is_given_once(self, ledger: Ledger) -> None:
        begin(ledger)
        start(ledger)
        refused(ledger, [AttemptAdded(attempt(nonce="other"))], "has an attempt 1 already")

    def test_a_new_one_is_live(self, ledger: Ledger) -> None:
        begin(ledger)
        for new in (attempt(state=State.FAILED), attempt(ended_at=1.0)):
            refused(ledger, [AttemptAdded(new)], "a new attempt is SCHEDULED or RUNNING", kind=LedgerError)

    def test_claiming(self, ledger: Ledger) -> None:
        begin(ledger)
        ledger.commit(ROOT, [AttemptAdded(attempt(state=State.SCHEDULED, nonce=""))])
        ledger.commit(ROOT, [AttemptClaimed(ROOT, 1, "mine", "w", 2.0)])
        claimed = attempt(nonce="mine", owner="w", started_at=2.0)
        assert ledger.attempts(ROOT) == [claimed]
        ledger.commit(ROOT, [AttemptClaimed(ROOT, 1, "mine", "again", 3.0)])
        assert ledger.attempts(ROOT) == [claimed]
        refused(ledger, [AttemptClaimed(ROOT, 1, "yours", "w", 3.0)], "cannot be claimed: it is RUNNING under another")

    def test_what_cannot_be_claimed(self, ledger: Ledger) -> None:
        begin(ledger)
        claim = AttemptClaimed(ROOT, 1, NONCE, "w", 3.0)
        refused(ledger, [claim], "never recorded")
        ledger.commit(ROOT, [AttemptAdded(attempt(state=State.SCHEDULED))])
        ledger.commit(ROOT, [AttemptAdded(attempt(number=2))])
        refused(ledger, [claim], r"attempt 2 \(RUNNING\) has taken its place")
        ledger.commit(ROOT, [RestCanceled(2.0)])
        refused(ledger, [claim._replace(number=2)], "it ended CANCELED before")

    def test_ending(self, ledger: Ledger) -> None:
        begin(ledger)
        start(ledger, log='{"a":1}')
        ledger.commit(ROOT, [AttemptEnded(ROOT, 1, NONCE, State.FAILED, 3.0, "why", 0.5, 77)])
        ended = attempt(state=State.FAILED, ended_at=3.0, failure="why", cpu_seconds=0.5, peak_memory=77)
        assert ledger.attempts(ROOT) == [ended._replace(log='{"a":1}')]
        assert ledger.live_attempts(ROOT) == []

    def test_a_scheduled_one_may_end(self, ledger: Ledger) -> None:
        begin(ledger)
        ledger.commit(ROOT, [AttemptAdded(attempt(state=State.SCHEDULED))])
        ledger.commit(ROOT, [AttemptEnded(ROOT, 1, NONCE, State.FAILED, 3.0, log="l")])
        assert ledger.attempts(ROOT)[0].log == "l"

    def test_late_writers_are_refused(self, ledger: Ledger) -> None:
        begin(ledger)
        end = AttemptEnded(ROOT, 1, NONCE, State.RESOLVED, 3.0)
        refused(ledger, [end], "never recorded")
        start(ledger)
        refused(ledger, [end._replace(nonce="x" * 32)], r"another nonce \(nnnnnnnn… is recorded, xxxxxxxx… was given\)")
        refused(ledger, [end._replace(number=2)], "never recorded")
        ledger.commit(ROOT, [AttemptAdded(attempt(number=2))])
        refused(ledger, [end], "has taken its place")
        ledger.commit(ROOT, [end._replace(number=2)])
        refused(ledger, [end._replace(number=2)], "it ended RESOLVED before")

    def test_an_end_is_no_beginning(self, ledger: Ledger) -> None:
        begin(ledger)
        start(ledger)
        for state in (State.CREATED, State.SCHEDULED, State.RUNNING):
            refused(ledger, [AttemptEnded(ROOT, 1, NONCE, state, 3.0)], "cannot end", kind=LedgerError)

    def test_live_ones_of_one_pipeline_run(self, ledger: Ledger) -> None:
        begin(ledger)
        begin(ledger, OTHER)
        ledger.commit(OTHER, [AttemptAdded(attempt(OTHER, pipeline_run_id=OTHER))])
        ledger.commit(ROOT, [RunsAdded([run(id_of(9)), run(id_of(8))])])
        for id in (id_of(9), id_of(8)):
            start(ledger, id)
        assert [live.run_id for live in ledger.live_attempts(ROOT)] == [id_of(8), id_of(9)]


class TestTogether:
    def test_the_rest_is_canceled(self, ledger: Ledger) -> None:
        begin(ledger)
        begin(ledger, OTHER)
        ledger.commit(OTHER, [AttemptAdded(attempt(OTHER, pipeline_run_id=OTHER))])
        start(ledger)
        ledger.commit(ROOT, [RunsAdded([run(CHILD, state=State.FAILED, ended_at=1.0), run(id_of(17))])])
        ledger.commit(ROOT, [RestCanceled(5.0)])
        assert [(r.state, r.ended_at) for r in ledger.runs(ROOT)].count((State.CANCELED, 5.0)) == 2
        assert (ledger.run(CHILD).state, ledger.run(CHILD).ended_at) == (State.FAILED, 1.0)
        assert ledger.attempts(ROOT) == [attempt(state=State.CANCELED, ended_at=5.0)]
        assert ledger.changes_after(ROOT, 3) == [Step(4, (EVERYTHING,))]
        assert ledger.run(OTHER).state is State.CREATED
        assert len(ledger.live_attempts(OTHER)) == 1

    def test_a_pipeline_run_ends_once(self, ledger: Ledger) -> None:
        begin(ledger)
        ledger.commit(ROOT, [PipelineRunMoved(State.RUNNING, 2.0, OWNER)])
        assert ledger.pipeline_run(ROOT) == pipeline_run(state=State.RUNNING, seq=2)
        refused(ledger, [PipelineRunMoved(State.FAILED, 3.0, "you")], "cannot become FAILED: its owner is me")
        ledger.commit(ROOT, [PipelineRunMoved(State.FAILED, 3.0)])
        assert ledger.pipeline_run(ROOT) == pipeline_run(state=State.FAILED, owner=None, ended_at=3.0, seq=3)
        refused(ledger, [PipelineRunMoved(State.FAILED, 3.0)], "it ended FAILED before")
        refused(ledger, [OwnerTaken(None, "you", 3.0)], "cannot be taken over: it ended FAILED")

    def test_an_owner_dies_and_another_goes_on(self, ledger: Ledger) -> None:
        begin(ledger)
        begin(ledger, OTHER)
        ledger.commit(OTHER, [AttemptAdded(attempt(OTHER, pipeline_run_id=OTHER))])
        start(ledger)
        states = [State.RAN, State.SCHEDULED, State.RUNNING]
        ledger.commit(ROOT, [RunsAdded(run(id_of(20 + i), state=state) for i, state in enumerate(states))])
        ledger.commit(ROOT, [AttemptAdded(attempt(id_of(20 + i))) for i in range(2)])
        refused(ledger, [Interrupted("you", 5.0, "f")], "cannot be marked interrupted: its owner is me")
        ledger.commit(ROOT, [Interrupted(OWNER, 5.0, "f")])
        assert ledger.pipeline_run(ROOT) == pipeline_run(owner=None, interrupted_at=5.0, seq=5)
        assert [ledger.run(id).state for id in (ROOT, id_of(20), id_of(21), id_of(22))] == [
            State.RETRYING,
            State.RAN,
            State.RETRYING,
            State.RETRYING,
        ]
        assert ledger.attempts(ROOT) == [attempt(state=State.FAILED, ended_at=5.0, failure="f")]
        assert (ledger.live_attempts(ROOT), len(ledger.live_attempts(OTHER))) == ([], 1)
        refused(ledger, [Interrupted(OWNER, 6.0, "f")], "its owner is nobody")
        refused(ledger, [OwnerTaken(OWNER, "you", 6.0)], "cannot be taken over: its owner is nobody")
        ledger.commit(ROOT, [OwnerTaken(None, "you", 6.0)])
        assert ledger.pipeline_run(ROOT) == pipeline_run(owner="you", seq=6)


class TestArtifacts:
    def test_they_come_back_with_all_below(self, ledger: Ledger) -> None:
        begin(ledger)
        leaf = artifact(b"leaf", summary={"length": 4})
        middle = artifact(b"middle", leaf)
        top = artifact(b"top", middle, leaf, summary="seen")
        ledger.commit(ROOT, [ArtifactsAdded(iter([top, leaf]))])
        for one in (leaf, middle, top):
            assert facts(ledger.artifact(one.id)) == facts(one)
        ledger.commit(ROOT, [ArtifactsAdded([artifact(b"top", summary="another")])])
        assert ledger.artifact(top.id).summary == "seen"

    def test_bytes_must_be_in_the_store(self, make_ledger: MakeLedger) -> None:
        blobs = FakeBlobs()
        ledger = make_ledger(blobs)
        begin(ledger)
        missing = artifact(b"top", stored_artifact())
        refused(ledger, [ArtifactsAdded([missing])], f"blob {STORED}. are not in the store", kind=LedgerError)
        blobs.digests.add(STORED)
        ledger.commit(ROOT, [ArtifactsAdded([missing])])
        blobs.digests.clear()
        ledger.commit(ROOT, [ArtifactsAdded([stored_artifact()])])
        assert facts(ledger.artifact(stored_artifact().id)) == facts(stored_artifact())

    def test_without_a_store_nothing_is_checked(self, ledger: Ledger) -> None:
        begin(ledger)
        ledger.commit(ROOT, [ArtifactsAdded([stored_artifact()])])
        assert ledger.artifact(stored_artifact().id).blob.data is None


class TestReads:
    def test_unknown_ids(self, ledger: Ledger) -> None:
        reads = [
            ledger.pipeline_run, ledger.run, ledger.runs, ledger.children, ledger.attempts, ledger.live_attempts,
            ledger.artifact, ledger.source, ledger.remove, lambda id: ledger.changes_after(id, 0),
        ]  # fmt: skip
        for read in reads:
            with pytest.raises(KeyError, match=ROOT):
                read(ROOT)

    def test_parents_come_before_children_and_siblings_by_position(self, ledger: Ledger) -> None:
        begin(ledger)
        a, b, a1, a2, b1 = map(id_of, (90, 50, 70, 30, 10))
        later = [run(b, parent_id=ROOT, position=1), run(a, parent_id=ROOT, position=0)]
        ledger.commit(ROOT, [RunsAdded(later)])
        ledger.commit(ROOT, [RunsAdded([run(b1, parent_id=b, position=5)])])
        ledger.commit(ROOT, [RunsAdded([run(a2, parent_id=a, position=1), run(a1, parent_id=a, position=0)])])
        assert [found.id for found in ledger.runs(ROOT)] == [ROOT, a, a1, a2, b, b1]
        assert [found.id for found in ledger.children(ROOT)] == [a, b]
        assert [found.id for found in ledger.children(a)] == [a1, a2]
        assert ledger.children(b1) == []

    def test_a_pipeline_run_without_runs(self, ledger: Ledger) -> None:
        ledger.commit(ROOT, [PipelineRunAdded(pipeline_run())])
        assert (ledger.runs(ROOT), ledger.live_attempts(ROOT)) == ([], [])
        ledger.commit(ROOT, [RunsAdded([run(ROOT)])])
        assert ledger.attempts(ROOT) == []

    def test_pages(self, ledger: Ledger) -> None:
        for number in range(1, 8):
            begin(ledger, id_of(number), created_at=float(number // 2), function=f"m:f{number % 2}")
        first = ledger.pipeline_runs(limit=3)
        assert [found.id for found in first] == [id_of(7), id_of(6), id_of(5)]
        rest = ledger.pipeline_runs(before=(first[-1].created_at, first[-1].id))
        assert [found.id for found in rest] == [id_of(number) for number in (4, 3, 2, 1)]
        assert [found.id for found in ledger.pipeline_runs(function="m:f0")] == [id_of(n) for n in (6, 4, 2)]
        ledger.commit(id_of(3), [PipelineRunMoved(State.FAILED, 9.0)])
        ledger.commit(id_of(4), [PipelineRunMoved(State.NESTED_FAILED, 9.0)])
        assert [found.id for found in ledger.pipeline_runs(states=[State.FAILED])] == [id_of(3)]
        assert len(ledger.pipeline_runs(states=[State.CREATED, State.FAILED])) == 6
        assert ledger.pipeline_runs(states=[State.FAILED], function="m:f0") == []

    def test_finding_by_prefix(self, ledger: Ledger) -> None:
        begin(ledger)
        ids = [f"{number:x}".ljust(32, "f") for number in range(0xA0, 0xB0)]
        ledger.commit(ROOT, [RunsAdded(map(run, ids))])
        assert ledger.find("a") == ids[:10]
        assert ledger.find("AC") == ["ac".ljust(32, "f")]
        assert ledger.find(ROOT) == [ROOT]
        assert [ledger.find(prefix) for prefix in ("b", "%", "_", "a'", "ag", ROOT + "0")] == [[]] * 6
        one = artifact(b"1")
        ledger.commit(ROOT, [ArtifactsAdded([one])])
        assert ledger.find_artifacts(one.id[:6]) == [one.id]
        assert ledger.find_artifacts("zz") == []


class TestForgetting:
    def test_what_is_owned_stays(self, ledger: Ledger) -> None:
        begin(ledger)
        with pytest.raises(LedgerError, match="cannot be removed while"):
            ledger.remove(ROOT)
        assert ledger.run(ROOT)

    def test_a_removed_pipeline_run_is_gone_for_good(self, ledger: Ledger) -> None:
        begin(ledger)
        begin(ledger, OTHER)
        start(ledger)
        ledger.commit(ROOT, [RunsAdded(run(id_of(100 + i), parent_id=ROOT, position=i) for i in range(2500))])
        before = record(ledger, [OTHER])
        ledger.commit(ROOT, [PipelineRunMoved(State.FAILED, 3.0)])
        ledger.remove(ROOT)
        assert ledger.find("") == [OTHER]
        for read in (ledger.pipeline_run, ledger.runs, ledger.run, ledger.attempts, ledger.live_attempts):
            with pytest.raises(KeyError):
                read(ROOT)
        assert record(ledger, [OTHER])[3:] == before[3:]
        refused(ledger, [RunMoved(ROOT, State.RESOLVED, 9.0)], "removed")
        refused(ledger, [PipelineRunAdded(pipeline_run())], "was recorded before and removed", kind=LedgerError)

    def test_artifacts_in_use_are_kept(self, make_ledger: MakeLedger) -> None:
        blobs = FakeBlobs(STORED)
        ledger = make_ledger(blobs)
        begin(ledger)
        constant, projected, result, node, unused = (artifact(text.encode()) for text in "cprnu")
        top = artifact(b"top", artifact(b"middle", stored_artifact()))
        ledger.commit(ROOT, [ArtifactsAdded([constant, projected, result, node, unused, top])])
        arguments = f'{{"x":["l",[["c","{constant.id}"],["c","{top.id}"]]]}}'
        ledger.commit(ROOT, [RunsAdded([run(CHILD, arguments=arguments)])])
        ledger.commit(ROOT, [RunMoved(CHILD, State.RUNNING, 1.0, inputs=f'{{"x":"{projected.id}"}}')])
        ledger.commit(ROOT, [RunMoved(CHILD, State.RAN, 1.0, graph=f'["c","{node.id}"]')])
        ledger.commit(ROOT, [RunMoved(CHILD, State.RESOLVED, 1.0, output=result.id)])
        assert ledger.collect() == (1, 2)
        assert ledger.artifact(unused.id)
        ledger.collect(keep_seconds=-1)
        with pytest.raises(KeyError):
            ledger.artifact(unused.id)
        for kept in (constant, projected, result, node, top, *top.children.values(), stored_artifact()):
            assert facts(ledger.artifact(kept.id)) == facts(kept)
        ledger.commit(ROOT, [PipelineRunMoved(State.FAILED, 3.0)])
        ledger.remove(ROOT)
        ledger.collect(keep_seconds=-1)
        assert ledger.find_artifacts("") == []
        assert blobs.asked == [({STORED}, 86400.0), ({STORED}, -1), (set(), -1)]

    def test_without_a_store_no_blobs_are_collected(self, ledger: Ledger) -> None:
        begin(ledger)
        assert ledger.collect() == (0, 0)
