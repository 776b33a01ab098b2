"""Every released schema with data in it, brought up to the newest one, on both databases."""

from __future__ import annotations

import shutil
import sqlite3
import threading
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg
import pytest

from sematic.engine.changes import RunMoved
from sematic.engine.states import State
from sematic.errors import NewerLedger
from sematic.ledger.base import Step
from sematic.ledger.sql import migrate, postgres_schema, schema
from sematic.ledger.sql.compiled import compile_for_postgres
from sematic.ledger.sql.postgres import open_postgres
from sematic.ledger.sql.postgres_pool import Server
from sematic.ledger.sql.sqlite import open_sqlite
from sematic.ledger.tests.places import new_place
from sematic.ledger.tests.samples import ROOT, artifact, begin, facts, pipeline_run, run, start
from tools.testing.postgres import Postgres

MIGRATIONS = Path(migrate.__file__).parent / "migrations"
KEPT = artifact(b"kept")
DATA = [
    f"INSERT INTO pipeline_runs VALUES ('{ROOT}', 'm:root', 'CREATED', 1.0, 'me', 'local', "
    "NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 1)",
    "INSERT INTO runs (id, pipeline_run_id, function, arguments, parent_attempt, position, state, attempt, created_at) "
    f"VALUES ('{ROOT}', '{ROOT}', 'm:root', '{{}}', 0, 0, 'CREATED', 0, 1.0)",
    f"INSERT INTO steps (pipeline_run_id, seq, run_ids) VALUES ('{ROOT}', 1, '{ROOT}')",
    "INSERT INTO sources VALUES ('d', 'text')",
    "INSERT INTO artifacts (id, touched_at, spec, codec, digest, size, payload) "
    f"VALUES ('{KEPT.id}', 1.0, '[\"bytes\"]', 'raw', '{KEPT.blob.digest}', 4, {{kept}})",
]
"""Rows as schema version 1 has them: what `check` expects."""

BROKEN = (
    'from alembic import op\nrevision = "{new:04d}"\ndown_revision = "{old:04d}"\n'
    'def upgrade():\n    op.drop_table("sources")\n    raise ZeroDivisionError\n'
)


def until(version: int, folder: Path) -> Path:
    """A folder with the first revisions."""
    folder.mkdir()
    for number in range(1, version + 1):
        (path,) = MIGRATIONS.glob(f"{number:04d}_*.py")
        shutil.copy(path, folder)
    return folder


def check(ledger: Any) -> None:
    assert ledger.pipeline_run(ROOT) == pipeline_run(seq=1)
    assert ledger.runs(ROOT) == [run(ROOT, function="m:root")]
    assert ledger.changes_after(ROOT, 0) == [Step(1, (ROOT,))]
    assert ledger.source("d") == "text"
    assert facts(ledger.artifact(KEPT.id)) == facts(KEPT)
    assert start(ledger) == 2
    assert ledger.commit(ROOT, [RunMoved(ROOT, State.RESOLVED, 3.0)], nonce="n") == 3


def old_postgres(url: str, versions: Path) -> None:
    """With nothing but what the first revisions make."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("CREATE TABLE sematic_ledger (version integer NOT NULL)")
        connection.execute("INSERT INTO sematic_ledger VALUES (0)")
    postgres_schema.migrate(Server(url, 30.0), versions)


def version(url: str) -> int:
    with psycopg.connect(url) as connection:
        ((number,),) = connection.execute("SELECT version FROM sematic_ledger").fetchall()
        return int(number)


SHAPES = [
    "SELECT table_name, column_name, ordinal_position, column_default IS NULL, is_nullable, data_type, "
    "character_maximum_length, collation_name FROM information_schema.columns WHERE table_schema = current_schema()",
    "SELECT tablename, indexname, replace(indexdef, current_schema() || '.', '') FROM pg_indexes "
    "WHERE schemaname = current_schema()",
]


def shape(url: str) -> list[set[Any]]:
    with psycopg.connect(url) as connection:
        return [set(connection.execute(text).fetchall()) for text in SHAPES]


@pytest.mark.parametrize("released", range(1, schema.VERSION))
class TestReleased:
    def test_on_sqlite(self, released: int, tmp_path: Path, cache: Path) -> None:
        path = tmp_path / "ledger.db"
        with closing(sqlite3.connect(path, isolation_level=None)) as connection:
            connection.execute(f"PRAGMA application_id = {0x53454D41}")
            migrate.migrate(connection, path, until(released, tmp_path / "versions"))
            for statement in DATA:
                connection.execute(statement.replace("{kept}", f"x'{b'kept'.hex()}'"))
            assert connection.execute("PRAGMA user_version").fetchone() == (released,)
        with closing(open_sqlite(path, cache=cache)) as ledger:
            check(ledger)

    def test_on_postgres(self, released: int, url: str, tmp_path: Path) -> None:
        old_postgres(url, until(released, tmp_path / "versions"))
        with psycopg.connect(url, autocommit=True) as connection:
            for statement in DATA:
                connection.execute(statement.replace("{kept}", f"'\\x{b'kept'.hex()}'"))
        assert version(url) == released
        with closing(open_postgres(url)) as ledger:
            check(ledger)
        assert version(url) == schema.VERSION


class TestPostgres:
    def test_the_migrations_lead_to_the_schema(self, server: Postgres) -> None:
        old, new = new_place(server), new_place(server)
        old_postgres(old, MIGRATIONS)
        open_postgres(new).close()
        assert shape(old) == shape(new)
        assert version(old) == version(new) == schema.VERSION

    def test_many_migrate_at_once(self, url: str, tmp_path: Path) -> None:
        old_postgres(url, until(1, tmp_path / "versions"))
        found: list[list[str]] = []

        def open_it() -> None:
            with closing(open_postgres(url)) as ledger:
                found.append(ledger.find(""))

        threads = [threading.Thread(target=open_it) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert found == [[]] * 4
        assert version(url) == schema.VERSION

    def test_a_failed_migration_leaves_everything_as_it_was(self, url: str, tmp_path: Path) -> None:
        with closing(open_postgres(url)) as ledger:
            begin(ledger)
        before = shape(url)
        versions = until(schema.VERSION, tmp_path / "versions")
        text = BROKEN.format(new=schema.VERSION + 1, old=schema.VERSION)
        (versions / "9999_broken.py").write_text(text)
        with pytest.raises(ZeroDivisionError):
            postgres_schema.migrate(Server(url, 30.0), versions)
        assert (shape(url), version(url)) == (before, schema.VERSION)

    def test_a_newer_schema_is_refused(self, url: str) -> None:
        open_postgres(url).close()
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("UPDATE sematic_ledger SET version = 9")
        newer = f"has schema version 9, this Sematic knows up to {schema.VERSION}: upgrade Sematic, or name another"
        with pytest.raises(NewerLedger, match=newer):
            open_postgres(url)

    def test_a_failed_making_leaves_nothing(self, url: str) -> None:
        compiled = compile_for_postgres()
        broken = compiled._replace(tables=[*compiled.tables, "CREATE TABLE"])
        with pytest.raises(psycopg.errors.SyntaxError):
            postgres_schema.prepare(Server(url, 30.0), broken)
        assert shape(url) == [set(), set()]
