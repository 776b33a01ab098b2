"""Everything local, under one folder: ``ledger.db``, ``blobs/``, ``logs/``.

Where the settings name a team's server, ledger and store are there, and the folder keeps copies of what was read.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

from sematic import settings
from sematic.errors import ArtifactError, SettingsError
from sematic.ledger.base import Ledger
from sematic.ledger.sql.sqlite import open_sqlite
from sematic.storage.local import INLINE_LIMIT, LocalStore
from sematic.types.artifact import Blob, Store
from sematic.types.base import Buffer

if TYPE_CHECKING:
    from sematic.client.connection import Connection

LEDGER_FILE = "ledger.db"

RUNS_PATIENCE = 3600.0
"""Seconds that a pipeline run waits for a server that is away: results are in its hand meanwhile."""


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
    """The ledger, the store and the logs of one SEMATIC_HOME. A context manager: leaving it closes the ledger.

    `server` is the connection to a team's server, which then has the ledger and the store.
    """

    def __init__(self, folder: Path, *, read_only: bool = False, server: Connection | None = None) -> None:
        self.folder = folder
        self.logs = folder / "logs"
        self.files = LocalStore(folder)
        self.server = None if server is None else server.address
        self.ledger, store = self._local(read_only) if server is None else self._remote(server)
        self.store: Store = Bytes(store, self.ledger)

    def _local(self, read_only: bool) -> tuple[Ledger, Store]:
        return open_sqlite(self.folder / LEDGER_FILE, read_only=read_only, blobs=self.files), self.files

    def _remote(self, server: Connection) -> tuple[Ledger, Store]:
        from sematic.client.ledger import RemoteLedger
        from sematic.client.store import RemoteStore

        return RemoteLedger(server), RemoteStore(server, self.files)

    def __enter__(self) -> Home:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.ledger.close()


def on_server() -> bool:
    """Whether the settings name a team's server."""
    return settings.get("api_address") is not None


def open_home(folder: Path | None = None, *, read_only: bool = False, patience: float | None = None) -> Home:
    """The home that the settings name, or that of `folder`, with the team's server that they name. `patience`: seconds
    to wait for that server when it is away; by default what people wait. Raises LedgerError when it cannot be opened.
    """
    server = _connection(patience) if on_server() else None
    return Home(folder or settings.home(), read_only=read_only, server=server)


def _connection(patience: float | None) -> Connection:
    from sematic.client.connection import READERS_PATIENCE, Connection

    token = settings.get("api_token")
    if token is None:
        raise SettingsError(
            "api_address names a server, and api_token is not set: get a token from whoever runs it, and set it with "
            "`sematic settings set api_token TOKEN`"
        )
    return Connection(str(settings.get("api_address")), str(token), READERS_PATIENCE if patience is None else patience)
