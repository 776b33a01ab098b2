"""The runs below one, as rows of a tree: many calls of one function become one row, except what needs attention."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple

from sematic.engine.records import Run
from sematic.recorded import run_name

FOLD_ABOVE = 50
"""Siblings of one function above which they become one row."""

SHOWN_OF_FOLDED = 10
DEPTH = 12

_QUIET = ("RESOLVED", "CREATED", "CANCELED", "RAN")

Children = Callable[[Run], Sequence[Run]]
StateOf = Callable[[Run], str]


class Row(NamedTuple):
    """One run."""

    depth: int
    run: Run


class Folded(NamedTuple):
    """Siblings of one function, or (without a name) all calls that are too deep to show."""

    depth: int
    name: str
    states: Counter[str]
    seconds: float


def rows(root: Run, children: Children, state: StateOf, depth: int | None, unfold: bool) -> Iterator[Row | Folded]:
    """From `root` downwards, in the order of the calls. Needs no recursion, however deep."""
    stack: list[Row | Folded] = [Row(0, root)]
    while stack:
        row = stack.pop()
        yield row
        if isinstance(row, Row):
            below = _below(row.depth + 1, children(row.run), state, depth, unfold)
            stack.extend(reversed(list(below)))


def _below(depth: int, runs: Sequence[Run], state: StateOf, most: int | None, unfold: bool) -> Iterable[Row | Folded]:
    if most is not None and depth > most:
        return [_fold(depth, "", runs, state)] if runs else []
    groups: dict[str, list[Run]] = {}
    for run in runs:
        groups.setdefault(run.function, []).append(run)
    folded = {function for function, group in groups.items() if len(group) > FOLD_ABOVE and not unfold}
    if not folded:
        return [Row(depth, run) for run in runs]
    return _partly_folded(depth, runs, groups, folded, state)


def _partly_folded(
    depth: int, runs: Sequence[Run], groups: dict[str, list[Run]], folded: set[str], state: StateOf
) -> Iterator[Row | Folded]:
    """A folded function stands where it was called first, what needs attention of it before the rest."""
    for run in runs:
        if run.function not in folded:
            yield Row(depth, run)
        elif run is groups[run.function][0]:
            group = groups[run.function]
            noticed = [each for each in group if state(each) not in _QUIET]
            shown = sorted(noticed, key=lambda each: _urgency(state(each)))[:SHOWN_OF_FOLDED]
            yield from (Row(depth, each) for each in shown)
            ids = {each.id for each in shown}
            rest = [each for each in group if each.id not in ids]
            yield _fold(depth, run_name(run._replace(name=None)), rest, state)


def _urgency(state: str) -> int:
    return ("FAILED", "NESTED_FAILED").index(state) if state in ("FAILED", "NESTED_FAILED") else 2


def _fold(depth: int, name: str, runs: Sequence[Run], state: StateOf) -> Folded:
    seconds = sum(run.ended_at - run.started_at for run in runs if run.ended_at and run.started_at)
    return Folded(depth, name, Counter(map(state, runs)), seconds)
