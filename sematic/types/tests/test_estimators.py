from __future__ import annotations

import json
import subprocess
import sys
import tracemalloc
from typing import Any

import numpy
import pytest
import sklearn
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.ensemble import RandomForestRegressor
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge
from sklearn.neighbors import KNeighborsRegressor
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from sklearn.tree import DecisionTreeRegressor

from sematic.errors import ArtifactError, ConversionError, EncodingError
from sematic.types import pickled, sections
from sematic.types.artifact import MemoryStore, encode, load
from sematic.types.registry import flows, from_spec, of
from sematic.types.tests.damage import payload_of, refuses_what_is_cut
from sematic.types.tests.elsewhere import there_and_back
from sematic.types.tests.helpers import DictStore, loaded, round_trip, stored
from sematic.types.tests.samples_models import Mean, Stubborn

X = numpy.random.default_rng(0).normal(size=(60, 3))
Y = X @ [1.0, -2.0, 0.5] + 3

ESTIMATORS = [
    LinearRegression(),
    Ridge(alpha=0.5),
    DecisionTreeRegressor(max_depth=3, random_state=0),
    RandomForestRegressor(5, random_state=numpy.random.RandomState(7)),
    KNeighborsRegressor(2),
    make_pipeline(StandardScaler(), FunctionTransformer(lambda values: values * 2), Ridge()),
    Mean(2.0, extra={"a": [1]}),
]


@pytest.mark.parametrize("fitted", [False, True])
@pytest.mark.parametrize("estimator", ESTIMATORS, ids=lambda each: type(each).__name__)
def test_estimators_come_back_from_another_process(estimator: Any, fitted: bool) -> None:
    given = sklearn.clone(estimator)
    if fitted:
        given.fit(X, Y)
    (found,) = there_and_back(type(given), [given])
    assert type(found) is type(given)
    assert [*map(type, found.get_params().values())] == [*map(type, given.get_params().values())]
    if fitted:
        assert numpy.array_equal(found.predict(X), given.predict(X))


@settings(deadline=None, suppress_health_check=list(HealthCheck), max_examples=2, derandomize=True)
@given(st.lists(st.tuples(st.integers(1, 9), st.integers(0, 99), st.booleans()), min_size=10, max_size=10))
def test_random_forests_come_back_from_another_process(facts: list[tuple[int, int, bool]]) -> None:
    given = [RandomForestRegressor(trees, random_state=seed, bootstrap=boot).fit(X, Y) for trees, seed, boot in facts]
    for one, other in zip(there_and_back(RandomForestRegressor, given), given, strict=True):
        assert type(one) is RandomForestRegressor
        assert one.get_params() == other.get_params()
        assert numpy.array_equal(one.predict(X), other.predict(X))


def test_equal_ones_have_equal_bytes() -> None:
    def digest() -> str:
        return encode(of(Ridge), Ridge(0.5).fit(X, Y), MemoryStore()).id

    assert digest() == digest()


def test_a_subclass_is_kept_and_flows_to_its_base() -> None:
    found = round_trip(BaseEstimator, Mean().fit(X, Y))
    assert type(found) is Mean
    assert flows(of(Mean), of(BaseEstimator))
    assert flows(of(Mean), of(object))
    assert not flows(of(BaseEstimator), of(Mean))
    with pytest.raises(ConversionError, match="expected Ridge, got LinearRegression"):
        of(Ridge).convert(LinearRegression())
    with pytest.raises(ConversionError, match="expected BaseEstimator, got ABCMeta"):
        of(BaseEstimator).convert(Ridge)


def test_a_mixin_is_any_other_class() -> None:
    assert of(RegressorMixin).codec == "pickle"


