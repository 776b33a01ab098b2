"""DataFrame, Series and Index of pandas."""

from __future__ import annotations

import datetime
import decimal
import json
import subprocess
import sys
import threading
import tracemalloc
import warnings
from typing import Any
from zoneinfo import ZoneInfo

import numpy
import pandas
import pyarrow
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import sematic
from sematic.errors import ArtifactError, ConversionError, DefinitionError, EncodingError
from sematic.types.artifact import MemoryStore, encode, load
from sematic.types.registry import flows, from_spec, of
from sematic.types.tests import samples
from sematic.types.tests.helpers import (
    DictStore,
    check_damaged,
    elsewhere,
    ids_elsewhere,
    loaded,
    round_trip,
    stored,
)
from sematic.types.tests.same_frames import same_pandas

SLOW = settings(deadline=None, suppress_health_check=list(HealthCheck), max_examples=150, derandomize=True)
DAYS = pandas.date_range("2020-03-28", periods=4, name="day")

COLUMNS: dict[str, Any] = {
    "float": [1.5, numpy.nan, -0.0, numpy.inf],
    "float16": numpy.array([1, 2, 3, 4], "f2"),
    "int8": numpy.array([1, 2, 3, 4], "i1"),
    "bool": [True, False, True, False],
    "complex": [1j, 2, numpy.nan, 0],
    "datetime": pandas.to_datetime(["2020-01-01", None, "1677-10-01", "2262-01-01"]),
    "seconds": pandas.array(numpy.array([0, -62135596801, 1 << 40, 5], "M8[s]")),
    "paris": DAYS.tz_localize("Europe/Paris"),
    "zone": DAYS.tz_localize(ZoneInfo("Asia/Kathmandu")),
    "offset": DAYS.tz_localize(datetime.timezone(datetime.timedelta(hours=-3), "odd")),
    "timedelta": pandas.to_timedelta([1, 2, None, 3], unit="s"),
    "str": pandas.array(["a", None, "é😀", ""], dtype="str"),
    "string": pandas.array(["a", None, "é😀", ""], dtype="string"),
    "python": pandas.array(["a", None, "\ud800", ""], dtype="string[python]"),
    "arrow": pandas.array(["a", None, "é", ""], dtype="string[pyarrow]"),
    "python nan": pandas.array(["a", None, "é", ""], dtype=pandas.StringDtype("python", na_value=numpy.nan)),
    "Int64": pandas.array([1, None, 2, 3], dtype="Int64"),
    "UInt8": pandas.array([1, 2, 3, 255], dtype="UInt8"),
    "boolean": pandas.array([True, None, False, True], dtype="boolean"),
    "Float32": pandas.array([1.5, None, 2, 3], dtype="Float32"),
    "category": pandas.Categorical(["a", "b", None, "a"], categories=["z", "b", "a"], ordered=True),
    "days": pandas.Categorical(DAYS, categories=DAYS[::-1]),
    "period": pandas.period_range("2020", periods=4, freq="M"),
    "interval": pandas.interval_range(0.5, 4.5, closed="both"),
    "interval of times": pandas.arrays.IntervalArray.from_breaks([*DAYS, DAYS[-1]]),
    "objects": numpy.array(["a", None, 1, 2.5], object),
    "more objects": pandas.Series([b"\0", pandas.NA, (1, "a"), [1, {"a": decimal.Decimal("1.50")}]], dtype=object),
    "times": pandas.Series(
        [pandas.Timestamp("2020", tz="UTC"), pandas.NaT, DAYS[0], pandas.Timedelta(3)], dtype=object
    ),
    "numbers": pandas.Series([numpy.float32(0.1), numpy.int8(3), float("nan"), True], dtype=object),
    "own": pandas.Series(
        [samples.Color.RED, datetime.date(2020, 1, 1), 1 << 80, numpy.datetime64(1, "s")], dtype=object
    ),
    "spans": pandas.Series([pandas.Period("2020", "Y"), pandas.Interval(1, 2), "a" * 5000, 1j], dtype=object),
    "sparse": pandas.arrays.SparseArray([0, 0, 1, 2]),
    "sparse nan": pandas.arrays.SparseArray([numpy.nan, 1.5, numpy.nan, numpy.nan], kind="block"),
    "list": pandas.array([[1], None, [], [2, None]], dtype=pandas.ArrowDtype(pyarrow.list_(pyarrow.int64()))),
    "decimal": pandas.array([decimal.Decimal("1.1"), None] * 2, dtype=pandas.ArrowDtype(pyarrow.decimal128(5, 2))),
}

