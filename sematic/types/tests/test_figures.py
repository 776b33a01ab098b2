from __future__ import annotations

import io
import json
import subprocess
import sys
import warnings
from typing import Any

import matplotlib
import numpy
import PIL.Image
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from matplotlib import pyplot
from matplotlib.figure import Figure

from sematic.errors import ArtifactError, ConversionError, EncodingError
from sematic.types import figures, sections, thumbnails
from sematic.types.artifact import MemoryStore, encode
from sematic.types.registry import flows, of
from sematic.types.tests.damage import payload_of, refuses
from sematic.types.tests.elsewhere import there_and_back
from sematic.types.tests.helpers import DictStore, loaded, round_trip, stored

matplotlib.use("agg")


class Mine(Figure):
    pass


def figure(values: Any = (1, 2, 3), title: str = "T", cls: type[Figure] = Figure) -> Figure:
    found = cls((3, 2))
    left, right = found.subplots(1, 2)
    left.plot(values, label="line")
    left.set_title(title)
    left.legend()
    right.imshow(numpy.arange(12).reshape(3, 4))
    return found


def drawn(value: Figure) -> bytes:
    file = io.BytesIO()
    value.savefig(file, format="raw")
    return file.getvalue()


@settings(deadline=None, suppress_health_check=list(HealthCheck), max_examples=2, derandomize=True)
@given(
    st.lists(st.tuples(st.lists(st.floats(-1e6, 1e6), min_size=1), st.text("abc ", max_size=9)), min_size=5, max_size=5)
)
def test_another_process_gives_a_figure_that_looks_the_same(facts: list[tuple[list[float], str]]) -> None:
    made = [figure(values, title) for values, title in facts]
    for one, other in zip(there_and_back(Figure, made), made, strict=True):
        assert type(one) is Figure
        assert drawn(one) == drawn(other)
        assert one.axes[0].get_title() == other.axes[0].get_title()


def test_the_picture_is_what_drawing_gives() -> None:
    value = figure()
    png = figures.picture(payload_of(Figure, value))
    with PIL.Image.open(io.BytesIO(png)) as image:
        assert image.size == (300, 200)
        assert image.convert("RGBA").tobytes() == drawn(value)


def test_storing_changes_nothing_in_it() -> None:
    value = figure()
    value.set_layout_engine("constrained")
    before = [axes.get_position().bounds for axes in value.axes]
    canvas, stale = value.canvas, value.stale
    encode(of(Figure), value, MemoryStore())
    assert [axes.get_position().bounds for axes in value.axes] == before
    assert (value.canvas, value.stale) == (canvas, stale)


def test_no_window_opens_where_it_is_read() -> None:
    value, axes = pyplot.subplots()
    axes.plot([1, 2])
    numbers = pyplot.get_fignums()
    found = round_trip(Figure, value)
    assert pyplot.get_fignums() == numbers
    assert drawn(found) == drawn(value)
    pyplot.close(value)


def test_subclasses_are_kept_and_flow_to_their_base() -> None:
    found = round_trip(Figure, figure(cls=Mine))
    assert type(found) is Mine
    assert flows(of(Mine), of(Figure))
    assert not flows(of(Figure), of(Mine))
    with pytest.raises(ConversionError, match="write its figure: value.figure"):
        of(Figure).convert(figure().axes[0])
    with pytest.raises(ConversionError, match="expected Figure, got str"):
        of(Figure).convert("figure")


def test_one_that_cannot_be_drawn_is_stored_all_the_same() -> None:
    value = figure(title=r"$\nonsense$")
    artifact = stored(Figure, value, DictStore())
    assert "thumbnail" not in artifact.summary
    assert round_trip(Figure, value).axes[0].get_title() == r"$\nonsense$"


def test_one_that_cannot_be_pickled_says_so() -> None:
    value = figure()
    value.axes[0].set_label(open)  # type: ignore[arg-type]
    value.odd = (number for number in range(3))  # type: ignore[attr-defined]
    with pytest.raises(EncodingError, match="a Figure cannot be stored"):
        encode(of(Figure), value, MemoryStore())


def test_one_that_takes_long_is_not_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    assert figures.picture(payload_of(Figure, figure()))
    for name in ("_SECONDS", "_LARGEST_DRAWN"):
        with monkeypatch.context() as patch:
            patch.setattr(figures, name, -1)
            assert not figures.picture(payload_of(Figure, figure()))


def test_versions_are_compared() -> None:
    facts, parts = sections.read(payload_of(Figure, figure()))
    assert facts["libraries"]["matplotlib"] == matplotlib.__version__
    facts["libraries"]["matplotlib"] = "1.0.0"
    payload = b"".join(sections.write(facts, [sections.checked(part) for part in parts]))
    with pytest.raises(ArtifactError, match="stored with matplotlib 1.0.0 cannot be read with matplotlib"):
        loaded(Figure, payload, "figure+pickle")
    assert figures.picture(payload)


def test_damaged() -> None:
    payload = payload_of(Figure, figure())
    for length in range(0, len(payload), 501):
        refuses(Figure, payload[:length])
        with pytest.raises(ValueError):
            figures.picture(payload[:length])


def test_summaries_are_small_and_large_figures_are_drawn_small() -> None:
    value = Figure((100, 100), dpi=300)
    for axes in value.subplots(4, 4).flat:
        axes.set_title("x" * 300)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        artifact = stored(Figure, value, DictStore())
    assert len(json.dumps(artifact.summary)) < thumbnails.LARGEST * 1.4 + 10_000
    assert artifact.summary["length"] == 16
    with PIL.Image.open(io.BytesIO(figures.picture(payload_of(Figure, value)))) as image:
        assert image.size[0] * image.size[1] <= 4_100_000


def test_matplotlib_is_not_imported_to_find_out() -> None:
    program = "import sys, sematic\nfrom sematic.types.registry import of\nof(list[int])\nassert 'matplotlib' not in sys.modules"
    subprocess.run([sys.executable, "-c", program], check=True)
