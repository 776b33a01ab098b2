"""Everything local, under one folder: ``ledger.db``, ``blobs/``, ``logs/``."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType

from sematic import settings
from sematic.ledger.sql.sqlite import SqliteLedger
from sematic.storage.local import LocalStore

LEDGER_FILE = "ledger.db"


class Home:
    """The ledger, the store and the logs of one SEMATIC_HOME. A context manager: leaving it closes the ledger."""

    def __init__(self, folder: Path, *, read_only: bool = False) -> None:
        self.folder = folder
        self.logs = folder / "logs"
        self.store = LocalStore(folder)
        self.ledger = SqliteLedger(folder / LEDGER_FILE, read_only=read_only, blobs=self.store)

    def __enter__(self) -> Home:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.ledger.close()


def open_home(*, read_only: bool = False) -> Home:
    """The home that the settings name. Raises LedgerError when it cannot be opened."""
    return Home(settings.home(), read_only=read_only)
