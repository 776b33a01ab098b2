"""Measuring rows: ours and the floor in turn, so that what else the machine does falls on both."""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

from tools.bench import processes
from tools.bench.rows import Budget, Metric, Row


class Spread(NamedTuple):
    """The figures of several repetitions."""

    least: float
    median: float
    most: float


class Figure(NamedTuple):
    """One metric of one row, measured."""

    name: str
    unit: str
    ours: Spread
    floor: Spread
    floor_name: str
    budget: Budget | None = None

    @property
    def ratio(self) -> float | None:
        """Ours to the floor; None where the floor is nothing."""
        return self.ours.median / self.floor.median if self.floor.median else None

    @property
    def within(self) -> bool | None:
        """Whether the median keeps the budget; None without one."""
        if self.budget is None:
            return None
        excess = self.ours.median - self.floor.median
        value = {"ours": self.ours.median, "ratio": self.ratio or 0.0, "excess": excess}[self.budget.of]
        return value <= self.budget.limit


def measure(rows: Sequence[Row], repetitions: int | None = None) -> Iterator[Figure]:
    """The figures of each row as soon as it is measured, then how flat the chains are."""
    figures: list[Figure] = []
    with statements_as_built(), _folder() as template:
        processes.whole([sys.executable, str(processes.ROOT / "tools/bench/one_step.py")], template)
        for row in rows:
            found = _figures(row, repetitions or row.repetitions, template)
            figures += found
            yield from found
    yield from flatness(figures)


def _figures(row: Row, repetitions: int, template: Path) -> list[Figure]:
    reports = [_once(row, template, floor_first=bool(number % 2)) for number in range(repetitions)]
    ours, floors = ([report[side] for report in reports] for side in (0, 1))
    return [Figure(row.name, m.unit, spread(ours, m), spread(floors, m), row.floor_name, m.budget) for m in row.metrics]


def _once(row: Row, template: Path, floor_first: bool) -> tuple[dict[str, Any], dict[str, Any]]:
    """Each goes first every other time: the disk may still be busy with what the first one wrote."""
    with _folder() as folder:
        if row.warm:
            shutil.copytree(template, folder, dirs_exist_ok=True)
        floor = row.floor(folder) if floor_first else None
        ours = row.ours(folder)
        return ours, floor or row.floor(folder)


def spread(reports: Sequence[dict[str, Any]], metric: Metric) -> Spread:
    """The least, the middle and the most of one metric."""
    values = [report.get(metric.key, 0.0) * metric.scale for report in reports]
    return Spread(min(values), median(values), max(values))


def flatness(figures: Sequence[Figure]) -> Iterator[Figure]:
    """How much longer a step of the longest chain takes than one of a shorter."""
    steps = {figure.name: figure for figure in figures if figure.unit == "ms/step"}
    for kind in ("silent", "local"):
        for n in (500, 5_000):
            short, long = steps.get(f"{kind}-chain-{n}"), steps.get(f"{kind}-chain-100000")
            if short is not None and long is not None:
                yield _flatness(f"{kind}-flatness-{n}", short, long)


def _flatness(name: str, short: Figure, long: Figure) -> Figure:
    ours, floor = (
        _same(long_.median / short_.median) for short_, long_ in ((short.ours, long.ours), (short.floor, long.floor))
    )
    return Figure(name, "x longer a step", ours, floor, long.floor_name, Budget(1.25, "ours"))


def _same(value: float) -> Spread:
    return Spread(value, value, value)


@contextmanager
def statements_as_built() -> Iterator[None]:
    """The ledger's compiled statements where a build puts them, as long as the bench runs from the sources."""
    path = processes.ROOT / "sematic/ledger/sql/statements.json"
    if path.exists():
        yield
        return
    with _folder() as folder:
        processes.whole([sys.executable, "-m", "sematic.ledger.sql.build_statements", str(path)], folder)
    try:
        yield
    finally:
        path.unlink()


@contextmanager
def _folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="sematic-bench-") as name:
        yield Path(name)
