"""A pipeline whose results are looked at, not read."""

from __future__ import annotations

import lightgbm
import matplotlib.figure
import numpy
import PIL.Image
import plotly.graph_objects
from sklearn.linear_model import Ridge

import sematic


@sematic.func
def image() -> sematic.Image:
    return sematic.Image.from_pillow(PIL.Image.new("RGB", (40, 30), "red"))


@sematic.func
def picture(mode: str) -> PIL.Image.Image:
    return PIL.Image.new(mode, (40, 30))


@sematic.func
def figure(title: str) -> matplotlib.figure.Figure:
    found = matplotlib.figure.Figure((2, 1))
    found.subplots().set_title(title)
    return found


@sematic.func
def plot() -> plotly.graph_objects.Figure:
    return plotly.graph_objects.Figure(plotly.graph_objects.Bar(y=numpy.arange(3)), {"title": "bars"})


@sematic.func
def both(one: sematic.Image, other: PIL.Image.Image) -> dict[str, tuple[sematic.Image, PIL.Image.Image]]:
    return {"both": (one, other)}


def models() -> list[tuple[type, object, str]]:
    """Types, values, and how these are shown on one line."""
    values = numpy.arange(40.0).reshape(-1, 1)
    ridge = Ridge(alpha=0.5)
    booster = lightgbm.train(
        {"verbose": -1, "num_threads": 1, "min_data_in_leaf": 2}, lightgbm.Dataset(values, values[:, 0]), 3
    )
    fitted = Ridge().fit(values, values[:, 0])
    return [
        (Ridge, ridge, "Ridge(alpha=0.5, fit_intercept=True, copy_X=True, max_iter=None, tol=0.0001"),
        (Ridge, fitted, "positive=False, random_state=None), fitted"),
        (lightgbm.Booster, booster, "3 trees of 1 features"),
    ]