INDEXES = [
    pandas.RangeIndex(4),
    pandas.RangeIndex(10, 2, -2, name=("a", 1)),
    pandas.Index([1, 2, 2, 4], name=3),
    pandas.Index([0.5, numpy.nan, 1, 2]),
    DAYS,
    DAYS._with_freq(None),
    pandas.date_range("2020", periods=4, freq="3h", tz="Europe/Paris"),
    pandas.date_range("2020", periods=4, freq="BME", unit="s"),
    pandas.timedelta_range(0, periods=4, freq="h"),
    pandas.period_range("2020", periods=4, freq="Q-JAN"),
    pandas.interval_range(0, 4, name="bin"),
    pandas.CategoricalIndex(list("abca"), categories=list("cbax")),
    pandas.Index(list("abcd")),
    pandas.Index(["a", 1, None, (1, 2)], dtype=object, tupleize_cols=False),
    pandas.Index([1, None, 2, 3], dtype="Int64"),
    pandas.MultiIndex.from_product([[1, 2], ["a", "b"]], names=["n", None]),
    pandas.MultiIndex.from_product([[1, 2, 3], DAYS])[[0, 5, 5, 2]],
    pandas.MultiIndex.from_arrays([[1, None, 2, 2], ["a", "a", None, "b"]]),
]


@pytest.mark.parametrize("name", COLUMNS)
def test_columns(name: str) -> None:
    series = pandas.Series(COLUMNS[name], name=name)
    for value in (series, series.iloc[:0], series.iloc[1:3], series.iloc[::-2]):
        result = round_trip(pandas.Series, value)
        assert same_pandas(result, value)
        assert same_pandas(round_trip(pandas.DataFrame, value.to_frame()), value.to_frame())
    json.dumps(of(pandas.Series).summarise(series), allow_nan=False)


@pytest.mark.parametrize("index", INDEXES, ids=lambda index: f"{type(index).__name__}-{getattr(index, 'freqstr', '')}")
def test_both_axes(index: Any) -> None:
    assert same_pandas(round_trip(pandas.Index, index), index)
    frame = pandas.DataFrame(numpy.arange(16.0).reshape(4, 4), index=index, columns=index)
    assert same_pandas(round_trip(pandas.DataFrame, frame), frame)
    json.dumps(of(pandas.DataFrame).summarise(frame), allow_nan=False)
    json.dumps(of(pandas.Index).summarise(index), allow_nan=False)


def _frame() -> Any:
    return pandas.DataFrame({name: pandas.Series(values) for name, values in COLUMNS.items()})


def _frames() -> dict[str, Any]:
    twice = pandas.DataFrame([[1, "a"], [2, "b"]], columns=["x", "x"])
    noted = pandas.DataFrame({"a": [1]}).set_flags(allows_duplicate_labels=False)
    noted.attrs = {"source": ["here", (1, None)], 2: {"deep": 0.5}}
    return {
        "all": _frame(),
        "empty": pandas.DataFrame(),
        "no columns": pandas.DataFrame(index=[3, 1]),
        "no rows": pandas.DataFrame(columns=["a", "a"]),
        "twice": twice,
        "noted": noted,
        "fortran": pandas.DataFrame(numpy.arange(6.0).reshape(2, 3)),
        "strided": pandas.DataFrame(numpy.arange(600.0).reshape(20, 30)).iloc[::3, ::-2],
        "labels": pandas.DataFrame([[1, 2, 3]], columns=[1, "1", 1.5]),
        "blocks": pandas.DataFrame({"a": [1], "b": [1.5], "c": [2]}).rename_axis(columns="kind"),
    }


