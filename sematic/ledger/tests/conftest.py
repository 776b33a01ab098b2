"""Both ledgers; every test of the contract runs over each."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest

from sematic.ledger.base import Ledger
from sematic.ledger.memory import MemoryLedger
from sematic.ledger.references import Blobs
from sematic.ledger.sql.sqlite import open_sqlite
from sematic.ledger.tests.samples import MakeLedger


@pytest.fixture(scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the compiled statements, for all tests."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(params=["memory", "sqlite"])
def make_ledger(request: pytest.FixtureRequest, tmp_path: Path, cache: Path) -> Iterator[MakeLedger]:
    """Makes new, empty ledgers of one kind."""
    numbers = count()
    made: list[Ledger] = []

    def make(blobs: Blobs | None = None) -> Ledger:
        path = tmp_path / f"{next(numbers)}.db"
        made.append(MemoryLedger(blobs) if request.param == "memory" else open_sqlite(path, blobs=blobs, cache=cache))
        return made[-1]

    yield make
    for ledger in made:
        ledger.close()


@pytest.fixture
def ledger(make_ledger: MakeLedger) -> Ledger:
    """A new, empty ledger."""
    return make_ledger()
