from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import lightgbm
import numpy
import pytest
import xgboost
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sematic.errors import ArtifactError, ConversionError
from sematic.types import sections
from sematic.types.registry import from_spec, of
from sematic.types.tests.damage import payload_of, refuses, refuses_what_is_cut
from sematic.types.tests.elsewhere import there_and_back
from sematic.types.tests.helpers import DictStore, loaded, round_trip, stored

X = numpy.random.default_rng(0).normal(size=(200, 4))
X[::7, 1] = numpy.nan
Y = (X[:, 0] + numpy.nan_to_num(X[:, 1]) ** 2 > 0.5).astype(float)
NAMES = ["a", "größe", "c", "d"]


def trees(objective: str = "binary", rounds: int = 10, **options: Any) -> lightgbm.Booster:
    data = lightgbm.Dataset(X[:100], Y[:100], feature_name=NAMES)
    other = lightgbm.Dataset(X[100:], Y[100:], reference=data)
    parameters = {"objective": objective, "verbose": -1, "num_threads": 1, **options}
    stop = lightgbm.early_stopping(2, verbose=False)
    return lightgbm.train(
        parameters,
        data,
        rounds,
        valid_sets=[other],
        valid_names=["held out"],
        callbacks=[stop],
        keep_training_booster=True,
    )


def gradients(rounds: int = 10, **options: Any) -> xgboost.Booster:
    data = xgboost.DMatrix(X, Y, feature_names=NAMES)
    found = xgboost.train({"nthread": 1, "objective": "binary:logistic", "verbosity": 0, **options}, data, rounds)
    found.set_attr(note="größer", odd="\n")
    return found


def predicted(booster: Any) -> Any:
    if isinstance(booster, lightgbm.Booster):
        return booster.predict(X)
    return booster.predict(xgboost.DMatrix(X, feature_names=booster.feature_names))


BOOSTERS = [
    trees(),
    trees("regression", boosting="dart", linear_tree=False),
    trees("binary", 40, learning_rate=0.5),
    gradients(),
    gradients(booster="dart"),
    gradients(booster="gblinear", updater="coord_descent"),
]


@pytest.mark.parametrize("booster", BOOSTERS)
def test_boosters_come_back(booster: Any) -> None:
    before = predicted(booster)
    found = round_trip(type(booster), booster)
    assert type(found) is type(booster)
    assert numpy.array_equal(predicted(found), before)
    assert numpy.array_equal(predicted(booster), before)


def test_what_lightgbm_knows_beside_the_model() -> None:
    booster = BOOSTERS[2]
    assert 0 < booster.best_iteration < booster.num_trees()
    found = round_trip(lightgbm.Booster, booster)
    assert (found.best_iteration, found.num_trees()) == (booster.best_iteration, booster.num_trees())
    assert found.best_score == booster.best_score
    assert found.feature_name() == NAMES
    booster = trees()
    booster.best_score = {"a": {"m": float("nan"), "n": -numpy.inf}}
    assert repr(round_trip(lightgbm.Booster, booster).best_score) == "{'a': {'m': nan, 'n': -inf}}"


def test_what_xgboost_knows_beside_the_model() -> None:
    found = round_trip(xgboost.Booster, BOOSTERS[3])
    assert found.feature_names == NAMES
    assert found.attributes() == BOOSTERS[3].attributes()
    assert found.num_boosted_rounds() == 10


@settings(deadline=None, suppress_health_check=list(HealthCheck), max_examples=1, derandomize=True)
@given(st.lists(st.tuples(st.integers(1, 12), st.floats(0.01, 1)), min_size=5, max_size=5))
def test_another_process_gives_the_same(facts: list[tuple[int, float]]) -> None:
    for make in (trees, gradients):
        given = [make(rounds=rounds, learning_rate=rate) for rounds, rate in facts]
        for one, other in zip(there_and_back(type(given[0]), given), given, strict=True):
            assert type(one) is type(other)
            assert numpy.array_equal(predicted(one), predicted(other))


