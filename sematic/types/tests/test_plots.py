from __future__ import annotations

import datetime
import json
import subprocess
import sys
from typing import Any

import numpy
import plotly.graph_objects as go
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sematic.errors import ConversionError
from sematic.types import sections
from sematic.types.registry import of
from sematic.types.tests.damage import payload_of, refuses, refuses_what_is_cut, survives_changes
from sematic.types.tests.elsewhere import there_and_back
from sematic.types.tests.helpers import round_trip
from sematic.types.tests.same import same

Figure = go.Figure


def rich() -> Figure:
    figure = Figure(
        [
            go.Scatter(x=numpy.arange(5.0), y=[1, 2.5, float("nan"), float("inf"), -0.0], uid="u"),
            go.Heatmap(z=numpy.arange(6).reshape(2, 3), text=numpy.array([["a", 1], [None, 2]], object)),
            go.Bar(x=[datetime.date(2020, 1, 1), datetime.datetime(2020, 1, 2, 3)], y=(1, 2)),
            go.Scatter(x=numpy.array(["2020-01-01"], "M8[ns]"), y=numpy.arange(1, dtype="u8")),
        ],
        layout={"title": "T", "meta": {"b": (1, 2), "a": ["<", "\udc80"]}, "xaxis": {"range": [0, 1]}},
    )
    figure.frames = [go.Frame(data=[go.Scatter(y=[1])], name="f")]
    return figure


def facts(figure: Figure) -> Any:
    """All that a figure is made of; the order of properties is none of it."""
    whole = [*figure.data, figure.layout, *figure.frames]
    return [sorted_(each.to_plotly_json()) for each in whole]


def sorted_(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: sorted_(value[key]) for key in sorted(value)}
    return type(value)(map(sorted_, value)) if isinstance(value, (list, tuple)) else value


def assert_same(one: Figure, other: Figure) -> None:
    assert type(one) is type(other)
    assert len(one.data) == len(other.data)
    assert repr(facts(one)) == repr(facts(other))
    assert same_arrays(facts(one), facts(other))


def same_arrays(one: Any, other: Any) -> bool:
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(same_arrays(one[key], other[key]) for key in one)
    if isinstance(one, (list, tuple)):
        return type(one) is type(other) and len(one) == len(other) and all(map(same_arrays, one, other))
    if isinstance(one, numpy.ndarray) and one.dtype == object:
        return same(one.tolist(), other.tolist())
    return same(one, other)


def test_a_figure_comes_back_as_it_was_made() -> None:
    figure = rich()
    before = facts(figure)
    found = round_trip(Figure, figure)
    assert_same(found, figure)
    assert repr(facts(figure)) == repr(before)
    assert found.data[0].x.dtype == float
    assert type(found.data[2].x[0]) is datetime.date


def test_a_template_stays_what_it_was() -> None:
    for template in (None, "none", "plotly_dark"):
        figure = Figure([go.Scatter(y=[1])])
        figure.layout.template = template
        assert_same(round_trip(Figure, figure), figure)


def test_its_text_is_plotlys_json_with_arrays_beside_it() -> None:
    _, (text, *beside) = sections.read(
        payload_of(Figure, Figure(go.Scatter(y=[1.5, 2], x=numpy.arange(2)), {"title": "T"}))
    )
    found = json.loads(bytes(text))
    assert found["data"] == [{"type": "scatter", "x": {"$part": [["array", None], 0]}, "y": [1.5, 2]}]
    assert found["layout"]["title"] == {"text": "T"}
    assert len(beside) == 1


NUMBERS = st.lists(st.floats() | st.integers(-(2**70), 2**70) | st.none(), max_size=5)
TEXTS = st.lists(st.text() | st.datetimes() | st.booleans(), max_size=5)
ARRAYS = st.lists(st.floats(width=32), max_size=5).map(lambda items: numpy.array(items, "f4"))
TRACES = st.builds(go.Scatter, x=NUMBERS | ARRAYS, y=NUMBERS | ARRAYS, text=TEXTS, customdata=TEXTS, meta=st.text()) | (
    st.builds(go.Bar, x=TEXTS, y=NUMBERS, name=st.text())
)
FIGURES = st.builds(
    lambda traces, title: Figure(traces, {"title": {"text": title}}), st.lists(TRACES, max_size=3), st.text()
)


@settings(deadline=None, suppress_health_check=list(HealthCheck), max_examples=10, derandomize=True)
@given(st.lists(FIGURES, min_size=5, max_size=5))
def test_another_process_gives_the_same(figures: list[Figure]) -> None:
    for one, other in zip(there_and_back(Figure, figures), figures, strict=True):
        assert_same(one, other)


class Mine(Figure):
    pass


def test_what_is_refused() -> None:
    with pytest.raises(ConversionError, match=r"write plotly.graph_objects.Figure\(value\)"):
        of(Figure).convert(Mine())
    with pytest.raises(ConversionError, match="expected plotly.graph_objects.Figure, got dict"):
        of(Figure).convert({"data": []})
    odd = Figure(go.Scatter(customdata=[[1, object()]]))
    with pytest.raises(ConversionError, match=r"data\[0\].customdata\[0\]\[1\]: expected numbers, texts") as caught:
        of(Figure).convert(odd)
    assert str(caught.value.within("plot(figure)")).startswith("plot(figure).data[0]")


def test_damaged() -> None:
    figure = Figure([go.Scatter(y=[1], x=numpy.arange(3))])
    figure.layout.template = None
    refuses_what_is_cut(Figure, figure, 7)
    survives_changes(Figure, figure, 7)
    for text in (
        b"{}",
        b"[]",
        b'{"data":[{"type":"unknown"}],"frames":[],"layout":{}}',
        b'{"data":[{"$part":[["array",null],9]}]',
    ):
        refuses(Figure, b"".join(sections.write({}, [sections.checked(text)])))


def test_summaries_are_small() -> None:
    summary = of(Figure).summarise(Figure([go.Scatter(y=[1])] * 500, {"title": "x" * 100_000}))
    assert summary["length"] == 500
    assert len(json.dumps(summary)) < 2_000
    assert "title" not in of(Figure).summarise(Figure())


def test_plotly_is_not_imported_to_find_out_and_its_absence_is_an_error() -> None:
    program = (
        "import sys, sematic\n"
        "from sematic.types.registry import from_spec, of\n"
        "of(list[int])\n"
        "assert 'plotly' not in sys.modules\n"
        "sys.modules['plotly'] = None\n"
        "try: from_spec(['plotly'])\n"
        "except sematic.ArtifactError as error: print(error)\n"
    )
    output = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True).stdout
    assert "plotly" in output
