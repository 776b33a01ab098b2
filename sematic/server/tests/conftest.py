"""A served ledger on SQLite with something in it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from sematic.engine.changes import ArtifactsAdded, SourceAdded
from sematic.ledger.sql.sqlite import open_sqlite
from sematic.ledger.tests.samples import ROOT, artifact, begin, start
from sematic.server.listening import PATIENCE
from sematic.server.tests.serving import Served

SOURCE = "5" * 64
SMALL = artifact(b"small", summary=["for people"])


@pytest.fixture(scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the compiled statements, for all tests."""
    return tmp_path_factory.mktemp("cache")


@contextmanager
def serving(folder: Path, cache: Path, patience: float = PATIENCE) -> Iterator[Served]:
    ledger = open_sqlite(folder / "ledger.db", cache=cache)
    begin(ledger)
    start(ledger)
    ledger.commit(ROOT, [ArtifactsAdded([SMALL]), SourceAdded(SOURCE, "def f(): ...")])
    with Served(ledger, folder, patience) as server:
        yield server
    ledger.close()


@pytest.fixture
def served(tmp_path: Path, cache: Path) -> Iterator[Served]:
    with serving(tmp_path, cache) as server:
        yield server


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory, cache: Path) -> Iterator[Served]:
    """One for many tests, none of which gets anything through."""
    with serving(tmp_path_factory.mktemp("shared"), cache) as server:
        yield server
