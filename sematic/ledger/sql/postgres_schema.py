"""Making the tables in a PostgreSQL database, or bringing older ones to the current schema: all or nothing.

Who comes first holds a lock of the whole database; others wait, and find it done.
"""

from __future__ import annotations

from pathlib import Path

import psycopg

from sematic.errors import LedgerError, NewerLedger
from sematic.ledger.sql.compiled import Compiled
from sematic.ledger.sql.postgres_pool import Connection, Server

_HERE = Path(__file__).parent
_LOCK = "SELECT pg_advisory_xact_lock(6000623047315671885)"
_VERSION = "sematic_ledger"
_OLDEST_SERVER = 13


def prepare(server: Server, compiled: Compiled, versions: Path = _HERE / "migrations") -> Connection:
    """The first connection, to a database that has the current schema. Raises LedgerError, psycopg.Error."""
    connection = server.connect()
    try:
        check_server(connection.info.server_version, connection.info.parameter_status("server_encoding"), server.where)
        if _version(connection) is None:
            _create(connection, compiled, server.where)
        found = _version(connection) or 0
        if found > compiled.version:
            raise NewerLedger(
                f"{server.where} has schema version {found}, this Sematic knows up to {compiled.version}: upgrade "
                "Sematic, or name another database"
            )
        if found < compiled.version:
            migrate(server, versions)
    except BaseException:
        connection.close()
        raise
    return connection


def check_server(version: int, encoding: str | None, where: str) -> None:
    """Refuse one that lacks what we need of it."""
    if version < _OLDEST_SERVER * 10000:
        raise LedgerError(
            f"{where} is PostgreSQL {version // 10000}: Sematic needs {_OLDEST_SERVER} or newer, upgrade the server"
        )
    if encoding != "UTF8":
        raise LedgerError(
            f"{where} keeps text as {encoding}: make the database with createdb --encoding=UTF8 --template=template0"
        )


def migrate(server: Server, versions: Path = _HERE / "migrations") -> None:
    """Apply the revisions that the database lacks. Imports Alembic."""
    from alembic.operations import Operations
    from alembic.runtime.migration import MigrationContext
    from sqlalchemy import create_engine, text
    from sqlalchemy.pool import NullPool

    from sematic.ledger.sql.migrate import revisions

    def connect() -> psycopg.Connection:
        connection = server.connect()
        connection.autocommit = False
        connection.cursor_factory = psycopg.Cursor  # SQLAlchemy spells parameters in the driver's way.
        return connection

    engine = create_engine("postgresql+psycopg://", creator=connect, poolclass=NullPool, use_native_hstore=False)
    with engine.begin() as connection:
        connection.execute(text("SET LOCAL statement_timeout = 0"))
        connection.execute(text(_LOCK))
        version = connection.execute(text(f"SELECT version FROM {_VERSION}")).scalar_one()
        context = MigrationContext.configure(connection)
        for script in revisions(versions):
            if int(script.revision) > version:
                with Operations.context(context):
                    script.module.upgrade()
                connection.execute(text(f"UPDATE {_VERSION} SET version = {int(script.revision)}"))


def _create(connection: Connection, compiled: Compiled, where: str) -> None:
    with connection.transaction():
        connection.execute(_LOCK)
        if _version(connection) is not None:
            return
        taken = [name for name in ("pipeline_runs", "runs", "attempts", "artifacts") if _exists(connection, name)]
        if taken:
            raise LedgerError(
                f"{where} is no ledger but has a table {taken[0]}: name a database, or a schema, of its own"
            )
        for text in compiled.tables:
            connection.execute(text)
        connection.execute(f"CREATE TABLE {_VERSION} (version integer NOT NULL)")
        connection.execute(f"INSERT INTO {_VERSION} VALUES ({compiled.version})")


def _version(connection: Connection) -> int | None:
    """Of the schema; None where there is none."""
    if not _exists(connection, _VERSION):
        return None
    row = connection.execute(f"SELECT version FROM {_VERSION}").fetchone()
    return row[0] if row else None


def _exists(connection: Connection, table: str) -> bool:
    """Not by to_regclass, which may answer from before the lock was waited for."""
    found = "SELECT 1 FROM pg_catalog.pg_tables WHERE schemaname = current_schema() AND tablename = $1"
    return connection.execute(found, (table,)).fetchone() is not None
