"""A value, stored and read back: `python -m tools.bench.codecs ours|floor KIND`. The floor is what its library does
itself, and one SHA-256 of what it wrote."""

from __future__ import annotations

import hashlib
import json
import pickle
import shutil
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy

import sematic
from sematic.storage.local import LocalStore
from sematic.types.artifact import encode, load
from sematic.types.registry import of
from tools.bench import memory

_MIB = 1 << 20


class Kind(NamedTuple):
    """A value, about how many bytes it has in memory, and how its library saves and reads it."""

    make: Callable[[], Any]
    size: Callable[[Any], int]
    save: Callable[[Any, Path], object]
    read: Callable[[Path], object]


def _file() -> sematic.File:
    path = Path("made")
    with path.open("wb") as file:
        for number in range(256):
            file.write(bytes([number]) * _MIB)
    return sematic.File(path)


def _picture() -> Any:
    from PIL import Image

    return Image.effect_noise((4096, 4096), 40).convert("RGB")


def _open(path: Path) -> object:
    from PIL import Image

    image = Image.open(path)
    image.load()
    return image


def _neighbours() -> Any:
    from sklearn.neighbors import KNeighborsRegressor

    points = numpy.arange(float(8 * _MIB)).reshape(-1, 8)
    return KNeighborsRegressor(algorithm="brute").fit(points, points[:, 0])


def _pickle(value: Any, path: Path) -> None:
    with path.open("wb") as file:
        pickle.dump(value, file, 5)


def _unpickle(path: Path) -> object:
    with path.open("rb") as file:
        return pickle.load(file)


def _data(rows: int = 20_000) -> tuple[Any, Any]:
    values = numpy.random.default_rng(0).normal(size=(rows, 20))
    return values, values[:, 0] * values[:, 1]


def _lightgbm() -> Any:
    import lightgbm

    return lightgbm.train({"verbose": -1, "num_leaves": 255, "num_threads": 2}, lightgbm.Dataset(*_data()), 200)


def _read_lightgbm(path: Path) -> object:
    import lightgbm

    return lightgbm.Booster(model_file=path)


def _xgboost() -> Any:
    import xgboost

    return xgboost.train({"max_depth": 8, "nthread": 2}, xgboost.DMatrix(*_data()), 200)


def _read_xgboost(path: Path) -> object:
    import xgboost

    return xgboost.Booster(model_file=path)


def _figure() -> Any:
    from matplotlib.figure import Figure

    figure = Figure()
    figure.subplots().plot(numpy.arange(100_000.0) % 997)
    return figure


def _draw(figure: Any, path: Path) -> None:
    _pickle(figure, path)
    figure.savefig("drawn.png")


def _plot() -> Any:
    from plotly import graph_objects

    return graph_objects.Figure(graph_objects.Scatter(x=numpy.arange(4.0 * _MIB), y=numpy.arange(4.0 * _MIB)))


def _read_plot(path: Path) -> object:
    from plotly import io

    return io.read_json(path)


KINDS = {
    "file": Kind(_file, lambda file: file.size, shutil.copyfile, lambda path: shutil.copyfile(path, "copy")),
    "picture": Kind(_picture, lambda image: 4 * image.width * image.height, lambda i, p: i.save(p, "PNG"), _open),
    "estimator": Kind(_neighbours, lambda model: model._fit_X.nbytes, _pickle, _unpickle),
    "lightgbm": Kind(_lightgbm, lambda booster: 0, lambda booster, path: booster.save_model(path), _read_lightgbm),
    "xgboost": Kind(_xgboost, lambda booster: 0, lambda booster, path: booster.save_model(path), _read_xgboost),
    "figure": Kind(_figure, lambda figure: 0, _draw, _unpickle),
    "plot": Kind(_plot, lambda figure: 64 * _MIB, lambda figure, path: figure.write_json(path), _read_plot),
}


def ours(value: Any, kind: Kind) -> object:
    store = LocalStore("store")
    found = load(encode(of(type(value)), value, store), store)
    return found.path if isinstance(found, sematic.File) else found


def floor(value: Any, kind: Kind) -> object:
    path = Path("saved.ubj")
    kind.save(value, path)
    with path.open("rb") as file:
        hashlib.file_digest(file, "sha256")
    return kind.read(path)


def main(what: str, name: str) -> None:
    """Seconds from the value to the one read back; how much the peak grew, in MB and as a multiple of its size."""
    kind = KINDS[name]
    value = kind.make()
    size = kind.size(value)
    before, begun, cpu = memory.peak(), time.perf_counter(), time.process_time()
    kept = {"ours": ours, "floor": floor}[what](value, kind)
    seconds, cpu = time.perf_counter() - begun, time.process_time() - cpu
    assert kept is not None
    grown = memory.peak() - before
    print(json.dumps({"seconds": seconds, "cpu": cpu, "grown": grown, "of_its_size": grown / size if size else 0}))


if __name__ == "__main__":
    main(*sys.argv[1:])
