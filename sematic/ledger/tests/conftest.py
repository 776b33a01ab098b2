"""The ledgers; every test of the contract runs over each."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest

from sematic.ledger.base import Ledger
from sematic.ledger.memory import MemoryLedger
from sematic.ledger.references import Blobs
from sematic.ledger.sql.postgres import open_postgres
from sematic.ledger.sql.sqlite import open_sqlite
from sematic.ledger.tests.places import new_place
from sematic.ledger.tests.samples import MakeLedger
from tools.testing.postgres import Postgres


@pytest.fixture(scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the compiled statements, for all tests."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="session")
def server() -> Iterator[Postgres]:
    """A PostgreSQL for all tests of a session."""
    with Postgres() as server:
        yield server


@pytest.fixture
def url(server: Postgres) -> str:
    """Where there is nothing yet."""
    return new_place(server)


@pytest.fixture(params=["memory", "sqlite", "postgres"])
def make_ledger(request: pytest.FixtureRequest, tmp_path: Path, cache: Path) -> Iterator[MakeLedger]:
    """Makes new, empty ledgers of one kind."""
    numbers = count()
    made: list[Ledger] = []

    def make(blobs: Blobs | None = None) -> Ledger:
        if request.param == "memory":
            ledger: Ledger = MemoryLedger(blobs)
        elif request.param == "sqlite":
            ledger = open_sqlite(tmp_path / f"{next(numbers)}.db", blobs=blobs, cache=cache)
        else:
            ledger = open_postgres(new_place(request.getfixturevalue("server")), blobs=blobs)
        made.append(ledger)
        return ledger

    yield make
    for ledger in made:
        ledger.close()


@pytest.fixture
def ledger(make_ledger: MakeLedger) -> Ledger:
    """A new, empty ledger."""
    return make_ledger()
