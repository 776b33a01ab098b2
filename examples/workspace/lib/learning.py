"""Steps that several pipelines have in common."""

from dataclasses import dataclass

import numpy as np
from sklearn.model_selection import train_test_split

import sematic


@dataclass(frozen=True)
class Table:
    """Measurements, one sample a row, and the class that each sample is of."""

    values: np.ndarray
    classes: np.ndarray


@dataclass(frozen=True)
class Split:
    """To learn from, and to say how well that went."""

    training: Table
    test: Table


@sematic.func
def split(table: Table, held_out: float, seed: int) -> Split:
    """Sets aside a share of the samples, the same of each class."""
    training, test = train_test_split(
        np.arange(len(table.classes)), test_size=held_out, random_state=seed, stratify=table.classes
    )
    return Split(_rows(table, training), _rows(table, test))


def confusion(real: np.ndarray, found: np.ndarray) -> list[list[int]]:
    """How often samples of a class (rows) were taken for one of a class (columns)."""
    count = int(max(real.max(), found.max())) + 1
    counts = np.zeros((count, count), dtype=int)
    np.add.at(counts, (real, found), 1)
    return [[int(each) for each in row] for row in counts]


def _rows(table: Table, rows: np.ndarray) -> Table:
    return Table(table.values[rows], table.classes[rows])
