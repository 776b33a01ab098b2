"""Everything local, under one folder: ``ledger.db``, ``blobs/``, ``logs/``."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from types import TracebackType

from sematic import settings
from sematic.errors import ArtifactError
from sematic.ledger.base import Ledger
from sematic.ledger.sql.sqlite import open_sqlite
from sematic.storage.local import INLINE_LIMIT, LocalStore
from sematic.types.artifact import Blob, Store
from sematic.types.base import Buffer

LEDGER_FILE = "ledger.db"


class Bytes:
    """Where bytes are: in the store, or, when they are few, with their artifact in the ledger."""

    def __init__(self, store: Store, ledger: Ledger) -> None:
        self._store = store
        self._ledger = ledger

    def write(self, chunks: Iterable[Buffer]) -> Blob:
        """Keep the bytes; a few stay in the Blob, and get to the ledger with their artifact."""
        return self._store.write(chunks)

    def read(self, digest: str, size: int, artifact_id: str | None = None) -> Buffer:
        """The bytes, verified. Raises ArtifactError when they are missing or corrupt."""
        if artifact_id is None or size > INLINE_LIMIT:
            return self._store.read(digest, size)
        try:
            data = self._ledger.artifact(artifact_id).blob.data
        except KeyError:
            raise ArtifactError(f"artifact {artifact_id} is missing: the ledger does not have it any more") from None
        return self._store.read(digest, size) if data is None else data


class Home:
    """The ledger, the store and the logs of one SEMATIC_HOME. A context manager: leaving it closes the ledger."""

    def __init__(self, folder: Path, *, read_only: bool = False) -> None:
        self.folder = folder
        self.logs = folder / "logs"
        self.files = LocalStore(folder)
        self.ledger = open_sqlite(folder / LEDGER_FILE, read_only=read_only, blobs=self.files)
        self.store: Store = Bytes(self.files, self.ledger)

    def __enter__(self) -> Home:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.ledger.close()


def open_home(*, read_only: bool = False) -> Home:
    """The home that the settings name. Raises LedgerError when it cannot be opened."""
    return Home(settings.home(), read_only=read_only)
