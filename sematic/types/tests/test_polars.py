"""DataFrame and Series of polars."""

from __future__ import annotations

import datetime
import decimal
import importlib.util
import json
from typing import Any

import polars
import pyarrow
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sematic.errors import ArtifactError, ConversionError, DefinitionError
from sematic.types.registry import of
from sematic.types.tests.helpers import (
    DictStore,
    check_damaged,
    elsewhere,
    ids_elsewhere,
    loaded,
    round_trip,
    stored,
)

SLOW = settings(deadline=None, suppress_health_check=list(HealthCheck), max_examples=150, derandomize=True)
MOMENT = datetime.datetime(2020, 3, 29, 1, 30)

COLUMNS: dict[str, Any] = {
    "int": polars.Series([1, None, 3]),
    "uint8": polars.Series([1, None, 255], dtype=polars.UInt8),
    "wide": polars.Series([1 << 100, None, -5], dtype=polars.Int128),
    "float": polars.Series([0.5, None, float("nan")]),
    "float32": polars.Series([0.1, None, float("-inf")], dtype=polars.Float32),
    "bool": polars.Series([True, None, False]),
    "null": polars.Series([None, None, None]),
    "string": polars.Series(["a", None, "é" * 20]),
    "binary": polars.Series([b"a", None, b"\0" * 20]),
    "category": polars.Series(["q", None, "p"], dtype=polars.Categorical),
    "fruits": polars.Series(["q", None, "p"], dtype=polars.Categorical(polars.Categories("fruits"))),
    "enum": polars.Series(["a", None, "b"], dtype=polars.Enum(["b", "a", "unused"])),
    "date": polars.Series([datetime.date(2020, 1, 1), None, None]),
    "time": polars.Series([datetime.time(1, 2, 3, 4), None, None]),
    "datetime": polars.Series([MOMENT, None, None]),
    "zoned": polars.Series([MOMENT, None, None], dtype=polars.Datetime("ns", "Europe/Paris")),
    "duration": polars.Series([datetime.timedelta(1), None, None], dtype=polars.Duration("ms")),
    "decimal": polars.Series([decimal.Decimal("1.50"), None, None], dtype=polars.Decimal(12, 2)),
    "list": polars.Series([[1], None, [2, None]]),
    "array": polars.Series([[1, 2], None, [3, None]], dtype=polars.Array(polars.Int8, 2)),
    "struct": polars.Series([{"x": 1, "y": "a"}, None, {"x": None, "y": "b"}]),
    "categories": polars.Series([["p"], None, ["q", "p"]], dtype=polars.List(polars.Categorical)),
    "deep": polars.Series([[{"a": ["x"]}], None, [None]]),
}


def _frame() -> Any:
    return polars.DataFrame([series.alias(name) for name, series in COLUMNS.items()])


def _id(frame: Any) -> str:
    return stored(polars.DataFrame, frame, DictStore()).id


def _same(left: Any, right: Any) -> bool:
    return bool(left.schema == right.schema and left.height == right.height and left.equals(right))


@pytest.mark.parametrize("name", COLUMNS)
def test_series(name: str) -> None:
    series = COLUMNS[name].alias(name)
    for value in (series, series.head(0), series[1:], series.append(series), series.clone()):
        result = round_trip(polars.Series, value)
        assert type(result) is polars.Series
        assert _same(result.to_frame(), value.to_frame())
    json.dumps(of(polars.Series).summarise(series), allow_nan=False)


def test_frames() -> None:
    frame = _frame()
    chunked = polars.concat([frame, frame], rechunk=False)
    for each in (frame, frame.head(0), frame[1:], chunked, polars.DataFrame(), polars.DataFrame(height=3)):
        assert _same(round_trip(polars.DataFrame, each), each)
        json.dumps(of(polars.DataFrame).summarise(each), allow_nan=False)
    assert _id(chunked) == _id(chunked.rechunk())
    assert _id(chunked[3:]) == _id(frame)


def test_what_is_no_part_of_a_frame_does_not_count() -> None:
    shifted = polars.DataFrame({"a": [1, 2, 3, 4]}).select(polars.when(polars.col("a") > 2).then(polars.col("a")))
    assert _id(shifted) == _id(polars.DataFrame({"a": [None, None, 3, 4]}))
    reverse = polars.DataFrame({"c": ["zebra", "ape"]}, schema={"c": polars.Categorical}).reverse()
    assert _id(reverse) == _id(polars.DataFrame({"c": ["ape", "zebra"]}, schema={"c": polars.Categorical}))


