"""A large array, stored by one function and read back by the next: `python -m tools.bench.arrays ours|floor MIB`."""

from __future__ import annotations

import hashlib
import json
import sys
import time
from pathlib import Path
from typing import Any

import numpy
from numpy.typing import NDArray

import sematic
from tools.bench import memory

_PAGE = 4096 // 8

moments: list[tuple[float, float]] = []
"""Clock and CPU when the array was made and when it was read back: what lies between is storing and reading it."""


@sematic.func
def make(mib: int) -> NDArray[numpy.float64]:
    values = numpy.arange(mib << 17, dtype=numpy.float64)
    mark()
    return values


@sematic.func
def use(values: NDArray[numpy.float64]) -> float:
    return touch(values)


@sematic.func
def pipeline(mib: int) -> float:
    return use(make(mib))


def mark() -> None:
    moments.append((time.perf_counter(), time.process_time()))


def touch(values: Any) -> float:
    """Read one number of each page, so that a memory map is really read."""
    found = float(values[::_PAGE].sum())
    mark()
    return found


def ours(mib: int) -> float:
    return pipeline.future(mib).resolve(sematic.LocalResolver())


def floor(mib: int) -> float:
    """numpy.save, numpy.load and one SHA-256."""
    path = Path("array.npy")
    values = numpy.arange(mib << 17, dtype=numpy.float64)
    mark()
    hashlib.sha256(values.data).hexdigest()
    numpy.save(path, values)
    del values
    return touch(numpy.load(path))


def main(what: str, mib: str) -> None:
    """Seconds from the made array to the one read back; the peak as a multiple of its size."""
    size = int(mib)
    before = memory.resident()
    value = {"ours": ours, "floor": floor}[what](size)
    if value != float(numpy.arange(0, size << 17, _PAGE, dtype=numpy.float64).sum()):
        raise SystemExit(f"the array was not read back: {value}")
    (begun, cpu), (ended, cpu_ended) = moments
    print(
        json.dumps({"seconds": ended - begun, "cpu": cpu_ended - cpu, "peak": (memory.peak() - before) / (size << 20)})
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
