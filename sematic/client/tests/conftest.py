"""A real server over a real ledger."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from sematic.ledger.sql.sqlite import open_sqlite
from sematic.server.tests.serving import Served


@pytest.fixture(scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the compiled statements, for all tests."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def served(tmp_path: Path, cache: Path) -> Iterator[Served]:
    folder = tmp_path / "there"
    folder.mkdir()
    ledger = open_sqlite(folder / "ledger.db", cache=cache)
    with Served(ledger, folder) as server:
        yield server
    ledger.close()
