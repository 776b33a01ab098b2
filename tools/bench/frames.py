"""A large table, stored by one function and read back by the next: `-m tools.bench.frames ours|floor KIND MIB`."""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

import numpy
import pandas
import polars
import pyarrow
import pyarrow.feather
import scipy.sparse

import sematic
from tools.bench import memory
from tools.bench.arrays import mark, moments

_COLUMNS = 16
_ENTRIES = 1024
_PAGE = 4096 // 8

Table: TypeAlias = pandas.DataFrame | polars.DataFrame | pyarrow.Table | scipy.sparse.csr_array


class Kind(NamedTuple):
    """One library: how a table is made of numbers, and what a column of it is; its own save and load."""

    make: Callable[[Any], Any]
    numbers: Callable[[Any], Any]
    save: Callable[[Any, Path], Any]
    load: Callable[[Path], Any]


def _columns(numbers: Any) -> dict[str, Any]:
    return {f"c{at}": column for at, column in enumerate(numbers.reshape(_COLUMNS, -1))}


def _sparse(numbers: Any) -> Any:
    """Half of the memory is that of the indices."""
    half, other = numpy.split(numbers, 2)
    indices = other.view(numpy.int64)
    indices.reshape(-1, _ENTRIES)[:] = numpy.arange(_ENTRIES)
    pointers = numpy.arange(0, len(half) + 1, _ENTRIES)
    return scipy.sparse.csr_array((half, indices, pointers), shape=(len(pointers) - 1, _ENTRIES))


KINDS = {
    "pandas": Kind(
        lambda numbers: pandas.DataFrame(_columns(numbers), copy=False),
        lambda frame: [frame.iloc[:, at].to_numpy() for at in range(frame.shape[1])],
        lambda frame, path: frame.to_pickle(path),
        pandas.read_pickle,
    ),
    "polars": Kind(
        lambda numbers: polars.DataFrame(_columns(numbers)),
        lambda frame: [chunk.to_numpy() for series in frame.get_columns() for chunk in series.get_chunks()],
        lambda frame, path: frame.write_ipc(path),
        lambda path: polars.scan_ipc(path).collect(),
    ),
    "arrow": Kind(
        lambda numbers: pyarrow.table(_columns(numbers)),
        lambda table: [chunk.to_numpy() for column in table.columns for chunk in column.chunks],
        lambda table, path: pyarrow.feather.write_feather(table, path, compression="uncompressed"),
        lambda path: pyarrow.feather.read_table(path, memory_map=True),
    ),
    "sparse": Kind(
        _sparse,
        lambda matrix: [matrix.data, matrix.indices, matrix.indptr],
        lambda matrix, path: scipy.sparse.save_npz(path, matrix, compressed=False),
        lambda path: scipy.sparse.load_npz(f"{path}.npz"),
    ),
}


@sematic.func
def make(kind: str, mib: int) -> Table:
    table: Table = KINDS[kind].make(numpy.arange(mib << 17, dtype=numpy.float64))
    mark()
    return table


@sematic.func
def use(kind: str, table: Table) -> float:
    return touch(KINDS[kind], table)


@sematic.func
def pipeline(kind: str, mib: int) -> float:
    return use(kind, make(kind, mib))


def touch(kind: Kind, table: Any) -> float:
    """Read one number of each page, so that a memory map is really read."""
    found = float(sum(numbers[::_PAGE].sum() for numbers in kind.numbers(table)))
    mark()
    return found


def ours(kind: str, mib: int) -> float:
    return pipeline.future(kind, mib).resolve(sematic.LocalResolver())


def floor(name: str, mib: int) -> float:
    """The library's own way to a file and back, and one SHA-256 of as many bytes."""
    kind, path = KINDS[name], Path("table")
    numbers = numpy.arange(mib << 17, dtype=numpy.float64)
    table = kind.make(numbers)
    mark()
    hashlib.sha256(numbers.data).hexdigest()
    kind.save(table, path)
    del table, numbers
    return touch(kind, kind.load(path))


def main(what: str, kind: str, mib: str) -> None:
    """Seconds from the made table to the one read back; the peak as a multiple of its size."""
    before = memory.resident()
    value = {"ours": ours, "floor": floor}[what](kind, int(mib))
    (begun, cpu), (ended, cpu_ended) = moments
    peak = (memory.peak() - before) / (int(mib) << 20)
    print(json.dumps({"seconds": ended - begun, "cpu": cpu_ended - cpu, "peak": peak, "value": value}))


if __name__ == "__main__":
    main(*sys.argv[1:])
