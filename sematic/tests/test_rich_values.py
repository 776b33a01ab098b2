"""Files, figures and models through whole pipelines, the same under Silent and Local."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy
import PIL.Image
import plotly.graph_objects as go
import pytest
from matplotlib.figure import Figure
from sklearn.linear_model import LinearRegression

import sematic

MIB = 1 << 20
seen: list[Path] = []


@pytest.fixture(params=["silent", "local", "processes"])
def resolver(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> object:
    monkeypatch.setenv("SEMATIC_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("SEMATIC_PROGRESS", "quiet")
    if request.param == "silent":
        return sematic.SilentResolver()
    return sematic.LocalResolver(max_parallelism=2 if request.param == "processes" else None)


@sematic.func
def make(size: int) -> sematic.File:
    path = Path(tempfile.mkdtemp()) / "file.bin"
    path.write_bytes(bytes(size))
    return sematic.File(path)


@sematic.func(inline=False)
def longer(file: sematic.File) -> sematic.File:
    """Changes its own copy, and returns it."""
    seen.append(file.path)
    with open(file, "ab") as copy:
        copy.write(b"more")
    return file


@sematic.func
def collected(files: list[sematic.File]) -> sematic.Directory:
    folder = Path(tempfile.mkdtemp()) / "folder"
    folder.mkdir()
    for number, file in enumerate(files):
        (folder / f"{number}-{file.name}").write_bytes(file.read_bytes())
    (folder / "first").symlink_to("0-file.bin")
    return sematic.Directory(folder)


@sematic.func
def sizes(folder: sematic.Directory) -> dict[str, int]:
    return {name: (folder / name).stat().st_size for name in sorted(os.listdir(folder))}


@sematic.func
def files(size: int) -> dict[str, int]:
    first = make(size)
    return sizes(collected([first, longer(first), longer(longer(first))]))


def test_files_are_passed_on_and_changed_by_nobody_else(resolver: object) -> None:
    seen.clear()
    for size in (10, 200_000):
        found = sematic.resolve(files(size), resolver)
        names = ("0-file.bin", "1-file.bin", "2-file.bin", "first")
        assert found == dict(zip(names, (size, size + 4, size + 8, size), strict=True))
    assert not [path for path in seen if path.exists()]


@sematic.func
def fitted(points: int) -> LinearRegression:
    x = numpy.arange(float(points)).reshape(-1, 1)
    return LinearRegression().fit(x, 2 * x[:, 0] + 1)


@sematic.func(inline=False)
def drawn(model: LinearRegression) -> tuple[Figure, go.Figure, PIL.Image.Image, sematic.Image]:
    y = model.predict([[0.0], [1.0]])
    figure = Figure()
    figure.subplots().plot(y)
    return figure, go.Figure(go.Scatter(y=y)), PIL.Image.new("I", (2, 1), 70_000), sematic.Image.from_figure(figure)


@sematic.func
def pipeline(points: int) -> tuple[Figure, go.Figure, PIL.Image.Image, sematic.Image]:
    return drawn(fitted(points))


def test_models_and_figures(resolver: object) -> None:
    figure, plot, picture, image = sematic.resolve(pipeline(10), resolver)
    assert figure.axes[0].lines[0].get_ydata() == pytest.approx([1, 3])
    assert plot.data[0].y == pytest.approx(numpy.array([1.0, 3.0]))
    assert picture.getpixel((0, 0)) == 70_000
    assert image.size == (640, 480)


STREAMED = """
import resource, sys, pathlib, sematic
from sematic.storage.local import LocalStore
from sematic.types.artifact import encode, load
from sematic.types.registry import of
root = pathlib.Path(sys.argv[1])
store = LocalStore(root / "store")
peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10
load(encode(of(sematic.File), sematic.File(root / "small"), store), store).path
before = peak()
found = load(encode(of(sematic.File), sematic.File(root / "large"), store), store)
assert found.path.stat().st_size == (root / "large").stat().st_size
print(peak() - before)
"""


def test_a_large_file_is_never_held_in_memory(tmp_path: Path) -> None:
    for name, size in (("small", 1), ("large", 256)):
        with open(tmp_path / name, "wb") as file:
            for number in range(size):
                file.write(bytes([number]) * MIB)
    command = [sys.executable, "-c", STREAMED, str(tmp_path)]
    output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert int(output) < 64
