"""What is the same under every resolver."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import sematic
from sematic.resolvers.tests import steps

Resolver = sematic.SilentResolver | sematic.LocalResolver


@pytest.fixture(params=["silent", "local"])
def resolver(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Resolver]:
    monkeypatch.setenv("SEMATIC_HOME", str(tmp_path_factory.getbasetemp() / "both"))
    steps.kept.clear()
    steps.remembered.cache_clear()
    yield sematic.SilentResolver() if request.param == "silent" else sematic.LocalResolver()
    steps.kept.clear()


def test_recursion(resolver: Resolver) -> None:
    assert steps.fibonacci.future(8).resolve(resolver) == 21


# -- errors ------------------------------------------------------------------------------------------------------------


def test_an_exception_comes_out_as_itself_with_its_path(resolver: Resolver) -> None:
    with pytest.raises(steps.Broken) as raised:
        steps.outer(7).resolve(resolver)  # type: ignore[attr-defined]
    assert raised.value.code == 7
    assert raised.value.__notes__ == ["in outer → middle → broken"]
    frames = [entry.name for entry in raised.traceback]
    assert frames[-1] == "broken"


def test_a_wrong_result_names_the_place(resolver: Resolver) -> None:
    with pytest.raises(sematic.ConversionError) as raised:
        steps.wrong_result.future().resolve(resolver)
    assert str(raised.value) == "the result of wrong_result['a'][1]: expected int, got str 'two'"


def test_a_missing_key_is_an_error_of_the_run_that_needs_it(resolver: Resolver) -> None:
    with pytest.raises(sematic.SematicError, match="nothing") as raised:
        steps.missing_key.future({"a": 1}).resolve(resolver)
    assert raised.value.__notes__ == ["in missing_key → number"]


def test_sys_exit_in_a_body_is_a_failure_and_not_the_end_of_the_program(resolver: Resolver) -> None:
    """As itself it would end the program with exit code 0."""
    with pytest.raises(sematic.BodyExited, match=r"sys.exit\(0\)") as raised:
        steps.exits.future(0).resolve(resolver)
    assert isinstance(raised.value.__cause__, SystemExit)
    assert "exits" in [entry.name for entry in raised.traceback]


def test_an_exception_that_cannot_be_shown(resolver: Resolver) -> None:
    with pytest.raises(Exception) as raised:
        steps.unspeakable.future().resolve(resolver)
    assert type(raised.value).__name__ == "Unspeakable"


def test_the_same_resolver_works_after_a_failure(resolver: Resolver) -> None:
    with pytest.raises(steps.Broken):
        steps.broken.future(1).resolve(resolver)
    assert steps.number.future(2).resolve(resolver) == 2


# -- futures -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("future", "problem"),
    [
        (steps.forgets, r"forgets: the output does not depend on number\(…\) at line \d+, which would not run"),
        (steps.forgets_all, r"forgets_all: the output does not depend on number\(…\)"),
        (steps.uses_what_others_keep, r"number\(…\) \(line \d+\) was made in another place: the body of keeps"),
        (steps.remembers_twice, r"was made in another place: the body of remembers"),
        (steps.resolves, r"number\(…\)\.resolve\(\) was called inside a function's body; return the future instead"),
    ],
)
def test_futures_that_cannot_work(resolver: Resolver, future: Callable[[], Any], problem: str) -> None:
    with pytest.raises(sematic.GraphError, match=problem):
        future().resolve(resolver)


def test_a_future_from_outside_of_all_bodies(resolver: Resolver) -> None:
    steps.kept.append(steps.number(1))
    with pytest.raises(sematic.GraphError, match="was made in another place: outside of any function"):
        steps.returns_what_was_kept.future().resolve(resolver)


OPERATIONS: dict[str, Callable[[Any], object]] = {
    "if": lambda f: 1 if f else 2,
    "not": lambda f: not f,
    "add": lambda f: f + 1,
    "radd": lambda f: 1 + f,
    "less": lambda f: f < 1,
    "equal": lambda f: f == 1,
    "unequal": lambda f: f != 1,
    "negative": lambda f: -f,
    "int": int,
    "float": float,
    "round": round,
    "len": len,
    "iteration": list,
    "unpacking": lambda f: [*f],
    "in": lambda f: 1 in f,
    "call": lambda f: f(),
    "with": lambda f: f.__enter__(),
    "range": range,
    "setting": lambda f: setattr(f, "name", 1),
    "deleting": lambda f: f.__delitem__(0),
}


@pytest.mark.parametrize("name", OPERATIONS)
def test_what_a_future_cannot_do_says_so_at_once(name: str) -> None:
    future = steps.rows(3)
    with pytest.raises(sematic.GraphError, match=r"rows\(…\) is a future"):
        OPERATIONS[name](future)


def test_a_part_of_a_future_is_not_resolved(resolver: Resolver) -> None:
    with pytest.raises(sematic.GraphError, match="is a part of a future; resolve the whole"):
        steps.rows(3)[0].resolve(resolver)  # type: ignore[attr-defined]


# -- copies ------------------------------------------------------------------------------------------------------------


def test_each_consumer_has_its_own_copy(resolver: Resolver) -> None:
    assert steps.spoil_twice.future([1, 2]).resolve(resolver) == [103, 103]
    first, second = steps.kept
    assert first is not second and first.items is not second.items


def test_changing_an_argument_after_the_call_changes_nothing(resolver: Resolver) -> None:
    assert steps.changes_its_argument_after_the_call.future().resolve(resolver) == 3
    items = [1, 2]
    future = steps.total.future(items)
    items.append(100)
    assert future.resolve(resolver) == 3
    assert items == [1, 2, 100]


def test_a_future_may_be_resolved_twice(resolver: Resolver) -> None:
    future = steps.spoil_twice.future([1])
    assert [future.resolve(resolver), future.resolve(resolver)] == [[101, 101]] * 2


# -- retries and time limits -------------------------------------------------------------------------------------------


def test_a_body_is_tried_again(resolver: Resolver) -> None:
    assert steps.works_the_third_time.future().resolve(resolver) == 3
    assert steps.kept == [1, 2, 3]


def test_and_not_for_ever(resolver: Resolver) -> None:
    with pytest.raises(steps.Broken, match="3 because never"):
        steps.never_works.future().resolve(resolver)
    assert steps.kept == [1, 2, 3]


def test_and_not_for_other_exceptions(resolver: Resolver) -> None:
    with pytest.raises(ValueError, match="not one of those"):
        steps.fails_otherwise.future().resolve(resolver)
    assert steps.kept == [1]


def test_a_time_limit_on_the_main_thread(resolver: Resolver) -> None:
    with pytest.raises(TimeoutError, match="the time limit of 0.05 s is over"):
        steps.too_long.future().resolve(resolver)
    assert steps.short_enough.future().resolve(resolver) == 1


def test_a_retry_set_on_one_call(resolver: Resolver) -> None:
    with pytest.raises(steps.Broken):
        steps.broken.future(1).set(retry=sematic.RetrySettings((steps.Broken,), 1, backoff=0)).resolve(resolver)


# -- bodies that do things to the process ------------------------------------------------------------------------------


def test_a_body_that_changes_the_folder(resolver: Resolver, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "other").mkdir()
    monkeypatch.setenv("SEMATIC_HOME", "relative")
    assert steps.changes_folder.future("other").resolve(resolver) == 1
    assert not (tmp_path / "other" / "relative").exists()


def test_a_body_that_leaves_a_thread(resolver: Resolver) -> None:
    assert steps.leaves_thread.future().resolve(resolver) == 1
    assert steps.number.future(1).resolve(resolver) == 1
    steps.kept[0].set()
