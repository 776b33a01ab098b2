"""Tells benign from malignant breast tumours (scikit-learn's Wisconsin data) and weighs the mistakes by their cost."""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from sklearn.datasets import load_breast_cancer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

import sematic
from lib.learning import Table, confusion, split

COSTS = Path(__file__).with_name("costs.json")
"""Travels with the code: on this machine and in the image it lies beside this module."""


@dataclass(frozen=True)
class Trial:
    """What a threshold leads to: the probability of a tumour from which on it is taken for one."""

    threshold: float
    missed: int
    alarms: int
    cost: int


@sematic.func
def load() -> Table:
    """Class 1 is malignant, which scikit-learn has the other way round."""
    values, benign = load_breast_cancer(return_X_y=True)
    return Table(values, 1 - benign)


@sematic.func(inline=False)
def train(table: Table) -> Pipeline:
    return make_pipeline(StandardScaler(), LogisticRegression(C=0.1)).fit(table.values, table.classes)


@sematic.func
def try_out(model: Pipeline, table: Table, threshold: float) -> Trial:
    costs = json.loads(COSTS.read_text())
    found = (model.predict_proba(table.values)[:, 1] >= threshold).astype(np.int64)
    (_, alarms), (missed, _) = confusion(table.classes, found)
    return Trial(threshold, missed, alarms, missed * costs["a missed tumour"] + alarms * costs["a false alarm"])


@sematic.func
def cheapest_first(trials: list[Trial]) -> list[Trial]:
    return sorted(trials, key=lambda trial: trial.cost)


@sematic.func
def pipeline(thresholds: list[float], held_out: float, seed: int) -> list[Trial]:
    """All thresholds, the one that costs least first."""
    parts = split(load(), held_out, seed)
    model = train(parts.training)
    return cheapest_first([try_out(model, parts.test, threshold) for threshold in thresholds])
