"""Homes that cannot be used, or not any more: one clear sentence, nothing half written, and a record that is right."""

from __future__ import annotations

from pathlib import Path

import pytest

from sematic.tests.programs import Programs

MAIN = """
    import os, pathlib, resource, shutil, sys
    import sematic

    HOME = pathlib.Path(os.environ["SEMATIC_HOME"]).absolute()

    @sematic.func
    def first() -> int:
        return 1

    @sematic.func(inline=False)
    def middle(a: int, what: str) -> bytes:
        if what == "remove logs":
            shutil.rmtree(HOME / "logs")
        elif what:
            size = int(what)
            resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))
            if size > 100_000:
                return b"x" * 10_000_000
        if what:
            print("printed" * 100)
        return b"x" * 100_000

    @sematic.func
    def last(a: bytes) -> int:
        return len(a)

    @sematic.func
    def pipeline(what: str) -> int:
        return last(middle(first(), what))

    if __name__ == "__main__":
        resolver = sematic.LocalResolver(max_parallelism=1) if "workers" in sys.argv else None
        print(sematic.resolve(pipeline(sys.argv[1]), resolver))
"""


@pytest.fixture
def programs(tmp_path: Path) -> Programs:
    found = Programs(tmp_path)
    found.write(main=MAIN)
    return found


@pytest.mark.parametrize(
    "home", ["relative/ü 日本", "100% sure?#;&mode=ro", "d" * 200 + "/" + "e" * 40], ids=["relative", "signs", "long"]
)
def test_a_home_of_any_name(programs: Programs, home: str) -> None:
    given = home if home.startswith("relative") else str(programs.folder / home)
    programs.home = programs.folder / home
    assert programs.good("main.py", "", "workers", environment={"SEMATIC_HOME": given}) == "100000"
    assert programs.states() == ["RESOLVED"]


@pytest.mark.parametrize(("name", "problem"), [("", "File exists"), ("deeper", "Not a directory")])
def test_a_file_where_the_home_should_be(programs: Programs, name: str, problem: str) -> None:
    programs.home.write_text("kept")
    home = programs.home / name
    assert programs.bad("main.py", "", environment={"SEMATIC_HOME": str(home)}) == (
        f"sematic.errors.LedgerError: the folder {home} for the ledger cannot be made ({problem}): set SEMATIC_HOME to "
        "a folder that can be written"
    )
    assert programs.home.read_text() == "kept"


def test_a_file_where_the_output_should_be_kept(programs: Programs) -> None:
    programs.home.mkdir()
    (programs.home / "logs").write_text("kept")
    message = programs.bad("main.py", "")
    assert message.startswith("sematic.errors.StoreError: what functions print cannot be kept in ")
    assert message.endswith("(Not a directory): check that it can be written, or set SEMATIC_OUTPUT_CAPTURE=off")
    assert programs.states() == []
    assert programs.good("main.py", "", environment={"SEMATIC_OUTPUT_CAPTURE": "off"}) == "100000"


def test_a_home_of_a_user_that_does_not_exist(programs: Programs) -> None:
    assert programs.bad("main.py", "", environment={"SEMATIC_HOME": "~nobody here/sematic"}) == (
        "sematic.errors.SettingsError: the folder ~nobody here/sematic cannot be found: nobody knows where that home "
        "is. Set SEMATIC_HOME to the path of a folder that can be written"
    )


def test_logs_that_are_removed_while_the_program_runs_are_missed_by_nobody(programs: Programs) -> None:
    assert programs.good("main.py", "remove logs").splitlines() == ["printed" * 100, "100000"]
    assert programs.states() == ["RESOLVED"]


@pytest.mark.parametrize("where", ["here", "workers"])
def test_a_value_that_does_not_fit_on_the_disk(programs: Programs, where: str) -> None:
    problem = programs.bad("main.py", "5000000", where)
    assert f"bytes cannot be stored in {programs.home / 'blobs'} (File too large)" in problem
    runs = {name: str(run.state) for name, (run,) in programs.runs().items()}
    assert runs == {"pipeline": "NESTED_FAILED", "first": "RESOLVED", "middle": "FAILED", "last": "CANCELED"}
    assert [path for path in (programs.home / "blobs").rglob("*") if path.is_file()] == []


def test_a_ledger_that_cannot_grow_any_more(programs: Programs) -> None:
    """Also what the body prints does not fit: it learns that from print, as from any file."""
    done = programs.run("main.py", "100")
    assert done.returncode == 1
    assert f"sematic.errors.LedgerError: the ledger {programs.home / 'ledger.db'} cannot be written" in done.stderr
    runs = {name: str(run.state) for name, (run,) in programs.runs().items()}
    assert runs == {"pipeline": "RAN", "first": "RESOLVED", "middle": "RUNNING", "last": "CREATED"}
    assert programs.good("main.py", "", environment={"SEMATIC_HOME": str(programs.home)}) == "100000"
    assert programs.states() == ["RESOLVED", "RUNNING"]  # which reading commands find interrupted: its owner is gone
