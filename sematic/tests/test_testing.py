"""mock_sematic_funcs: bodies replaced, all else as it is."""

from __future__ import annotations

from pathlib import Path

import pytest

import sematic
from sematic.testing import mock_sematic_funcs
from sematic.tests.mocked import load, pipeline, train


@pytest.fixture(params=["silent", "local"])
def resolver(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> sematic.SilentResolver | sematic.LocalResolver:
    monkeypatch.setenv("SEMATIC_HOME", str(tmp_path))
    return sematic.SilentResolver() if request.param == "silent" else sematic.LocalResolver()


Resolver = sematic.SilentResolver | sematic.LocalResolver


def test_mocks_take_the_place_of_bodies(resolver: Resolver) -> None:
    with mock_sematic_funcs([load, train]):
        load.mock.return_value = [1.0, 2.0]
        train.mock.side_effect = lambda rows, rate: sum(rows) * rate
        assert pipeline.future(2).resolve(resolver) == 3.0
        load.mock.assert_called_once_with(size=2)


def test_the_block_gives_the_mocks_in_order(resolver: Resolver) -> None:
    with mock_sematic_funcs([train, load]) as (train_mock, load_mock):
        assert train_mock is train.mock and load_mock is load.mock


def test_arguments_and_results_are_converted_as_always(resolver: Resolver) -> None:
    with mock_sematic_funcs([load, train]):
        load.mock.return_value = [1, 2]
        train.mock.return_value = 3
        result = pipeline.future(2).resolve(resolver)
    assert (result, type(result)) == (3.0, float)


def test_a_mock_gets_a_copy_of_its_own(resolver: Resolver) -> None:
    given = [1.0]
    with mock_sematic_funcs([load, train]) as (load_mock, train_mock):
        load_mock.return_value = given
        train_mock.return_value = 0.0
        pipeline.future(2).resolve(resolver)
    assert train_mock.call_args.kwargs == {"rows": [1.0], "rate": 1.0}
    assert train_mock.call_args.kwargs["rows"] is not given


def test_a_wrong_result_of_a_mock_is_an_error_as_of_the_body(resolver: Resolver) -> None:
    with mock_sematic_funcs([load, train]):
        load.mock.return_value = ["text"]
        with pytest.raises(sematic.ConversionError, match=r"the result of load\[0\]: expected float, got str"):
            pipeline.future(2).resolve(resolver)


def test_a_mock_without_a_value_says_so(resolver: Resolver) -> None:
    with mock_sematic_funcs([load]), pytest.raises(sematic.ConversionError, match=r"result of load.*MagicMock"):
        pipeline.future(2).resolve(resolver)


def test_an_exception_of_a_mock_comes_out(resolver: Resolver) -> None:
    with mock_sematic_funcs([load]):
        load.mock.side_effect = ValueError("mocked")
        with pytest.raises(ValueError, match="mocked") as raised:
            pipeline.future(2).resolve(resolver)
    assert raised.value.__notes__ == ["in pipeline → load"]


def test_wrong_arguments_are_refused_as_always() -> None:
    with mock_sematic_funcs([load]), pytest.raises(sematic.ConversionError, match=r"load\(size\): expected int"):
        load("many")  # type: ignore[arg-type]


def test_bodies_come_back_whatever_happens(resolver: Resolver) -> None:
    body = load.body
    with pytest.raises(ZeroDivisionError), mock_sematic_funcs([load, train]):
        raise ZeroDivisionError
    assert load.body is body
    assert not hasattr(load, "mock")
    with pytest.raises(AssertionError, match="the real body ran"):
        pipeline.future(2).resolve(resolver)


def test_mocks_may_be_nested() -> None:
    with mock_sematic_funcs([load]) as (outer,):
        with mock_sematic_funcs([load]) as (inner,):
            assert load.mock is inner
        assert load.mock is outer
        assert load.body is outer


def test_what_is_no_sematic_function_is_refused_and_nothing_replaced() -> None:
    body = load.body
    problem = r"takes functions decorated with @sematic.func, got <built-in function len>"
    with pytest.raises(TypeError, match=problem), mock_sematic_funcs([load, len]):  # type: ignore[list-item]
        pass
    assert load.body is body


def test_the_source_that_is_recorded_is_the_functions_own() -> None:
    load.__dict__.pop("source", None)
    with mock_sematic_funcs([load]):
        assert "def load(size: int)" in load.source[1]
