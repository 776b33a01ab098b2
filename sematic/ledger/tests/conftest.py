"""The ledgers; every test of the contract runs over each."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from itertools import count
from pathlib import Path

import pytest

from sematic.client.ledger import RemoteLedger
from sematic.ledger.base import Ledger
from sematic.ledger.memory import MemoryLedger
from sematic.ledger.references import Blobs
from sematic.ledger.sql.postgres import open_postgres
from sematic.ledger.sql.sqlite import open_sqlite
from sematic.ledger.tests.places import new_place
from sematic.ledger.tests.samples import MakeLedger
from sematic.server.tests.serving import Served
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


@pytest.fixture(params=["memory", "sqlite", "postgres", "http"])
def make_ledger(request: pytest.FixtureRequest, tmp_path: Path, cache: Path) -> Iterator[MakeLedger]:
    """Makes new, empty ledgers of one kind."""
    numbers = count()
    with ExitStack() as stack:

        def make(blobs: Blobs | None = None) -> Ledger:
            folder = tmp_path / str(next(numbers))
            if request.param == "memory":
                ledger: Ledger = MemoryLedger(blobs)
            elif request.param == "postgres":
                ledger = open_postgres(new_place(request.getfixturevalue("server")), blobs=blobs)
            else:
                ledger = open_sqlite(folder / "ledger.db", blobs=blobs, cache=cache)
            stack.callback(ledger.close)
            return served(ledger, folder) if request.param == "http" else ledger

        def served(ledger: Ledger, folder: Path) -> Ledger:
            remote = RemoteLedger(stack.enter_context(Served(ledger, folder)).connection())
            stack.callback(remote.close)
            remote.collect = ledger.collect  # what is not in the API: the server's machine does it
            return remote

        yield make


@pytest.fixture
def ledger(make_ledger: MakeLedger) -> Ledger:
    """A new, empty ledger."""
    return make_ledger()
