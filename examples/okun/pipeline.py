"""Okun's law: when output grows, unemployment falls. By how much, and has that changed?

The figures are of the United States, 1959 to 2009, a quarter a row; statsmodels ships them.
"""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd
import statsmodels.api as sm
from matplotlib.figure import Figure
from statsmodels.regression.linear_model import RegressionResultsWrapper

import sematic

GROWTH, CHANGE = "growth", "change"


@dataclass(frozen=True)
class Report:
    """A line a period: how much unemployment changes, in points a quarter, with each percent of growth."""

    periods: pd.DataFrame
    model: RegressionResultsWrapper
    chart: Figure

    def __str__(self) -> str:
        steady = -self.model.params["const"] / self.model.params[GROWTH]
        return f"{self.periods.round(3).to_string()}\nUnemployment is steady at a growth of {steady:.2f} % a quarter."


@sematic.func
def load() -> pd.DataFrame:
    """Output and unemployment, by quarter."""
    data = sm.datasets.macrodata.load_pandas().data
    quarters = pd.PeriodIndex.from_fields(year=data["year"].astype(int), quarter=data["quarter"].astype(int))
    return data[["realgdp", "unemp"]].set_index(quarters.rename("quarter"))


@sematic.func
def differences(levels: pd.DataFrame) -> pd.DataFrame:
    """Growth in percent, and the change of unemployment in points."""
    growth = levels["realgdp"].pct_change() * 100
    return pd.DataFrame({GROWTH: growth, CHANGE: levels["unemp"].diff()}).dropna()


@sematic.func
def between(changes: pd.DataFrame, first: int, last: int) -> pd.DataFrame:
    """The quarters of these years."""
    return changes.loc[f"{first}Q1" : f"{last}Q4"]


@sematic.func
def fit(changes: pd.DataFrame) -> RegressionResultsWrapper:
    """A straight line: change = const + slope · growth."""
    return sm.OLS(changes[CHANGE], sm.add_constant(changes[[GROWTH]])).fit()


@sematic.func
def compare(names: list[str], models: list[RegressionResultsWrapper]) -> pd.DataFrame:
    """One line a model: slope, its 95 % interval, how much it explains, and of how many quarters it is made."""
    rows = []
    for model in models:
        low, high = model.conf_int().loc[GROWTH]
        rows.append((model.params[GROWTH], low, high, model.rsquared, int(model.nobs)))
    columns = ["slope", "low", "high", "r2", "quarters"]
    return pd.DataFrame(rows, index=pd.Index(names, name="period"), columns=columns).astype({"quarters": "Int64"})


@sematic.func
def draw(changes: pd.DataFrame, model: RegressionResultsWrapper) -> Figure:
    """Every quarter, and the line through them."""
    figure = Figure(figsize=(6, 4), layout="constrained")
    axes = figure.subplots()
    axes.scatter(changes[GROWTH], changes[CHANGE], s=8)
    ends = changes[GROWTH].agg(["min", "max"])
    axes.plot(ends, model.params["const"] + model.params[GROWTH] * ends, color="black")
    axes.set(xlabel="growth of output, % a quarter", ylabel="change of unemployment, points")
    return figure


@sematic.func
def pipeline(split: int) -> Report:
    """The law for all years, and for those before and from `split` on."""
    changes = differences(load())
    everything = fit(changes)
    parts = [(1959, split - 1), (split, 2009)]
    models = [everything, *(fit(between(changes, first, last)) for first, last in parts)]
    names = ["1959-2009", *(f"{first}-{last}" for first, last in parts)]
    return Report(compare(names, models), everything, draw(changes, everything))
