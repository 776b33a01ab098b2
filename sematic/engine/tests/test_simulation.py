"""Thousands of histories under faults. A failing one is replayed with ``SIM_SEED=<seed> pytest <this file>``;
``SIM_SEEDS=<count>`` runs more of them."""

from __future__ import annotations

import os
import re

import pytest

from sematic.engine.tests.simulator import Program, simulate

CHUNKS = 10
SEEDS = int(os.environ.get("SIM_SEEDS", "2000"))
SEED = os.environ.get("SIM_SEED")


@pytest.mark.parametrize("chunk", range(1 if SEED else CHUNKS))
def test_histories(chunk: int) -> None:
    for seed in [int(SEED)] if SEED else range(chunk, SEEDS, CHUNKS):
        simulate(seed)


@pytest.mark.parametrize(
    "seed",
    [
        44,  # the driver died after a worker had committed the root
        130,  # rerun from what feeds a root that had returned a graph
        135,  # the driver died after a worker had committed a failure
        65,  # what an assembled output makes ready comes before later calls
        2207,  # a worker's last failure while an inline body is queued
        2348,  # a worker commits the root, then the driver cancels
    ],
)
def test_histories_that_failed_once(seed: int) -> None:
    simulate(seed)


def test_a_seed_gives_the_same_history() -> None:
    first, second = simulate(220), simulate(220)
    assert len(first.history) > 10
    assert first.history == second.history


def test_histories_are_about_something() -> None:
    """The faults, nestings and endings that are to be met are met."""
    told = [simulate(seed) for seed in range(300)]
    lines = "\n".join(line for simulation in told for line in simulation.history)
    for what in (
        "dies before a commit",
        "dies after a commit",
        "dies error after a commit",
        "before an instruction was carried out",
        "dies at any time",
        "the worker at",
        "worker refused",
        "worker commits graph",
        "worker commits failed",
        "TimerFired",
        "Cancelled",
        "finish FAILED",
        "finish CANCELED",
        "rerun from",
    ):
        assert what in lines, what
    assert max(place.count(".") for simulation in told for place in simulation.program.steps) >= 5
    assert sum(simulation.check.faultless for simulation in told) > 50


def test_a_failing_history_says_how_to_replay_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Program, "plain", lambda self: -1)
    with pytest.raises(AssertionError) as raised:
        for seed in range(20):
            simulate(seed)
    assert re.search(r"SIM_SEED=\d+ pytest", raised.value.__notes__[-1])