@pytest.mark.parametrize("name", _frames())
def test_frames(name: str) -> None:
    frame = _frames()[name]
    before = frame.copy(deep=True)
    result = round_trip(pandas.DataFrame, frame)
    assert same_pandas(result, frame)
    assert same_pandas(frame, before)


def test_equal_frames_have_one_identity_however_they_lie_in_memory() -> None:
    wide = pandas.DataFrame(numpy.arange(12.0).reshape(4, 3), columns=list("abc"))
    apart = pandas.DataFrame({name: wide[name].copy() for name in "abc"})
    turned = pandas.DataFrame(numpy.asfortranarray(wide.to_numpy()), columns=list("abc"))
    sliced = pandas.concat([wide, wide], ignore_index=True).iloc[4:].reset_index(drop=True)
    ids = {stored(pandas.DataFrame, frame, DictStore()).id for frame in (wide, apart, turned, sliced, wide.copy())}
    assert len(ids) == 1


def test_what_a_missing_value_hides_is_no_part_of_a_value() -> None:
    mask = numpy.array([False, True])
    for hidden in (7, 9):
        series = pandas.Series(pandas.arrays.IntegerArray(numpy.array([1, hidden]), mask))
        assert (
            stored(pandas.Series, series, DictStore()).id
            == stored(pandas.Series, pandas.Series([1, None], dtype="Int64"), DictStore()).id
        )


def test_a_result_is_the_callers_own() -> None:
    store = MemoryStore()
    artifact = encode(of(pandas.DataFrame), pandas.DataFrame({"a": [1.0, 2.0]}), store)
    load(artifact, store).loc[0, "a"] = 5.0
    assert load(artifact, store)["a"].tolist() == [1.0, 2.0]


def test_memory_is_used_in_place() -> None:
    payload = bytearray(stored(pandas.DataFrame, pandas.DataFrame({"a": [1.0, 2.0]}), DictStore()).blob.data or b"")
    frame = of(pandas.DataFrame).from_buffer(payload)  # type: ignore[attr-defined]
    frame.iloc[0, 0] = 99.0
    assert of(pandas.DataFrame).from_buffer(payload).iloc[0, 0] == 99.0  # type: ignore[attr-defined]


class Own(pandas.DataFrame):
    pass


CIRCLE: list[Any] = []
CIRCLE.append(CIRCLE)


def _noted(**attrs: Any) -> Any:
    frame = pandas.DataFrame({"a": [1]})
    frame.attrs = attrs
    return frame


@pytest.mark.parametrize(
    ("annotation", "value", "message"),
    [
        (pandas.DataFrame, {"a": [1]}, "expected pandas.DataFrame, got dict"),
        (pandas.DataFrame, pandas.Series([1]), "expected pandas.DataFrame, got Series"),
        (pandas.DataFrame, Own({"a": [1]}), r"write pandas.DataFrame\(value\)"),
        (pandas.Series, pandas.DataFrame(), "expected pandas.Series"),
        (pandas.DatetimeIndex, pandas.RangeIndex(3), "expected pandas.DatetimeIndex"),
        (pandas.DataFrame, pandas.DataFrame({"a": [1, object()]}), r"\['a'\]\[1\]: it cannot be stored: object object"),
        (pandas.DataFrame, pandas.DataFrame({"a": [{1}]}), r"\['a'\]\[0\]: it cannot be stored: set \{1\}"),
        (pandas.DataFrame, pandas.DataFrame({"a": [samples.Hostile()]}), r"\['a'\]\[0\]: .*its repr raised"),
        (pandas.DataFrame, pandas.DataFrame({("a", 1): [lambda: 1]}), r"\[\('a', 1\)\]\[0\]: "),
        (pandas.DataFrame, pandas.DataFrame({"a": [CIRCLE]}), "contains itself"),
        (pandas.DataFrame, pandas.DataFrame({object(): [1]}), r"\.columns\[0\]: "),
        (pandas.Series, pandas.Series([1], index=[object()]), r"\.index\[0\]: "),
        (pandas.Series, pandas.Series([1], name=object()), r"\.name: "),
        (pandas.DataFrame, _noted(plot=print), r"\.attrs: .*builtin_function_or_method"),
    ],
)
def test_refused(annotation: Any, value: Any, message: str) -> None:
    with pytest.raises(ConversionError, match=message):
        of(annotation).convert(value)


