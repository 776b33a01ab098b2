"""What is measured: one `Row` a promise of DESIGN 13, each with the floor that is measured beside it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Literal, NamedTuple

from tools.bench import processes
from tools.bench.packaging import program

Program = Callable[[Path], dict[str, Any]]
"""Runs in a folder of its own and reports numbers by name."""


class Budget(NamedTuple):
    """A limit for our own figure, for its ratio to the floor's, or for what it adds to the floor's."""

    limit: float
    of: Literal["ours", "ratio", "excess"]


class Metric(NamedTuple):
    """One figure of a row: `key` of what its programs report, times `scale`, in `unit`."""

    unit: str
    key: str = "seconds"
    scale: float = 1.0
    budget: Budget | None = None


class Row(NamedTuple):
    """Two programs that do the same work, ours and the least it could cost, and the figures that both report.

    `warm`: ours runs in a home in which something ran before. `size` is the number of steps.
    """

    name: str
    floor_name: str
    ours: Program
    floor: Program
    metrics: tuple[Metric, ...]
    repetitions: int = 5
    warm: bool = True
    size: int = 1


def all_rows() -> list[Row]:
    """Every row, in the order in which they are shown."""
    steps = [import_row(), *one_step_rows(), *chain_rows(), *fan_out_rows()]
    return [*steps, array_row(), *codec_rows(), *table_rows(), *layer_rows(), postgres_row()]


def import_row() -> Row:
    """Without `site`, whose .pth files would import for us, and for the floor, what we need ourselves."""
    ours, floor = (_process([sys.executable, "-S", "-c", code]) for code in ("import sematic", "pass"))
    metrics = (Metric("ms", scale=1e3, budget=Budget(60, "excess")), Metric("cpu ms", "cpu", 1e3))
    return Row("import", "python -S -c pass", ours, floor, metrics, 11)


def one_step_rows() -> Iterator[Row]:
    command = [sys.executable, str(processes.ROOT / "tools/bench/one_step.py")]
    metrics = (Metric("s", budget=Budget(0.25, "ours")), Metric("cpu s", "cpu"))
    for kind in ("fresh", "warm"):
        name = f"one-step-{kind}"
        yield Row(name, "python -c pass", _process(command), _nothing, metrics, 7, warm=kind == "warm")


def chain_rows() -> Iterator[Row]:
    for n, repetitions in ((500, 7), (5_000, 3), (100_000, 3)):
        yield _steps("chain", "silent", n, 0.03, "plain calls", "calls", repetitions)
    for n, repetitions in ((500, 7), (5_000, 3), (100_000, 1)):
        yield _steps("chain", "local", n, 0.5, "sqlite3, same rows", "rows", repetitions)


def fan_out_rows() -> Iterator[Row]:
    yield _steps("fan-out", "silent", 500, 0.03, "plain calls", "fan-out", 7)
    ours = _workload("fan-out", "local", 500)
    metrics = (Metric("s", budget=Budget(0.3, "ours")), Metric("cpu s", "cpu"))
    yield Row("local-fan-out-500", "sqlite3, same rows", ours, _floor("rows", 501), metrics, 7, size=501)


def array_row(mib: int = 256) -> Row:
    metrics = (
        Metric("s", budget=Budget(1.3, "ratio")),
        Metric("cpu s", "cpu"),
        Metric("x its size, peak", "peak", budget=Budget(1.25, "ours")),
    )
    ours, floor = (_module("tools.bench.arrays", what, mib) for what in ("ours", "floor"))
    return Row(f"array-{mib}-mib", "numpy.save + load + sha256", ours, floor, metrics, 5)


def codec_rows() -> Iterator[Row]:
    """Each beside what its library does itself, and one SHA-256."""
    metrics = (Metric("s"), Metric("cpu s", "cpu"), Metric("MB, growth", "grown", 1e-6))
    for kind, floor_name in (
        ("file", "copy there and back"),
        ("picture", "Pillow's save + open"),
        ("estimator", "pickle"),
        ("lightgbm", "its save + load"),
        ("xgboost", "its save + load"),
        ("figure", "pickle + savefig"),
        ("plot", "its write_json + read_json"),
    ):
        ours, floor = (_module("tools.bench.codecs", what, kind) for what in ("ours", "floor"))
        yield Row(f"codec-{kind}", f"{floor_name} + sha256", ours, floor, metrics, 5)


def table_rows(mib: int = 256) -> Iterator[Row]:
    metrics = (
        Metric("s", budget=Budget(1.5, "ratio")),
        Metric("cpu s", "cpu"),
        Metric("x its size, peak", "peak", budget=Budget(1.25, "ours")),
    )
    for kind, floor_name in (
        ("pandas", "to_pickle + read_pickle"),
        ("polars", "write_ipc + scan_ipc"),
        ("arrow", "write_feather + read_table"),
        ("sparse", "save_npz + load_npz"),
    ):
        ours, floor = (_module("tools.bench.frames", what, kind, mib) for what in ("ours", "floor"))
        yield Row(f"{kind}-{mib}-mib", f"{floor_name} + sha256", ours, floor, metrics, 5)


def layer_rows() -> Iterator[Row]:
    """With the .whl declared its streams are copied, without it everything is compressed."""
    for kind, limit in (("declared", 1.5), ("compressed", 5.0)):
        metrics = (
            Metric("s", budget=Budget(limit, "ratio")),
            Metric("cpu s", "cpu"),
            Metric("MB, peak", "peak", 1e-6, Budget(100, "ours")),
        )
        yield Row(f"layer-411-mb-{kind}", "read + sha256", program(kind), program("floor"), metrics, 7, warm=False)


def postgres_row(n: int = 1_000) -> Row:
    """The commits of a chain, on a server of the bench's own that does not wait for its disk."""
    metrics = (
        Metric("ms/commit", scale=1e3 / n, budget=Budget(1.5, "ratio")),
        Metric("cpu ms/commit", "cpu", 1e3 / n),
    )
    ours, floor = (_module("tools.bench.postgres", what, n) for what in ("ours", "floor"))
    return Row(f"postgres-commit-{n}", "psycopg, same statements", ours, floor, metrics, 5, size=n)


def _steps(graph: str, resolver: str, n: int, limit: float, floor_name: str, floor: str, repetitions: int) -> Row:
    memory = Budget(2048, "ours") if resolver == "local" and n == 100_000 else None
    metrics = (
        Metric("ms/step", scale=1e3 / n, budget=Budget(limit, "ours")),
        Metric("cpu ms/step", "cpu", 1e3 / n),
        Metric("bytes/step", "memory", 1 / n, memory),
    )
    ours = _workload(graph, resolver, n)
    return Row(f"{resolver}-{graph}-{n}", floor_name, ours, _floor(floor, n), metrics, repetitions, size=n)


def _workload(graph: str, resolver: str, n: int) -> Program:
    return _module("tools.bench.workloads", graph, resolver, n)


def _floor(name: str, n: int) -> Program:
    return _module("tools.bench.floors", name, n)


def _module(module: str, *arguments: object) -> Program:
    return lambda folder: processes.report(module, *arguments, home=folder)


def _process(command: list[str]) -> Program:
    return lambda folder: processes.whole(command, folder)


_nothing = _process([sys.executable, "-c", "pass"])
