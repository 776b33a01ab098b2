"""Bringing an older database to the current schema, with a backup of the old one beside it.

The revisions are Alembic's; which of them were applied is the database's `user_version`, so that opening a current
database needs no look into a table, and no Alembic.
"""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from pathlib import Path

from alembic.operations import Operations
from alembic.runtime.migration import MigrationContext
from alembic.script import Script, ScriptDirectory
from sqlalchemy import create_engine
from sqlalchemy.pool import StaticPool

from sematic.errors import LedgerError

_HERE = Path(__file__).parent


def migrate(connection: sqlite3.Connection, path: Path, versions: Path = _HERE / "migrations") -> None:
    """Apply the revisions that `connection` lacks, all or none. Another process that does so is waited for."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        version: int = connection.execute("PRAGMA user_version").fetchone()[0]
        missing = [script for script in revisions(versions) if int(script.revision) > version]
        if missing:
            _back_up(path, version)
            _upgrade(connection, missing)
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def revisions(versions: Path) -> list[Script]:
    """All revisions in `versions`, oldest first."""
    directory = ScriptDirectory(str(_HERE), version_locations=[str(versions)])
    return list(directory.walk_revisions())[::-1]


def _upgrade(connection: sqlite3.Connection, missing: list[Script]) -> None:
    engine = create_engine("sqlite://", creator=lambda: _Held(connection), poolclass=StaticPool)
    context = MigrationContext.configure(engine.connect())
    for script in missing:
        with Operations.context(context):
            script.module.upgrade()
        connection.execute(f"PRAGMA user_version = {int(script.revision)}")


class _Held:
    """The connection for SQLAlchemy, which may not end the transaction that all revisions share."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def __getattr__(self, name: str) -> object:
        return getattr(self._connection, name)

    def commit(self) -> None:
        """Left to `migrate`."""

    def rollback(self) -> None:
        """Left to `migrate`."""

    def close(self) -> None:
        """Left to the owner of the connection."""


def _back_up(path: Path, version: int) -> None:
    """A consistent copy, made by SQLite itself; named only when it is whole."""
    target = path.with_name(f"{path.name}.version-{version}")
    temporary = target.with_name(f"{target.name}.{os.getpid()}")
    try:
        with closing(sqlite3.connect(path)) as source, closing(sqlite3.connect(temporary)) as copy:
            source.backup(copy)
        temporary.replace(target)
    except (OSError, sqlite3.Error) as error:
        temporary.unlink(missing_ok=True)
        raise LedgerError(
            f"the ledger {path} has the older schema version {version}; it was not migrated, because no backup could "
            f"be written to {target} ({error}): free some space or check the folder's permissions"
        ) from error
