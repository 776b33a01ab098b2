"""Values and graphs at their limits, through whole pipelines, the same under Silent and Local."""

from __future__ import annotations

import dataclasses
import functools
import importlib
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import pytest

import sematic
from sematic.tests.programs import Programs

Resolvers = Callable[[], object]


@pytest.fixture(params=["silent", "local"])
def resolver(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> object:
    monkeypatch.setenv("SEMATIC_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("SEMATIC_PROGRESS", "quiet")
    return sematic.SilentResolver() if request.param == "silent" else sematic.LocalResolver()


@pytest.fixture
def programs(tmp_path: Path) -> Programs:
    return Programs(tmp_path)


@dataclasses.dataclass
class Options:
    names: list[str] = dataclasses.field(default_factory=list)


@sematic.func
def length(text: str, number: int) -> int:
    return len(text) + number


@sematic.func
def total(values: list[int]) -> int:
    return sum(values)


@sematic.func
def lengths(texts: list[str], times: int) -> int:
    return total([length(text, i) for i in range(times) for text in texts])


def test_a_graph_that_is_too_large_says_to_nest(resolver: object) -> None:
    texts = [f"{i}" + "x" * 60_000 for i in range(1200)]
    with pytest.raises(sematic.GraphError) as caught:
        sematic.resolve(lengths(texts, 1), resolver)
    assert str(caught.value) == (
        "the graph that lengths returned is too large to be recorded at once: 1201 calls with 69 MB of references and "
        "values, where 64 MB are possible. Nest: call functions that make a part of it each; and pass a large value as "
        "the result of a function instead of writing it into many calls"
    )
    calls = [length(text, 1) for text in texts]
    with pytest.raises(sematic.GraphError, match=r"the graph of total is too large .* 1201 calls with 69 MB"):
        sematic.resolve(total(calls), resolver)


def test_a_value_that_many_calls_share_counts_once(resolver: object) -> None:
    assert sematic.resolve(lengths(["x" * 60_000], 1200), resolver) == 60_000 * 1200 + sum(range(1200))


@sematic.func
def unchanged(values: list[int]) -> list[int]:
    return values


@sematic.func
def nothing(a: None, b: list[None]) -> None:
    return a


@sematic.func
def nothings() -> None:
    return nothing(nothing(None, []), [nothing(None, []), None])


def test_values_that_pass_through(resolver: object) -> None:
    values = list(range(300_000))
    assert sematic.resolve(unchanged(unchanged(values)), resolver) == values
    assert sematic.resolve(nothings(), resolver) is None


@sematic.func
def kinds(
    first: int,
    /,
    second: int = 2,
    *,
    third: Annotated[int, "meters"] = 3,
    options: Options = Options(["a"]),  # noqa: B008
) -> list[str]:
    options.names.append(f"{first} {second} {third}")
    return options.names


def test_parameters_of_every_kind(resolver: object) -> None:
    assert sematic.resolve(kinds(1), resolver) == ["a", "1 2 3"]
    assert sematic.resolve(kinds(1, third=5, second=4), resolver) == ["a", "1 4 5"]
    assert sematic.resolve(kinds(1), resolver) == ["a", "1 2 3"]
    with pytest.raises(TypeError, match="positional"):
        kinds(first=1)
    with pytest.raises(TypeError):
        both(first=1, second=2)
    assert sematic.resolve(both(1, second=2), resolver) == 3


@sematic.func
def both(first: int, /, second: int) -> int:
    return first + second


@sematic.func
def later(value: Later) -> Later:
    return value


@dataclasses.dataclass
class Later:
    size: int


def test_types_that_are_defined_after_the_function(resolver: object) -> None:
    assert sematic.resolve(later(Later(1)), resolver) == Later(1)


def wrapping(function: Callable[[int], int]) -> Callable[[int], int]:
    @functools.wraps(function)
    def wrapper(*args: int, **kwargs: int) -> int:
        return function(*args, **kwargs)

    return wrapper


def wrapping_one(function: Callable[[int], int]) -> Callable[[int], int]:
    @functools.wraps(function)
    def wrapper(a: int) -> int:
        return function(a) * 10

    return wrapper


def plain(a: int) -> int:
    return a + 1


@sematic.func
@wrapping_one
def wrapped(a: int) -> int:
    return a + 1


def test_wrappers(resolver: object) -> None:
    assert sematic.resolve(wrapped(1), resolver) == 20
    with pytest.raises(sematic.DefinitionError, match=r"plain .*: \*args and \*\*kwargs have no declared names"):
        sematic.func(wrapping(plain))


def apply(function: Callable[[int], int]) -> int:
    return function(1)


def test_a_function_as_an_argument(resolver: object) -> None:
    with pytest.raises(sematic.DefinitionError, match="Callable"):
        sematic.func(apply)
    with pytest.raises(sematic.ConversionError, match=r"total\(values\)"):
        total(unchanged)


def test_modules_that_are_reloaded_import_each_other_and_share_names(
    resolver: object, programs: Programs, monkeypatch: pytest.MonkeyPatch
) -> None:
    body = "import sematic, {other}\n@sematic.func\ndef same(n: int) -> list[str]:\n    {body}\n"
    one = "return ['{}'] if not n else there.joined(['{}'], hostile_{}.same(n - 1))"
    programs.write(
        there="import sematic\n@sematic.func\ndef joined(a: list[str], b: list[str]) -> list[str]: return a + b",
        hostile_a=body.format(other="there, hostile_b", body=one.format("a", "a", "b")),
        hostile_b=body.format(other="there, hostile_a", body=one.format("b", "b", "a")),
    )
    monkeypatch.syspath_prepend(str(programs.folder))
    module = importlib.import_module("hostile_a")
    assert sematic.resolve(module.same(3), resolver) == ["a", "b", "a", "b"]
    source = (programs.folder / "hostile_b.py").read_text()
    (programs.folder / "hostile_b.py").write_text(source.replace("['b']", "['new']"))
    importlib.reload(sys.modules["hostile_b"])
    assert sematic.resolve(module.same(3), resolver) == ["a", "new", "a", "new"]
    for name in ("hostile_a", "hostile_b", "there"):
        del sys.modules[name]


@sematic.func
def nested(depth: int) -> int:
    return nested(depth - 1) if depth else 0


def test_bodies_within_bodies_without_recursion(resolver: object) -> None:
    assert sematic.resolve(nested(3000), resolver) == 0


@sematic.func
def increased(a: int) -> int:
    return a + 1


def test_a_long_chain_made_outside_of_any_function(resolver: object) -> None:
    value = 0
    for _ in range(10_000):
        value = increased(value)
    assert sematic.resolve(value, resolver) == 10_000


def test_a_function_that_was_deleted_before_it_is_resumed(programs: Programs) -> None:
    main = """
        import sematic

        {other}

        @sematic.func
        def pipeline() -> int:
            return {call}(1)

        if __name__ == "__main__":
            sematic.resolve(pipeline())
    """
    other = "@sematic.func\n        def deleted(a: int) -> int:\n            raise ValueError(a)"
    programs.write(main=main.format(other=other, call="deleted"))
    assert programs.bad("main.py") == "ValueError: 1"
    programs.write(main=main.format(other="", call="pipeline"))
    assert programs.bad("main.py", environment={"SEMATIC_RESUME": "last"}) == (
        "sematic.errors.DefinitionError: function main:deleted does not exist any more: main has no deleted"
    )
    assert programs.states() == ["FAILED"]