@pytest.mark.parametrize("booster", [BOOSTERS[0], BOOSTERS[3]], ids=["lightgbm", "xgboost"])
def test_damaged(booster: Any) -> None:
    payload = payload_of(type(booster), booster)
    refuses_what_is_cut(type(booster), booster, 97)
    for at in range(0, len(payload), 97):
        changed = payload[:at] + bytes([payload[at] ^ 0x55]) + payload[at + 1 :]
        if changed.split(b"\n")[0] == payload.split(b"\n")[0] and any(payload[at : at + 1]):
            refuses(type(booster), changed)


@pytest.mark.parametrize("booster", [BOOSTERS[0], BOOSTERS[3]], ids=["lightgbm", "xgboost"])
def test_models_of_newer_libraries_are_refused_and_of_older_ones_read(booster: Any) -> None:
    name = type(booster).__module__.partition(".")[0]
    facts, (model,) = sections.read(payload_of(type(booster), booster))
    assert facts["libraries"] == {name: sys.modules[name].__version__}
    for version, readable in (("99.0", False), ("1.0", True)):
        facts["libraries"] = {name: version}
        payload = b"".join(sections.write(facts, [sections.checked(model)]))
        if readable:
            assert numpy.array_equal(predicted(loaded(type(booster), payload, name)), predicted(booster))
        else:
            with pytest.raises(ArtifactError, match=f"a model of {name} 99.0 cannot be read with {name}"):
                loaded(type(booster), payload, name)


class Mine(xgboost.Booster):
    pass


def test_what_is_refused() -> None:
    with pytest.raises(ConversionError, match="expected xgboost.Booster, got Mine"):
        of(xgboost.Booster).convert(Mine())
    with pytest.raises(ConversionError, match="expected lightgbm.Booster, got Booster"):
        of(lightgbm.Booster).convert(BOOSTERS[3])


def test_scikit_learns_way_to_them_is_an_estimator() -> None:
    model = lightgbm.LGBMClassifier(n_estimators=3, verbose=-1, n_jobs=1).fit(X, Y)
    found = round_trip(lightgbm.LGBMClassifier, model)
    assert numpy.array_equal(found.predict(X), model.predict(X))
    other = xgboost.XGBClassifier(n_estimators=3, n_jobs=1).fit(X, Y)
    assert numpy.array_equal(round_trip(xgboost.XGBClassifier, other).predict(X), other.predict(X))


def test_summaries() -> None:
    summary = stored(lightgbm.Booster, BOOSTERS[2], DictStore()).summary
    assert summary["trees"] == BOOSTERS[2].num_trees()
    assert (summary["names"], summary["features"]) == (NAMES, 4)
    assert summary["best_iteration"] == BOOSTERS[2].best_iteration
    assert set(summary["best_score"]) == {"held out"}
    summary = stored(xgboost.Booster, BOOSTERS[3], DictStore()).summary
    assert (summary["trees"], summary["names"]) == (10, NAMES)
    wide = xgboost.train({"nthread": 1}, xgboost.DMatrix(numpy.zeros((2, 5000)), [0, 1]), 1)
    wide.set_attr(long="x" * 100_000)
    summary = of(xgboost.Booster).summarise(wide)
    assert summary["features"] == 5000
    assert len(json.dumps(summary)) < 5_000


def test_neither_is_imported_to_find_out_and_their_absence_is_an_error() -> None:
    program = (
        "import sys, sematic\n"
        "from sematic.types.registry import from_spec, of\n"
        "of(list[int])\n"
        "assert not {'lightgbm', 'xgboost'} & {*sys.modules}\n"
        "for name in ('lightgbm', 'xgboost'):\n"
        "    sys.modules[name] = None\n"
        "    try: from_spec([name])\n"
        "    except sematic.ArtifactError as error: print(error)\n"
    )
    output = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True).stdout
    assert "lightgbm is needed to read a lightgbm.Booster" in output
    assert "xgboost is needed to read a xgboost.Booster" in output


def test_specs() -> None:
    for kind in (lightgbm.Booster, xgboost.Booster):
        assert from_spec(of(kind).spec) == of(kind)
