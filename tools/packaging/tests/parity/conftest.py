"""The layer of Sematic, which all images of these tests share."""

from __future__ import annotations

import pytest

from tools.packaging.tests.layer.testing import Built
from tools.packaging.tests.parity.images import sematic_layer


@pytest.fixture(scope="session")
def sematic(tmp_path_factory: pytest.TempPathFactory) -> Built:
    return sematic_layer(tmp_path_factory.mktemp("sematic"))