def test_a_freq_that_has_no_text_of_its_own_is_refused() -> None:
    custom = pandas.offsets.CustomBusinessDay(holidays=["2020-01-02"])
    index = pandas.date_range("2020", periods=3, freq=custom)
    with pytest.raises(ConversionError, match=r"its freq C cannot be told from this text; write index.freq = None"):
        of(pandas.Index).convert(index)


def test_a_zone_without_a_name_is_refused() -> None:
    from dateutil.tz import tzoffset

    series = pandas.Series(DAYS.tz_localize(tzoffset("own", 60)))
    with pytest.raises(ConversionError, match=r"the time zone .* cannot be stored; write tz_convert\(zoneinfo"):
        of(pandas.Series).convert(series)


def test_flows() -> None:
    assert flows(of(pandas.DatetimeIndex), of(pandas.Index))
    assert not flows(of(pandas.Index), of(pandas.DatetimeIndex))
    assert not flows(of(pandas.Series), of(pandas.DataFrame))
    assert from_spec(json.loads(json.dumps(of(pandas.DataFrame).spec))) == of(pandas.DataFrame)
    with pytest.raises(ArtifactError):
        from_spec(["pandas", "read_pickle"])


def test_another_kind_of_value_than_declared_is_corrupt() -> None:
    payload = bytes(stored(pandas.Index, DAYS, DictStore()).blob.data or b"")
    for annotation in (pandas.DataFrame, pandas.MultiIndex):
        with pytest.raises(ArtifactError, match="was recorded as"):
            loaded(annotation, payload, "pandas")


@pytest.mark.parametrize("name", COLUMNS)
def test_damaged_columns(name: str) -> None:
    check_damaged(pandas.Series, pandas.Series(COLUMNS[name]), 60)


@pytest.mark.parametrize("index", INDEXES, ids=lambda index: type(index).__name__)
def test_damaged_indexes(index: Any) -> None:
    check_damaged(pandas.DataFrame, pandas.DataFrame({"a": range(4)}, index=index), 60)


def test_a_summary() -> None:
    frame = pandas.DataFrame(
        {"x": [1.0, numpy.nan, 3.0], "kind": ["a", "b", "a"], "day": pandas.to_datetime(["2020", "2021", None])}
    )
    summary = of(pandas.DataFrame).summarise(frame)
    assert summary["shape"] == [3, 3]
    assert summary["columns"] == [
        {
            "name": "x",
            "dtype": "float64",
            "nulls": 1,
            "min": 1.0,
            "max": 3.0,
            "mean": 2.0,
            "histogram": {"low": 1.0, "high": 3.0, "counts": [1, 0, 0, 0, 0, 0, 0, 0, 0, 1]},
        },
        {"name": "kind", "dtype": str(frame["kind"].dtype), "nulls": 0, "distinct": 2, "top": [["a", 2], ["b", 1]]},
        {
            "name": "day",
            "dtype": str(frame["day"].dtype),
            "nulls": 1,
            "min": "2020-01-01 00:00:00",
            "max": "2021-01-01 00:00:00",
        },
    ]
    assert summary["rows"][0] == [0, 1.0, "a", "2020-01-01 00:00:00"]
    assert summary["last"] == []


