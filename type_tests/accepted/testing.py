# pyright: strict
"""Mocks in place of bodies, and reading the record."""

from typing import assert_type
from unittest.mock import MagicMock

import sematic
from sematic.testing import mock_sematic_funcs
from type_tests.functions import configure, count

with mock_sematic_funcs([count, configure]) as mocks:
    assert_type(mocks, list[MagicMock])
    mocks[0].return_value = 7
    assert_type(sematic.resolve(count(1), sematic.SilentResolver()), int)


def recorded(id: str) -> list[str]:
    run = sematic.get_run(id)
    assert_type(run.state, str)
    return [child.name for child in run.children]