def test_long_texts_are_written_in_small_batches() -> None:
    frame = polars.DataFrame({"a": ["x" * 1_000_000] * 40, "b": [["y" * 1_000_000]] * 40})
    assert _id(frame) == _id(polars.concat([frame[:7], frame[7:]], rechunk=False))
    assert _same(round_trip(polars.DataFrame, frame), frame)


def test_refused() -> None:
    with pytest.raises(DefinitionError, match=r"polars.LazyFrame is not supported: .* pass value.collect\(\)"):
        of(polars.LazyFrame)
    with pytest.raises(ConversionError, match=r"pass value.collect\(\)"):
        of(polars.DataFrame).convert(_frame().lazy())
    objects = polars.DataFrame({"a": polars.Series([object()], dtype=polars.Object)})
    with pytest.raises(ConversionError, match=r"\['a'\]: it cannot be stored: its dtype is Object"):
        of(polars.DataFrame).convert(objects)
    with pytest.raises(ConversionError, match="expected polars.Series"):
        of(polars.Series).convert(_frame())


def test_without_pyarrow_frames_are_refused_when_decorated(monkeypatch: pytest.MonkeyPatch) -> None:
    find = importlib.util.find_spec
    from sematic.types import polars_frames

    monkeypatch.setattr(polars_frames, "find_spec", lambda name: None if name == "pyarrow" else find(name))
    with pytest.raises(DefinitionError, match="pip install pyarrow"):
        polars_frames._match(polars.DataFrame)


def test_another_kind_of_value_than_declared_is_corrupt() -> None:
    payload = bytes(stored(polars.DataFrame, _frame(), DictStore()).blob.data or b"")
    with pytest.raises(ArtifactError, match="was recorded as"):
        loaded(polars.Series, payload, "arrow")


@pytest.mark.parametrize("name", COLUMNS)
def test_damaged(name: str) -> None:
    check_damaged(polars.Series, COLUMNS[name], 60)


def test_a_summary() -> None:
    frame = polars.DataFrame({"x": [1.0, None, 3.0], "kind": ["a", "b", "a"]})
    summary = of(polars.DataFrame).summarise(frame)
    histogram = {"low": 1.0, "high": 3.0, "counts": [1, 0, 0, 0, 0, 0, 0, 0, 0, 1]}
    assert summary["columns"] == [
        {"name": "x", "dtype": "Float64", "nulls": 1, "min": 1.0, "max": 3.0, "mean": 2.0, "histogram": histogram},
        {"name": "kind", "dtype": "String", "nulls": 0, "distinct": 2, "top": [["a", 2], ["b", 1]]},
    ]
    assert summary["rows"] == [[0, 1.0, "a"], [1, None, "b"], [2, 3.0, "a"]]


def test_long_texts_and_lists_are_not_looked_at_whole() -> None:
    frame = polars.DataFrame({"text": ["x" * 4_000_000] * 20, "list": [list(range(2_000_000))] + [None] * 19})
    for kind, value in ((polars.DataFrame, frame), (pyarrow.Table, frame.to_arrow())):
        summary = of(kind).summarise(value)
        assert summary["columns"][0]["sampled"] == 2
        assert summary["rows"][0] == [0, "…", "…"]
        assert len(json.dumps(summary)) < 10_000


@st.composite
def frames(draw: Any) -> Any:
    names = draw(st.lists(st.sampled_from([*COLUMNS]), max_size=4))
    rows = draw(st.lists(st.integers(0, 2), max_size=5))
    return polars.DataFrame([COLUMNS[name].gather(rows).alias(f"{at}{name}") for at, name in enumerate(names)])


@SLOW
@given(frames(), st.integers(0, 5))
def test_a_random_frame_survives(frame: Any, cut: int) -> None:
    assert _same(round_trip(polars.DataFrame, frame), frame)
    if frame.width:
        assert _id(polars.concat([frame[:cut], frame[cut:]], rechunk=False)) == _id(frame)


@settings(SLOW, max_examples=1)
@given(st.lists(frames(), min_size=40, max_size=40))
def test_another_process_reads_and_writes_the_same(sample: list[Any]) -> None:
    store = DictStore()
    artifacts = [stored(polars.DataFrame, frame, store) for frame in [*sample, _frame()]]
    assert ids_elsewhere(artifacts, store) == [each.id for each in artifacts]


def test_a_large_frame_is_never_held_twice() -> None:
    found = json.loads(elsewhere("sematic.types.tests.peak", "polars"))
    assert found["peak"] < 1.25
    assert found["same"]
