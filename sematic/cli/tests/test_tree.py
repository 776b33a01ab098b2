"""Folding: what one sees of very many runs."""

from __future__ import annotations

from collections.abc import Sequence

from sematic.cli.tree import FOLD_ABOVE, Folded, Row, rows
from sematic.engine.records import Run
from sematic.engine.states import State

ROOT = Run("root", "root", "m:root", "{}", graph="[]")


def child(position: int, function: str = "m:step", state: State = State.RESOLVED, parent: str = "root") -> Run:
    """A run that took a second."""
    id = f"{parent}/{position}"
    return Run(id, "root", function, "{}", parent, 1, position, state=state, started_at=1.0, ended_at=2.0)


def shown(children: Sequence[Run], depth: int | None = None, unfold: bool = False) -> list[str]:
    """A root with `children`: ids, and for folded rows name and count."""
    below = {"root": children}
    tree = rows(ROOT, lambda run: below.get(run.id, ()), lambda run: run.state, depth, unfold)
    return [_word(row) for row in tree][1:]


def _word(row: Row | Folded) -> str:
    return row.run.id if isinstance(row, Row) else f"{row.name} {_counts(row)} {row.seconds:g}"


def _counts(row: Folded) -> dict[str, int]:
    return {str(state): count for state, count in row.states.items()}


def test_few_are_not_folded() -> None:
    children = [child(position) for position in range(FOLD_ABOVE)]
    assert shown(children) == [run.id for run in children]


def test_many_become_one_row_where_the_first_stands() -> None:
    many = [child(position) for position in range(1, 101)]
    first, last = child(0, "m:first"), child(101, "m:last")
    assert shown([first, *many, last]) == [first.id, "step {'RESOLVED': 100} 100", last.id]
    assert len(shown([first, *many, last], unfold=True)) == 102


def test_what_failed_or_runs_stays_visible() -> None:
    states = {70: State.RUNNING, 80: State.NESTED_FAILED, 90: State.FAILED}
    children = [child(position, state=states.get(position, State.RESOLVED)) for position in range(100)]
    assert shown(children) == ["root/90", "root/80", "root/70", "step {'RESOLVED': 97} 97"]


def test_of_many_failures_ten_are_shown() -> None:
    rows = shown([child(position, state=State.FAILED) for position in range(100)])
    assert (len(rows), rows[-1]) == (11, "step {'FAILED': 90} 90")


def test_too_deep() -> None:
    assert shown([child(0), child(1)], depth=0) == [" {'RESOLVED': 2} 2"]


def test_any_depth_needs_no_recursion() -> None:
    def below(run: Run) -> list[Run]:
        return [child(0, parent=run.id)] if len(run.id) < 20000 else []

    deepest = list(rows(ROOT, below, lambda run: run.state, None, False))[-1]
    assert deepest.depth > 9000
