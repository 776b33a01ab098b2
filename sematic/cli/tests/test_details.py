"""What `sematic artifact show` tells of tables and arrays."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas
import pytest
import scipy.sparse

import sematic
from sematic.cli.details import bars, lines
from sematic.cli.summaries import brief, type_name
from sematic.reading import get_run
from sematic.recorded import Record
from sematic.types.artifact import MemoryStore, encode
from sematic.types.registry import of

FRAME = pandas.DataFrame(
    {"depth": [1.5, None, 4.0] * 4, "kind": ["sea", "lake", "sea"] * 4, "when": pandas.to_datetime(["2020"] * 12)}
)


def _told(annotation: Any, value: Any) -> str:
    return "\n".join(lines(encode(of(annotation), value, MemoryStore()).summary))


def test_a_frame() -> None:
    artifact = encode(of(pandas.DataFrame), FRAME, MemoryStore())
    assert brief(artifact) == "pandas.DataFrame 12 x 3"
    assert type_name(artifact.spec) == "pandas.DataFrame"
    kind = str(FRAME["kind"].dtype)
    when = str(FRAME["when"].dtype)
    told = [line.split() for line in lines(artifact.summary)]
    assert told[0] == ["column", "dtype", "nulls", "min", "max", "mean", "distinct"]
    assert told[1] == ["depth", "float64", "4", "1.5", "4.0", "2.75", "█▁▁▁▁▁▁▁▁█"]
    assert told[2] == ["kind", kind, "0", "2", "sea", "8,", "lake", "4"]
    assert told[3] == ["when", when, "0", *["2020-01-01", "00:00:00"] * 2]
    assert told[5] == ["depth", "kind", "when"]
    assert told[6][:3] == ["0", "1.5", "sea"]
    assert told[7][:2] == ["1", "NaN"]
    assert told[11] == ["…"] * 4
    assert told[-1][0] == "11"


def test_a_wide_frame_is_cut() -> None:
    told = _told(pandas.DataFrame, pandas.DataFrame(np.zeros((2, 200))))
    assert "… 150 more columns" in told
    assert max(map(len, told.splitlines())) < 200


@pytest.mark.parametrize("frame", [pandas.DataFrame(), pandas.DataFrame(index=[1]), pandas.DataFrame(columns=["a"])])
def test_frames_without_cells(frame: Any) -> None:
    _told(pandas.DataFrame, frame)


def test_texts_stay_on_their_line() -> None:
    told = _told(pandas.Series, pandas.Series(["a\nb\tc" * 100, None], name="x\ny"))
    assert "x⏎y" in told
    assert len(told.splitlines()) == 6


def test_arrays() -> None:
    told = _told(np.ndarray, np.array([[1.0, np.nan], [3.0, 5.0]]))
    assert told == "nulls 1  min 1.0  max 5.0  mean 3.0\n█▁▁▁▁█▁▁▁█\nfirst 1.0, NaN, 3.0, 5.0"
    matrix = scipy.sparse.csr_array(np.eye(3))
    artifact = encode(of(scipy.sparse.csr_array), matrix, MemoryStore())
    assert brief(artifact) == "csr_array float64 3 x 3, 3 entries"
    assert _told(scipy.sparse.csr_array, matrix).startswith("entries 3  density 0.3333333333333333  min 1.0")


def test_nothing_of_what_is_told_on_one_line() -> None:
    assert _told(list[int], [1]) == ""
    assert list(lines(None)) == []


def test_bars() -> None:
    assert bars({"counts": [0, 1, 500, 1000]}) == "▁▂▅█"


@sematic.func
def recorded(rows: int) -> pandas.DataFrame:
    return pandas.DataFrame({"n": range(rows)})


def test_the_commands(good: Callable[..., str]) -> None:
    sematic.resolve(recorded(3000))
    assert "pandas.DataFrame 3,000 x 1" in good("show", "last")
    output = get_run(next(Record().pipeline_runs()).id).output_id
    assert output is not None
    told = good("artifact", "show", output)
    assert "Type    pandas.DataFrame\n" in told
    assert "Value   pandas.DataFrame 3,000 x 1\n" in told
    assert "        2999  2999\n" in told