def test_the_header_tells_class_and_versions() -> None:
    facts, _ = sections.read(payload_of(Pipeline, ESTIMATORS[5]))
    assert facts["class"] == "sklearn.pipeline:Pipeline"
    assert facts["libraries"]["sklearn"] == sklearn.__version__


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"libraries": {"sklearn": "0.1.2"}},
            "sklearn.linear_model._ridge:Ridge that was stored with sklearn 0.1.2 cannot",
        ),
        ({"libraries": {"no_such_library": "1"}}, "no_such_library is needed to read"),
        ({"class": "sklearn.linear_model._ridge:RidgeCV"}, "was recorded as sklearn.linear_model._ridge:RidgeCV"),
    ],
)
def test_other_versions_and_classes_are_refused(change: dict[str, Any], message: str) -> None:
    facts, parts = sections.read(payload_of(Ridge, Ridge()))
    payload = b"".join(sections.write({**facts, **change}, [sections.checked(part) for part in parts]))
    with pytest.raises(ArtifactError, match=message):
        loaded(Ridge, payload, "sections+pickle")


def test_what_differs_in_a_part_that_does_not_matter_is_read() -> None:
    facts, parts = sections.read(payload_of(Ridge, Ridge(0.25)))
    version = ".".join([*sklearn.__version__.split(".")[:2], "99"])
    changed = {**facts, "libraries": {"sklearn": version, "numpy": numpy.__version__.split(".")[0] + ".0"}}
    payload = b"".join(sections.write(changed, [sections.checked(part) for part in parts]))
    assert loaded(Ridge, payload, "sections+pickle").alpha == 0.25


def test_another_class_in_the_pickle_is_refused() -> None:
    payload = payload_of(Ridge, Ridge())
    with pytest.raises(ArtifactError, match="was recorded as"):
        loaded(LogisticRegression, payload, "sections+pickle")


def test_damaged() -> None:
    refuses_what_is_cut(Ridge, Ridge(), 3)


def test_arrays_are_neither_copied_when_written_nor_shared_when_read() -> None:
    model = Mean().fit(numpy.zeros((1000, 1000)), Y)
    tracemalloc.start()
    chunks = list(of(Mean).to_chunks(model))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert sum(memoryview(chunk).nbytes for chunk in chunks) > 8_000_000
    assert peak < 1_000_000
    store = MemoryStore()
    artifact = encode(of(Mean), model, store)
    load(artifact, store).seen_[0] = 99
    assert load(artifact, store).seen_[0, 0] == 0
    buffer = bytearray(b"".join(chunks))
    of(Mean).from_buffer(buffer).seen_[0] = 99
    assert of(Mean).from_buffer(buffer).seen_[0, 0] == 99


def test_what_cannot_be_pickled_says_so() -> None:
    with pytest.raises(EncodingError, match=r"a Stubborn cannot be stored \(RuntimeError: never\)"):
        encode(of(Stubborn), Stubborn(), MemoryStore())


def test_summaries() -> None:
    summary = stored(Ridge, Ridge(0.5).fit(X, Y), DictStore()).summary
    assert summary["class"] == "sklearn.linear_model._ridge:Ridge"
    assert summary["parameters"]["alpha"] == "0.5"
    assert summary["fitted"]["coef_"] == "float64 3"
    assert summary["libraries"] == {"sklearn": sklearn.__version__}
    odd = Mean(Stubborn(), ["x" * 100_000] * 1000)
    for number in range(1000):
        setattr(odd, f"attribute{number}_", numpy.zeros((1000, 10)))
    assert len(json.dumps(of(Mean).summarise(odd))) < 10_000


def test_scikit_learn_is_not_imported_to_find_out() -> None:
    program = (
        "import sys, sematic\nfrom sematic.types.registry import of\nof(list[int])\nassert 'sklearn' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


def test_specs_name_estimators_only() -> None:
    assert from_spec(json.loads(json.dumps(of(Ridge).spec))) == of(Ridge)
    with pytest.raises(ArtifactError, match="was a estimator when it was recorded"):
        from_spec(["estimator", "sklearn.base:RegressorMixin"])


def test_versions_are_those_of_loaded_libraries() -> None:
    assert pickled.versions(["numpy.core.multiarray", "builtins", "no.such", "sematic.types"]) == {
        "numpy": numpy.__version__,
        "sematic": sys.modules["sematic"].__version__,
    }
