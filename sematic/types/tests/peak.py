"""Prints the most memory that storing and reading a large value takes, as a multiple of the value's own."""

from __future__ import annotations

import json
import re
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy
import pandas
import polars
import pyarrow
import scipy.sparse

from sematic.storage.local import LocalStore
from sematic.types.artifact import encode, load
from sematic.types.registry import of

SIZE = 256 << 20
NUMBERS = SIZE // 8


def _columns() -> dict[str, Any]:
    return {str(at): numpy.arange(NUMBERS // 16) * 0.5 for at in range(16)}


def _missing() -> Any:
    size = SIZE // 9
    return pandas.DataFrame(
        {"a": pandas.arrays.IntegerArray(numpy.arange(size), numpy.arange(size) % 3 == 0)}, copy=False
    )


def _text(rows: int) -> Any:
    return pyarrow.array(["a text of some length, as texts are " * 8] * rows, pyarrow.large_string())


def _sparse() -> Any:
    rows = numpy.arange(0, NUMBERS // 2 + 1, 1024)
    indices = numpy.resize(numpy.arange(1024), NUMBERS // 2)
    matrix = scipy.sparse.csr_array((len(rows) - 1, 1024))
    matrix.data, matrix.indices, matrix.indptr = numpy.arange(NUMBERS // 2) * 0.5, indices, rows
    return matrix


KINDS: dict[str, tuple[Any, Callable[[], Any]]] = {
    "pandas": (pandas.DataFrame, lambda: pandas.DataFrame(_columns(), copy=False)),
    "pandas-rows": (pandas.DataFrame, lambda: pandas.DataFrame(numpy.arange(NUMBERS * 1.0).reshape(-1, 16))),
    "pandas-slice": (pandas.DataFrame, lambda: pandas.DataFrame({"a": numpy.arange(NUMBERS)}, copy=False).iloc[::-1]),
    "pandas-missing": (pandas.DataFrame, _missing),
    "pandas-text": (
        pandas.DataFrame,
        lambda: pandas.DataFrame({"a": pandas.array(_text(SIZE // 300), dtype="str")}, copy=False),
    ),
    "polars": (polars.DataFrame, lambda: polars.DataFrame(_columns())),
    "arrow": (pyarrow.Table, lambda: pyarrow.table(_columns())),
    "arrow-text": (pyarrow.Table, lambda: pyarrow.table({"a": _text(SIZE // 300)})),
    "sparse": (scipy.sparse.csr_array, _sparse),
    "numpy-slice": (numpy.ndarray, lambda: numpy.arange(NUMBERS).reshape(-1, 1024)[:, ::-1]),
}


def _memory(what: str) -> int:
    found = re.search(rf"^{what}:\s+(\d+) kB", Path("/proc/self/status").read_text(), re.MULTILINE)
    return int(found[1]) << 10 if found else 0


def main(name: str, folder: str) -> None:
    annotation, make = KINDS[name]
    kind = of(annotation)
    store = LocalStore(folder)
    value = make()
    pyarrow.default_memory_pool().release_unused()
    Path("/proc/self/clear_refs").write_text("5")  # the peak begins anew
    before = _memory("VmRSS")
    artifact = encode(kind, kind.convert(value), store)
    peak = 1 + (_memory("VmHWM") - before) / SIZE
    del value
    again = encode(kind, load(artifact, store), store)
    json.dumps(again.summary)
    print(json.dumps({"peak": peak, "same": again.id == artifact.id}))


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as scratch:
        main(sys.argv[1], scratch)
