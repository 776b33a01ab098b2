"""Opening a database: made, found, migrated, refused; with what is imported on the way."""

from __future__ import annotations

import json
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from sematic.errors import LedgerError, NewerLedger
from sematic.ledger.sql import compiled, migrate, schema
from sematic.ledger.sql.sqlite import open_sqlite
from sematic.ledger.tests.samples import ROOT, begin, record

OPEN = """
import pathlib, sys
from sematic.ledger.sql import compiled
from sematic.ledger.sql.sqlite import open_sqlite
compiled.BUILT = pathlib.Path(sys.argv[3])
ledger = open_sqlite(sys.argv[1], cache=sys.argv[2])
print(ledger.find(""))
ledger.close()
print(sorted({"sqlalchemy", "alembic"} & set(sys.modules)))
"""


def opened_elsewhere(path: Path, cache: Path, built: str = "/nonexistent") -> list[str]:
    """What another process prints that opens the ledger; as a rule Bazel compiled nothing there."""
    command = [sys.executable, "-c", OPEN, str(path), str(cache), built]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()


@contextmanager
def read_only(folder: Path) -> Iterator[None]:
    """Mounted so that not even root can write."""
    subprocess.run(["mount", "--bind", "-o", "ro", str(folder), str(folder)], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def execute(path: Path, *statements: str) -> None:
    with closing(sqlite3.connect(path)) as connection:
        for statement in statements:
            connection.execute(statement)
        connection.commit()


def shape(path: Path) -> set[tuple[str, ...]]:
    """The tables and indexes of a database, without regard to order and spaces."""
    with closing(sqlite3.connect(path)) as connection:
        rows = connection.execute("SELECT type, name, sql FROM sqlite_master")
        return {(kind, name, " ".join((sql or "").split())) for kind, name, sql in rows}


@pytest.fixture
def unbuilt(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """As in a checkout that Bazel did not build."""
    monkeypatch.setattr(compiled, "BUILT", tmp_path / "statements.json")


@pytest.mark.usefixtures("unbuilt")
class TestBuilt:
    def test_a_fresh_home_needs_neither_sqlalchemy_nor_a_cache(self, tmp_path: Path) -> None:
        compiled.keep(compiled.BUILT, compiled.compile_all())
        built = str(compiled.BUILT)
        assert opened_elsewhere(tmp_path / "new.db", tmp_path / "cache", built) == ["[]", "[]"]
        assert not (tmp_path / "cache").exists()

    def test_what_was_made_from_other_definitions_is_left_alone(self, tmp_path: Path) -> None:
        made_before = {"made_from": "0" * 16, **compiled.compile_all()._asdict(), "version": 0}
        compiled.BUILT.write_text(json.dumps(made_before))
        assert compiled.load(tmp_path).version == compiled.compile_all().version


@pytest.mark.usefixtures("unbuilt")
class TestCompiled:
    def test_the_cache_says_what_the_compiler_says(self, tmp_path: Path) -> None:
        fresh = compiled.load(tmp_path)
        cached = compiled.load(tmp_path)
        assert json.loads(json.dumps(fresh)) == json.loads(json.dumps(cached))
        assert json.loads(json.dumps(cached)) == json.loads(json.dumps(compiled.compile_all()))
        assert len(list(tmp_path.iterdir())) == 1

    def test_sqlalchemy_is_imported_only_for_a_cold_cache(self, tmp_path: Path) -> None:
        new, other, cache = tmp_path / "new.db", tmp_path / "other.db", tmp_path / "cache"
        assert opened_elsewhere(other, cache) == ["[]", "['sqlalchemy']"]
        assert opened_elsewhere(new, cache) == ["[]", "[]"]
        with closing(open_sqlite(new, cache=cache)) as ledger:
            begin(ledger)
        assert opened_elsewhere(new, cache) == [f"['{ROOT}']", "[]"]

    @pytest.mark.parametrize("text", ["", "{", "[]", '{"version": 1}'])
    def test_a_broken_cache_is_made_again(self, tmp_path: Path, text: str) -> None:
        compiled.load(tmp_path)
        path = next(tmp_path.iterdir())
        whole = path.read_text()
        path.write_text(text)
        assert compiled.load(tmp_path) == compiled.compile_all()
        assert path.read_text() == whole

    def test_without_a_place_for_the_cache_it_is_made_in_memory(self, tmp_path: Path) -> None:
        (tmp_path / "file").write_text("")
        assert compiled.load(tmp_path / "file").statements

    def test_no_constant_hides_a_parameter(self) -> None:
        for text, names in compiled.compile_all().statements.values():
            assert text.count("?") == len(names)


class TestVersions:
    def test_the_migrations_lead_to_the_schema(self, tmp_path: Path, cache: Path) -> None:
        open_sqlite(tmp_path / "new.db", cache=cache).close()
        execute(tmp_path / "old.db", f"PRAGMA application_id = {0x53454D41}", "CREATE TABLE remains (x)")
        open_sqlite(tmp_path / "old.db", cache=cache).close()
        assert shape(tmp_path / "old.db") - shape(tmp_path / "new.db") == {
            ("table", "remains", "CREATE TABLE remains (x)")
        }
        assert shape(tmp_path / "new.db") < shape(tmp_path / "old.db")
        assert [int(script.revision) for script in migrate.revisions(Path(migrate.__file__).parent / "migrations")][
            -1
        ] == schema.VERSION

    def test_an_older_database_is_backed_up_and_migrated_keeping_what_it_holds(
        self, tmp_path: Path, cache: Path
    ) -> None:
        path = tmp_path / "ledger.db"
        with closing(open_sqlite(path, cache=cache)) as ledger:
            begin(ledger)
            before = record(ledger, [ROOT])
        versions = tmp_path / "versions"
        shutil.copytree(Path(migrate.__file__).parent / "migrations", versions)
        (versions / "0003_next.py").write_text(
            'from alembic import op\nimport sqlalchemy as sa\nrevision = "0003"\ndown_revision = "0002"\n'
            'def upgrade():\n    op.add_column("runs", sa.Column("color", sa.Text))\n'
        )
        with closing(sqlite3.connect(path, isolation_level=None)) as connection:
            migrate.migrate(connection, path, versions)
            migrate.migrate(connection, path, versions)
            assert connection.execute("PRAGMA user_version").fetchone() == (3,)
            assert connection.execute("SELECT color FROM runs").fetchall() == [(None,)]
        with closing(open_sqlite(tmp_path / "ledger.db.version-2", cache=cache)) as backup:
            assert record(backup, [ROOT]) == before

    def test_a_failed_migration_leaves_everything_as_it_was(self, tmp_path: Path, cache: Path) -> None:
        path, versions = tmp_path / "ledger.db", tmp_path / "versions"
        open_sqlite(path, cache=cache).close()
        before = shape(path)
        shutil.copytree(Path(migrate.__file__).parent / "migrations", versions)
        (versions / "0003_next.py").write_text(
            'from alembic import op\nrevision = "0003"\ndown_revision = "0002"\n'
            'def upgrade():\n    op.drop_table("sources")\n    raise ZeroDivisionError\n'
        )
        with closing(sqlite3.connect(path, isolation_level=None)) as connection, pytest.raises(ZeroDivisionError):
            migrate.migrate(connection, path, versions)
        assert shape(path) == before
        open_sqlite(path, cache=cache).close()

    def test_without_room_for_a_backup_nothing_is_migrated(self, tmp_path: Path, cache: Path) -> None:
        path = tmp_path / "ledger.db"
        execute(path, f"PRAGMA application_id = {0x53454D41}", "CREATE TABLE remains (x)")
        (tmp_path / "ledger.db.version-0" / "in the way").mkdir(parents=True)
        with pytest.raises(LedgerError, match="was not migrated, because no backup could be written"):
            open_sqlite(path, cache=cache)
        assert shape(path) == {("table", "remains", "CREATE TABLE remains (x)")}

    def test_a_newer_database_is_refused(self, tmp_path: Path, cache: Path) -> None:
        path = tmp_path / "ledger.db"
        open_sqlite(path, cache=cache).close()
        execute(path, "PRAGMA user_version = 9")
        with pytest.raises(NewerLedger, match=rf"{path} has schema version 9, this Sematic knows up to 2: upgrade"):
            open_sqlite(path, cache=cache)

    def test_an_older_database_cannot_be_read_where_it_cannot_be_migrated(self, tmp_path: Path, cache: Path) -> None:
        path = tmp_path / "ledger.db"
        execute(path, f"PRAGMA application_id = {0x53454D41}", "CREATE TABLE remains (x)")
        with pytest.raises(LedgerError, match="older schema version 0 and is read-only"):
            open_sqlite(path, cache=cache, read_only=True)


class TestForeignFiles:
    def test_no_database(self, tmp_path: Path, cache: Path) -> None:
        path = tmp_path / "ledger.db"
        path.write_text("hello" * 1000)
        for read_only in (False, True):
            with pytest.raises(LedgerError, match=r"ledger.db is not a ledger \(not a SQLite database\): move it"):
                open_sqlite(path, cache=cache, read_only=read_only)
        assert path.read_text() == "hello" * 1000

    def test_another_program_s_database(self, tmp_path: Path, cache: Path) -> None:
        path = tmp_path / "ledger.db"
        execute(path, "CREATE TABLE theirs (x)", "PRAGMA user_version = 1")
        with pytest.raises(LedgerError, match="is a SQLite database but not a ledger"):
            open_sqlite(path, cache=cache)
        assert shape(path) == {("table", "theirs", "CREATE TABLE theirs (x)")}

    def test_a_damaged_one(self, tmp_path: Path, cache: Path) -> None:
        path = tmp_path / "ledger.db"
        with closing(open_sqlite(path, cache=cache)) as ledger:
            begin(ledger)
        data = bytearray(path.read_bytes())
        data[8192:] = b"\xff" * (len(data) - 8192)
        path.write_bytes(data)
        with (
            closing(open_sqlite(path, cache=cache)) as ledger,
            pytest.raises(LedgerError, match="is damaged: restore"),
        ):
            ledger.pipeline_runs()

    def test_a_folder_that_cannot_be_made(self, tmp_path: Path, cache: Path) -> None:
        (tmp_path / "file").write_text("")
        with pytest.raises(LedgerError, match="cannot be made .*: set SEMATIC_HOME"):
            open_sqlite(tmp_path / "file" / "ledger.db", cache=cache)

    def test_a_folder_in_its_place(self, tmp_path: Path, cache: Path) -> None:
        (tmp_path / "ledger.db").mkdir()
        with pytest.raises(LedgerError, match="cannot be opened: check"):
            open_sqlite(tmp_path / "ledger.db", cache=cache)


class TestReadOnly:
    def test_nothing_there(self, tmp_path: Path, cache: Path) -> None:
        with pytest.raises(LedgerError, match="there is no ledger at"):
            open_sqlite(tmp_path / "ledger.db", cache=cache, read_only=True)

    def test_beside_a_writer(self, tmp_path: Path, cache: Path) -> None:
        path = tmp_path / "ledger.db"
        with closing(open_sqlite(path, cache=cache)) as writer:
            begin(writer)
            with closing(open_sqlite(path, cache=cache, read_only=True)) as reader:
                writer.commit(ROOT, [])
                assert reader.pipeline_run(ROOT).seq == 2
                with pytest.raises(LedgerError, match="cannot be written, it is read-only: check the permissions"):
                    reader.commit(ROOT, [])

    def test_on_a_read_only_disk(self, tmp_path: Path, cache: Path) -> None:
        path = tmp_path / "home" / "ledger.db"
        with closing(open_sqlite(path, cache=cache)) as ledger:
            begin(ledger)
        with read_only(path.parent):
            with closing(open_sqlite(path, read_only=True)) as reader:
                assert reader.find("") == [ROOT]
            with pytest.raises(LedgerError, match="cannot be opened: check that its folder exists and can be written"):
                open_sqlite(path, cache=cache)
        with closing(open_sqlite(path, cache=cache)) as ledger:
            assert ledger.commit(ROOT, []) == 2

    def test_a_log_that_a_killed_writer_left_on_a_read_only_disk(self, tmp_path: Path, cache: Path) -> None:
        live = tmp_path / "live.db"
        (tmp_path / "home").mkdir()
        with closing(open_sqlite(live, cache=cache)) as ledger:
            begin(ledger)
            for end in ("", "-wal"):
                shutil.copy(f"{live}{end}", f"{tmp_path}/home/ledger.db{end}")
        with read_only(tmp_path / "home"), pytest.raises(LedgerError, match="cannot be opened: check"):
            open_sqlite(tmp_path / "home" / "ledger.db", read_only=True, cache=cache)
