"""What can be looked at, opened and on one line."""

from __future__ import annotations

import io
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import matplotlib.figure
import PIL.Image
import plotly.graph_objects
import pytest

import sematic
from sematic.cli.summaries import brief, type_name
from sematic.cli.tests import shown
from sematic.reading import get_run
from sematic.recorded import Record
from sematic.types.artifact import MemoryStore, encode
from sematic.types.registry import of

Text = Callable[..., str]


@pytest.fixture(autouse=True)
def no_display(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)


def recorded(value: Any) -> str:
    sematic.resolve(value)
    found = get_run(next(Record().pipeline_runs()).id).output_id
    assert found is not None
    return found


def size(path: str) -> tuple[int, int]:
    with PIL.Image.open(io.BytesIO(Path(path).read_bytes())) as found:
        return found.size


@pytest.mark.parametrize("mode", ["RGB", "F", "CMYK", "P"])
def test_pictures_become_files(good: Text, mode: str) -> None:
    assert size(good("artifact", "show", recorded(shown.picture(mode)), "--open").strip()) == (40, 30)


def test_images_and_figures_become_files(good: Text) -> None:
    path = good("artifact", "show", recorded(shown.image()), "--open").strip()
    assert path.endswith(".png")
    assert size(path) == (40, 30)
    assert size(good("artifact", "show", recorded(shown.figure("T")), "--open").strip()) == (200, 100)


def test_a_plot_becomes_a_page(good: Text) -> None:
    page = Path(good("artifact", "show", recorded(shown.plot()), "--open").strip())
    assert page.suffix == ".html"
    assert "bars" in page.read_text()


def test_all_that_is_in_a_container_is_opened(good: Text) -> None:
    paths = good("artifact", "show", recorded(shown.both(shown.image(), shown.picture("L"))), "--open").split()
    assert [size(path) for path in paths] == [(40, 30), (40, 30)]
    assert len({*paths}) == 2


def test_what_cannot_be_opened_says_so(good: Text, bad: Text) -> None:
    message = bad("artifact", "show", recorded(shown.figure(r"$\nonsense$")), "--open")
    assert "could not be drawn when it was stored" in message
    id = get_run(next(Record().pipeline_runs()).id).inputs.artifact_id("title")
    assert bad("artifact", "show", str(id), "--open") == (
        "in a str is nothing to be opened; what can be: Image, matplotlib.figure.Figure, PIL.Image.Image, "
        "plotly.graph_objects.Figure"
    )


def test_with_a_display_its_viewer_is_started(good: Text, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    viewer, told = tmp_path / "bin" / "xdg-open", tmp_path / "told"
    viewer.parent.mkdir()
    os.mkfifo(told)
    viewer.write_text(f'#!/bin/sh\necho "$1" > {told}\n')
    viewer.chmod(0o755)
    monkeypatch.setenv("PATH", f"{viewer.parent}:{os.environ['PATH']}")
    monkeypatch.setenv("DISPLAY", ":0")
    path = good("artifact", "show", recorded(shown.image()), "--open")
    assert told.read_text() == path


CASES = [
    (sematic.Image, sematic.Image.from_pillow(PIL.Image.new("L", (3, 4))), "png 3 x 4"),
    (PIL.Image.Image, PIL.Image.new("L", (3, 4)), "L 3 x 4"),
    (matplotlib.figure.Figure, matplotlib.figure.Figure(), "0 axes"),
    (plotly.graph_objects.Figure, plotly.graph_objects.Figure(), "no traces"),
    (plotly.graph_objects.Figure, plotly.graph_objects.Figure([{"type": "bar"}], {"title": "T"}), '"T": bar'),
    (sematic.File, sematic.File(__file__), f'"test_opening.py", {Path(__file__).stat().st_size:,} bytes'),
    *shown.models(),
]


@pytest.mark.parametrize(("annotation", "value", "text"), CASES)
def test_brief(annotation: Any, value: Any, text: str) -> None:
    assert text in brief(encode(of(annotation), value, MemoryStore()), 200)
    assert type_name(of(annotation).spec) == of(annotation).name


def test_a_directory_and_a_figure_with_a_title(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "file").write_bytes(bytes(2000))
    assert brief(encode(of(sematic.Directory), sematic.Directory(folder), MemoryStore())) == (
        '"folder": 1 files, 2,000 bytes'
    )
    figure = matplotlib.figure.Figure()
    figure.subplots().set_title("T")
    assert brief(encode(of(matplotlib.figure.Figure), figure, MemoryStore())) == '1 axes: "T"'
