"""Testing pipelines: the graph and the checks as they are, the bodies of some functions replaced."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any
from unittest.mock import MagicMock

from sematic.function import Function

_ABSENT: Any = object()


@contextmanager
def mock_sematic_funcs(funcs: Iterable[Function[..., Any]]) -> Iterator[list[MagicMock]]:
    """Replace the bodies of `funcs` by mocks, and put them back afterwards.

    Everything around the bodies stays: calls give futures, arguments are checked and converted, a mock gets its own
    decoded copies as keyword arguments, and what it returns must be of the declared type, as from the real body. The
    mock of a function is ``f.mock`` while the block lasts; the block also gives all of them, in order::

        with mock_sematic_funcs([load, train]) as (load_mock, train_mock):
            load_mock.return_value = [1.0, 2.0]
            train_mock.side_effect = lambda rows: sum(rows)
            assert pipeline(3).resolve(SilentResolver()) == 3.0
        train_mock.assert_called_once_with(rows=[1.0, 2.0])

    Works with SilentResolver and LocalResolver. Mocks live in this process: functions that run in worker processes
    (``inline=False`` with `max_parallelism`) have their own bodies there. Raises TypeError for what is no Sematic
    function.
    """
    with ExitStack() as stack:
        yield [stack.enter_context(_mocked(function)) for function in funcs]


@contextmanager
def _mocked(function: Function[..., Any]) -> Iterator[MagicMock]:
    if not isinstance(function, Function):
        raise TypeError(f"mock_sematic_funcs takes functions decorated with @sematic.func, got {function!r}")
    body, previous = function.body, function.__dict__.get("mock", _ABSENT)
    mock = MagicMock(name=function.name)
    mock.__wrapped__ = body  # source and signature remain those of the function
    function.body, function.mock = mock, mock
    try:
        yield mock
    finally:
        function.body = body
        del function.mock
        if previous is not _ABSENT:
            function.mock = previous
