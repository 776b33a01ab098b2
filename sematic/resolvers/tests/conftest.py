"""What the tests of killed processes share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from sematic.resolvers.tests.killing import Programs


@pytest.fixture(scope="module")
def programs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Programs]:
    started = Programs(tmp_path_factory.mktemp("first"))
    yield started
    started.close()
