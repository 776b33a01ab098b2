"""Random graphs resolve to what plain Python gives, under Silent and Local alike."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

import sematic
from sematic.engine.states import State
from sematic.home import open_home
from sematic.resolvers.tests import shapes

numbers = st.integers(0, 1000)
leaves = st.tuples(st.just("number"), numbers) | st.tuples(st.just("countdown"), st.integers(0, 6), numbers)


def grown(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.tuples(st.sampled_from(shapes.KINDS), inner, inner) | st.tuples(st.just("nested"), inner)


expressions = st.recursive(leaves, grown, max_leaves=12)
every_kind = example(("nested", ("add", ("number", 1), ("countdown", 2, 3))))
quick = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])


@every_kind
@given(expressions)
@settings(quick, max_examples=150)
def test_silent_gives_what_plain_python_gives(expression: shapes.Expression) -> None:
    assert shapes.whole(expression).resolve(sematic.SilentResolver()) == shapes.plain(expression)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(os.environ, "SEMATIC_HOME", str(folder))
        patch.setitem(os.environ, "SEMATIC_PROGRESS", "quiet")
        yield folder


@every_kind
@given(expressions)
@settings(quick, max_examples=60)
def test_local_gives_what_plain_python_gives(home: Path, expression: shapes.Expression) -> None:
    assert shapes.whole(expression).resolve(sematic.LocalResolver()) == shapes.plain(expression)


def test_all_that_was_recorded_succeeded(home: Path) -> None:
    """After the runs above: each ended RESOLVED, with a result for every run."""
    shapes.whole(("table", ("number", 1), ("nested", ("number", 2)))).resolve(sematic.LocalResolver())
    with open_home() as opened:
        for pipeline_run in opened.ledger.pipeline_runs(limit=10):
            runs = opened.ledger.runs(pipeline_run.id)
            assert {run.state for run in runs} == {State.RESOLVED}
            assert all(opened.ledger.artifact(run.output or "") for run in runs)


@pytest.mark.parametrize("kind", shapes.KINDS)
def test_each_kind_of_call(home: Path, kind: str) -> None:
    expression = (kind, ("number", 5), ("nested", ("number", 8)))
    expected = shapes.plain(expression)
    assert shapes.whole(expression).resolve(sematic.SilentResolver()) == expected
    assert shapes.whole(expression).resolve(sematic.LocalResolver()) == expected


@given(st.lists(numbers, max_size=40), st.integers(0, 5))
@settings(quick, max_examples=30)
def test_a_fan_out_of_any_width_is_collected_in_order(values: list[int], level: int) -> None:
    futures = [shapes.add(shapes.number(value), level) for value in values]
    assert sematic.resolve(shapes.total(futures), sematic.SilentResolver()) == sum(value + level for value in values)


def test_worker_processes_give_what_plain_python_gives(home: Path) -> None:
    expression = (
        "add",
        ("multiply", ("number", 3), ("number", 4)),
        ("nested", ("multiply", ("number", 5), ("number", 6))),
    )
    assert shapes.whole(expression).resolve(sematic.LocalResolver(max_parallelism=2)) == shapes.plain(expression) == 42
