"""The states of a run and the one table of moves between them. The ledger refuses any other move."""

from __future__ import annotations

from enum import StrEnum


class State(StrEnum):
    """A run's state."""

    CREATED = "CREATED"
    SCHEDULED = "SCHEDULED"
    RUNNING = "RUNNING"
    RAN = "RAN"
    RETRYING = "RETRYING"
    RESOLVED = "RESOLVED"
    FAILED = "FAILED"
    NESTED_FAILED = "NESTED_FAILED"
    CANCELED = "CANCELED"


_S = State

MOVES: dict[State, frozenset[State]] = {
    # RESOLVED: a result taken over from an earlier pipeline run.
    # RUNNING: SCHEDULED and RUNNING in one transaction, when the process that schedules is the one that runs.
    # NESTED_FAILED: a root whose arguments are futures, one of which failed.
    _S.CREATED: frozenset({_S.SCHEDULED, _S.RUNNING, _S.RESOLVED, _S.NESTED_FAILED, _S.CANCELED}),
    _S.SCHEDULED: frozenset({_S.RUNNING, _S.RETRYING, _S.FAILED, _S.CANCELED}),
    _S.RUNNING: frozenset({_S.RESOLVED, _S.RAN, _S.RETRYING, _S.FAILED, _S.CANCELED}),
    _S.RAN: frozenset({_S.RESOLVED, _S.NESTED_FAILED, _S.CANCELED}),
    # RUNNING: the next attempt of a run that is retried where it is scheduled.
    _S.RETRYING: frozenset({_S.SCHEDULED, _S.RUNNING, _S.CANCELED, _S.FAILED}),
    _S.RESOLVED: frozenset(),
    _S.FAILED: frozenset(),
    _S.NESTED_FAILED: frozenset(),
    _S.CANCELED: frozenset(),
}

TERMINAL = frozenset(state for state, targets in MOVES.items() if not targets)

SOURCES: dict[State, frozenset[State]] = {
    target: frozenset(source for source, targets in MOVES.items() if target in targets) for target in State
}
"""The states from which each state can be reached."""