def test_summaries_are_small_whatever_the_value() -> None:
    wide = pandas.DataFrame({"x" * 5000 + str(at): ["y" * 5000] * 20 for at in range(3000)})
    long = pandas.DataFrame({"a": numpy.arange(3_000_000), "b": pandas.Categorical.from_codes([0] * 3_000_000, ["c"])})
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for frame in (wide, long, wide.T):
            summary = of(pandas.DataFrame).summarise(frame)
            assert len(json.dumps(summary)) < 100_000
    assert [column["sampled"] for column in of(pandas.DataFrame).summarise(long)["columns"]] == [100_000, 100_000]
    texts = pandas.Series(["a", "b", None, "a", "b", None, "c"] * 50_000)
    (column,) = of(pandas.Series).summarise(texts)["columns"]
    assert 60_000 < column["sampled"] == sum(count for _, count in column["top"]) < 100_000
    assert column["nulls"] == 100_000
    assert of(pandas.DataFrame).summarise(long)["last"][-1] == [2_999_999, 2_999_999, "c"]


def test_long_texts_and_lists_are_not_looked_at_whole() -> None:
    text, numbers = "x" * 4_000_000, list(range(2_000_000))
    frame = pandas.DataFrame({"text": [text] * 20}).astype({"text": "string[pyarrow]"})
    frame["python"] = pandas.Series([text] * 20, dtype=object)
    frame["list"] = pandas.array([numbers] + [None] * 19, dtype=pandas.ArrowDtype(pyarrow.list_(pyarrow.int64())))
    tracemalloc.start()
    summary = of(pandas.DataFrame).summarise(frame)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 64 << 20
    assert [column["sampled"] for column in summary["columns"][:2]] == [2, 2]
    assert [summary["rows"][0][at] for at in (1, 3)] == ["…", "…"]
    assert len(json.dumps(summary)) < 10_000


@sematic.func
def scaled(frame: pandas.DataFrame, by: float) -> pandas.DataFrame:
    return frame * by


@sematic.func
def total(frames: list[pandas.DataFrame]) -> float:
    return float(sum(frame.to_numpy().sum() for frame in frames))


@sematic.func
def pipeline(frame: pandas.DataFrame) -> float:
    return total([scaled(frame, 2.0), scaled(frame, 3.0), frame])


