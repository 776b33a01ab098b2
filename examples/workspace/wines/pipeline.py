"""Recognises wines of one region by their chemistry (scikit-learn's wine data)."""

from dataclasses import dataclass
from pathlib import Path

from sklearn.datasets import load_wine
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

import sematic
from lib.learning import Table, confusion, split

NAMES = Path(__file__).with_name("names.txt")


@dataclass(frozen=True)
class Bottles:
    """Of one wine: how many were in the test, and how many of them were recognised."""

    tasted: int
    recognised: int


@sematic.func
def load() -> Table:
    return Table(*load_wine(return_X_y=True))


@sematic.func(inline=False)
def learn(table: Table, neighbours: int) -> Pipeline:
    model = make_pipeline(StandardScaler(), KNeighborsClassifier(neighbours))
    return model.fit(table.values, table.classes)


@sematic.func
def taste(model: Pipeline, table: Table) -> dict[str, Bottles]:
    """By name, which names.txt has in the order of the classes."""
    counts = confusion(table.classes, model.predict(table.values))
    names = NAMES.read_text().splitlines()
    return {name: Bottles(sum(row), row[index]) for index, (name, row) in enumerate(zip(names, counts, strict=True))}


@sematic.func
def pipeline(neighbours: int, seed: int) -> dict[str, Bottles]:
    parts = split(load(), 0.5, seed)
    return taste(learn(parts.training, neighbours), parts.test)
