"""Okun's law holds, under every resolver alike, and what is recorded can be used again."""

import io
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import sematic
from examples.okun.pipeline import CHANGE, GROWTH, Report, between, differences, load, pipeline
from sematic.home import open_home

SPLIT = 1984


@pytest.fixture(scope="module")
def silent() -> Report:
    return sematic.resolve(pipeline(SPLIT), sematic.SilentResolver())


def test_the_data_are_what_they_are_said_to_be() -> None:
    levels = sematic.resolve(load(), sematic.SilentResolver())
    assert isinstance(levels.index, pd.PeriodIndex)
    assert (str(levels.index[0]), str(levels.index[-1]), len(levels)) == ("1959Q1", "2009Q3", 203)
    assert levels.loc["1982Q4", "unemp"] == 10.7


def test_differences() -> None:
    levels = pd.DataFrame(
        {"realgdp": [100.0, 101.0, 101.0], "unemp": [5.0, 4.5, 5.0]}, pd.period_range("2000Q1", periods=3)
    )
    changes = sematic.resolve(differences(levels), sematic.SilentResolver())
    assert changes[GROWTH].tolist() == pytest.approx([1.0, 0.0])
    assert changes[CHANGE].tolist() == [-0.5, 0.5]
    assert changes.index.equals(levels.index[1:])


def test_when_output_grows_unemployment_falls(silent: Report) -> None:
    assert silent.periods.index.tolist() == ["1959-2009", "1959-1983", "1984-2009"]
    assert (silent.periods["high"] < 0).all()
    assert silent.periods["slope"].between(-0.5, -0.2).all()
    assert silent.periods.loc["1959-2009", "r2"] == pytest.approx(silent.model.rsquared)
    assert silent.periods["quarters"].tolist() == [202, 99, 103]
    assert silent.model.params[GROWTH] == silent.periods.loc["1959-2009", "slope"]


def test_periods_do_not_overlap() -> None:
    changes = sematic.resolve(differences(load()), sematic.SilentResolver())
    first, second = (
        sematic.resolve(between(changes, *years), sematic.SilentResolver()) for years in ((1959, 1983), (1984, 2009))
    )
    assert pd.concat([first, second]).equals(changes)


def test_the_chart_is_of_every_quarter(silent: Report) -> None:
    (axes,) = silent.chart.axes
    assert len(axes.collections[0].get_offsets()) == 202
    silent.chart.savefig(file := io.BytesIO(), format="png")
    assert file.getvalue().startswith(b"\x89PNG")


def test_local_gives_the_same(silent: Report, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEMATIC_HOME", str(tmp_path))
    report = sematic.resolve(pipeline(SPLIT))
    pd.testing.assert_frame_equal(report.periods, silent.periods)
    with open_home(read_only=True) as home:
        (recorded,) = home.ledger.pipeline_runs()
    run = sematic.get_run(recorded.id)
    pd.testing.assert_frame_equal(run.output.periods, silent.periods)
    again = run.output.model.predict([[1.0, 2.0]])
    assert np.array_equal(again, silent.model.predict([[1.0, 2.0]]))
    assert str(run.output) == str(silent)


def test_as_a_user_starts_it(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "examples.okun.main", "--split=1990", "--resolver=silent"]
    environment = {**os.environ, "PYTHONPATH": ":".join(sys.path), "SEMATIC_HOME": str(tmp_path)}
    output = subprocess.run(command, env=environment, text=True, capture_output=True, timeout=120, check=True).stdout
    assert "1990-2009" in output
    assert "Unemployment is steady at a growth of 0." in output
