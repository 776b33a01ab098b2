"""Opening a SQLite database as a ledger: made when new, migrated when old, refused when newer or not ours."""

from __future__ import annotations

import contextlib
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path

from sematic.errors import LedgerError, LedgerLocked, NewerLedger
from sematic.ledger.sql.compiled import Compiled

APPLICATION_ID = 0x53454D41
"""Marks the file as ours ("SEMA")."""

_KINDS = {
    sqlite3.SQLITE_NOTADB: "is not a ledger (not a SQLite database): move it away, "
    "or set SEMATIC_HOME to another folder",
    sqlite3.SQLITE_CORRUPT: "is damaged: restore it from a backup, or move it away to start a new one",
    sqlite3.SQLITE_FULL: "cannot be written, the disk is full: free some space; nothing of this write was kept",
    sqlite3.SQLITE_IOERR: "cannot be written or read, the disk reports an error: check its space and health; "
    "nothing of this write was kept",
    sqlite3.SQLITE_READONLY: "cannot be written, it is read-only: check the permissions of the file and its folder",
    sqlite3.SQLITE_CANTOPEN: "cannot be opened: check that its folder exists and can be written",
    sqlite3.SQLITE_PERM: "cannot be opened: check the permissions of the file and its folder",
}
_BUSY = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)


def explained(error: sqlite3.Error, path: Path, timeout: float) -> LedgerError:
    """The error of the driver as a sentence."""
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF
    if code in _BUSY:
        return LedgerLocked(
            f"the ledger {path} was held by another process for more than {timeout:g} s: "
            "find what writes to it for so long and try again"
        )
    return LedgerError(f"the ledger {path} {_KINDS.get(code, 'cannot be used')} ({error})")


@contextlib.contextmanager
def explaining(path: Path, timeout: float) -> Iterator[None]:
    """Turns errors of the driver into sentences."""
    try:
        yield
    except sqlite3.Error as error:
        raise explained(error, path, timeout) from error


@contextlib.contextmanager
def _closed_on_error(connection: sqlite3.Connection) -> Iterator[None]:
    try:
        yield
    except BaseException:
        connection.close()
        raise


class File:
    """One SQLite file and how to open it."""

    def __init__(self, path: Path, compiled: Compiled, synchronous: str, timeout: float, read_only: bool) -> None:
        self.path = path
        self.compiled = compiled
        self.synchronous = synchronous
        self.timeout = timeout
        self.read_only = read_only
        self._immutable = False

    def prepare(self) -> sqlite3.Connection:
        """The first connection; makes or migrates the database before. Raises LedgerError."""
        with explaining(self.path, self.timeout):
            connection = self._first()
            with _closed_on_error(connection):
                self._check(connection)
            return connection

    def connect(self) -> sqlite3.Connection:
        """One more connection. Raises sqlite3.Error."""
        mode = "mode=ro" if self.read_only else "mode=rwc"
        uri = f"{self.path.absolute().as_uri()}?{mode}{'&immutable=1' if self._immutable else ''}"
        connection = sqlite3.connect(
            uri, self.timeout, isolation_level=None, check_same_thread=False, cached_statements=256, uri=True
        )
        with _closed_on_error(connection):
            connection.execute(f"PRAGMA synchronous={self.synchronous}")
            connection.execute("PRAGMA cache_size=-16384")
            connection.execute("PRAGMA wal_autocheckpoint=4000")
        return connection

    def _first(self) -> sqlite3.Connection:
        if not self.read_only:
            self._make_folder()
            return self.connect()
        if not self.path.exists():
            raise LedgerError(f"there is no ledger at {self.path}: nothing has been recorded there")
        try:
            return self._readable()
        except sqlite3.OperationalError:
            if self._has_log():
                raise
        # SQLite cannot make its lock file here, so nobody can be writing
        self._immutable = True
        return self._readable()

    def _readable(self) -> sqlite3.Connection:
        connection = self.connect()
        with _closed_on_error(connection):
            _tables(connection)
        return connection

    def _has_log(self) -> bool:
        log = Path(f"{self.path}-wal")
        return log.exists() and log.stat().st_size > 0

    def _make_folder(self) -> None:
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise LedgerError(
                f"the folder {self.path.parent} for the ledger cannot be made ({error.strerror}): "
                "set SEMATIC_HOME to a folder that can be written"
            ) from error

    def _check(self, connection: sqlite3.Connection) -> None:
        version = user_version(connection)
        if version == 0 and not self.read_only and not _tables(connection):
            self._create(connection)
            version = user_version(connection)
        if application_id(connection) != APPLICATION_ID:
            raise LedgerError(
                f"{self.path} is a SQLite database but not a ledger: move it away, "
                "or set SEMATIC_HOME to another folder"
            )
        if version < self.compiled.version:
            self._migrate(connection, version)
        elif version > self.compiled.version:
            raise NewerLedger(
                f"the ledger {self.path} has schema version {version}, this Sematic knows up to "
                f"{self.compiled.version}: upgrade Sematic, or set SEMATIC_HOME to another folder"
            )

    def _migrate(self, connection: sqlite3.Connection, version: int) -> None:
        if self.read_only:
            raise LedgerError(
                f"the ledger {self.path} has the older schema version {version} and is read-only: "
                "open it once where it can be written, so that it is migrated"
            )
        from sematic.ledger.sql.migrate import migrate

        migrate(connection, self.path)

    def _create(self, connection: sqlite3.Connection) -> None:
        """Make all tables in one transaction, unless another process was first."""
        self._use_log(connection)
        connection.execute("BEGIN IMMEDIATE")
        try:
            if user_version(connection) == 0 and not _tables(connection):
                for text in self.compiled.tables:
                    connection.execute(text)
                connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
                connection.execute(f"PRAGMA user_version = {self.compiled.version}")
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise

    def _use_log(self, connection: sqlite3.Connection) -> None:
        """Switch to WAL. SQLite does not wait by itself when two processes do so at once."""
        deadline = time.monotonic() + self.timeout
        while True:
            try:
                connection.execute("PRAGMA journal_mode=WAL")
                return
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode & 0xFF not in _BUSY or time.monotonic() > deadline:
                    raise
            time.sleep(0.01)


def user_version(connection: sqlite3.Connection) -> int:
    """The version of the schema; 0 in an empty database."""
    version: int = connection.execute("PRAGMA user_version").fetchone()[0]
    return version


def application_id(connection: sqlite3.Connection) -> int:
    """Whose file it is."""
    id: int = connection.execute("PRAGMA application_id").fetchone()[0]
    return id


def _tables(connection: sqlite3.Connection) -> int:
    count: int = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
    return count