def test_local_and_silent_are_alike(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEMATIC_HOME", str(tmp_path))
    frame = pandas.DataFrame({"a": numpy.arange(20_000.0)})
    expected = 6 * frame["a"].sum()
    for resolver in (sematic.SilentResolver(), sematic.LocalResolver()):
        assert pipeline.future(frame).resolve(resolver) == expected
    with pytest.raises(ConversionError, match=r"pipeline\(frame\): expected pandas.DataFrame"):
        pipeline([1])


def test_a_frame_that_another_thread_changes() -> None:
    frame = pandas.DataFrame({"a": range(100), "b": ["x"] * 100})
    done = threading.Event()

    def change() -> None:
        while not done.is_set():
            frame["c"] = 1.5
            frame.loc[3, "b"] = "y"
            del frame["c"]

    thread = threading.Thread(target=change)
    thread.start()
    try:
        for _ in range(50):
            try:
                artifact = encode(of(pandas.DataFrame), of(pandas.DataFrame).convert(frame), MemoryStore())
            except (ConversionError, EncodingError):
                continue
            load(artifact, MemoryStore())
    finally:
        done.set()
        thread.join()


_COLUMN = st.sampled_from([*COLUMNS])
_LABEL = (
    st.none() | st.booleans() | st.integers() | st.text(max_size=3) | st.tuples(st.integers(0, 2), st.text(max_size=1))
)


@st.composite
def frames(draw: Any) -> Any:
    index = draw(st.sampled_from(INDEXES))
    columns = [pandas.Series(COLUMNS[name], index=index) for name in draw(st.lists(_COLUMN, max_size=4))]
    frame = pandas.concat(columns, axis=1) if columns else pandas.DataFrame(index=index)
    labels = draw(st.lists(_LABEL, min_size=len(columns), max_size=len(columns)))
    frame.columns = pandas.Index(labels, dtype=object, tupleize_cols=False, name=draw(_LABEL))
    rows = draw(st.lists(st.integers(0, 3), max_size=6))
    return frame.iloc[rows] if draw(st.booleans()) else frame


@SLOW
@given(frames())
def test_a_random_frame_survives(frame: Any) -> None:
    assert same_pandas(round_trip(pandas.DataFrame, frame), frame)


@settings(SLOW, max_examples=1)
@given(st.lists(frames(), min_size=40, max_size=40))
def test_another_process_reads_and_writes_the_same(sample: list[Any]) -> None:
    store = DictStore()
    artifacts = [stored(pandas.DataFrame, frame, store) for frame in [*sample, _frame()]]
    assert ids_elsewhere(artifacts, store) == [each.id for each in artifacts]


@pytest.mark.parametrize("kind", ["pandas", "pandas-rows", "pandas-slice", "pandas-missing", "pandas-text"])
def test_a_large_frame_is_never_held_twice(kind: str) -> None:
    found = json.loads(elsewhere("sematic.types.tests.peak", kind))
    assert found["peak"] < 1.25
    assert found["same"]


def _printed(code: str) -> str:
    environment = {"PYTHONPATH": ":".join(sys.path)}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_pandas_is_not_imported_to_find_out() -> None:
    used = "import sys, numpy; from sematic.types.registry import of; of(list[int]); of(numpy.ndarray); of(object)"
    assert _printed(f"{used}; print(sorted({{'pandas', 'polars', 'pyarrow', 'scipy'}} & set(sys.modules)))") == "[]"


WITHOUT_ARROW = """
import sys
sys.modules["pyarrow"] = None
import pandas
from sematic.errors import ArtifactError
from sematic.types.registry import of
from sematic.types.tests.helpers import round_trip
from sematic.types.tests.same_frames import same_pandas
frame = pandas.DataFrame({"a": ["x", None], "b": [1.5, 2], "c": pandas.array([1, None], "Int64")})
frame["d"] = frame["a"].astype("category")
assert getattr(frame["a"].dtype, "storage", "python") == "python"
assert same_pandas(round_trip(pandas.DataFrame, frame), frame)
of(pandas.DataFrame).summarise(frame)
try:
    of(pandas.DataFrame).from_buffer(sys.stdin.buffer.read())
except ArtifactError as error:
    print(error)
"""


def test_without_pyarrow_pandas_works_and_what_needs_it_says_so() -> None:
    frame = pandas.DataFrame({"a": pandas.array(["x"], dtype="string[pyarrow]")})
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_ARROW],
        input=stored(pandas.DataFrame, frame, DictStore()).blob.data,
        env={"PYTHONPATH": ":".join(sys.path)},
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode()
    assert done.stdout.startswith(b"pyarrow:Table is needed to read this value, but cannot be imported")


def test_a_library_that_is_missing_when_a_frame_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    payload = bytes(stored(pandas.DataFrame, pandas.DataFrame({"a": [1]}), DictStore()).blob.data or b"")
    monkeypatch.setitem(sys.modules, "pandas", None)
    from sematic.types.registry import _from_text

    _from_text.cache_clear()
    with pytest.raises(ArtifactError, match="pandas:DataFrame is needed to read this value, but cannot be imported"):
        from_spec(["pandas", "DataFrame"])
    assert payload


def test_other_classes_of_pandas_are_not_taken_for_these() -> None:
    assert of(pandas.Timestamp).codec == "pickle"
    with pytest.raises(DefinitionError):
        of(pandas.Series[int] if hasattr(pandas.Series, "__class_getitem__") else list)
