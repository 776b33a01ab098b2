"""The wheel that Bazel builds says what it is, and works where it is installed, with the oldest packages it allows."""

from __future__ import annotations

import base64
import csv
import hashlib
import io
import os
import re
import runpy
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from packaging.metadata import Metadata
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name, parse_wheel_filename

HERE = Path(__file__).parent
ROOT = HERE.parents[2]
VERSION = runpy.run_path(str(ROOT / "sematic/version.py"))["__version__"]
INFO = f"sematic-{VERSION}.dist-info"


@pytest.fixture(scope="session")
def wheel() -> Path:
    """As data of a Bazel test, or after `bazel build //sematic:wheel`."""
    folders = [ROOT / "sematic/wheel", ROOT / "bazel-bin/sematic/wheel"]
    (found,) = next(folder for folder in folders if folder.is_dir()).iterdir()
    return found


@pytest.fixture(scope="session")
def contents(wheel: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(wheel) as archive:
        assert archive.testzip() is None
        return {name: archive.read(name) for name in archive.namelist()}


@pytest.fixture(scope="session")
def about(contents: dict[str, bytes]) -> Metadata:
    return Metadata.from_email(contents[f"{INFO}/METADATA"], validate=True)


def test_its_name_and_version(wheel: Path, about: Metadata) -> None:
    name, version, build, tags = parse_wheel_filename(wheel.name)
    assert (name, str(version), build) == ("sematic", VERSION, ())
    assert [str(tag) for tag in tags] == ["py3-none-any"]
    assert (about.name, str(about.version)) == ("sematic", VERSION)
    assert str(about.requires_python) == ">=3.11"


def test_the_record_names_every_file(contents: dict[str, bytes]) -> None:
    rows = {path: (digest, size) for path, digest, size in csv.reader(io.StringIO(contents[f"{INFO}/RECORD"].decode()))}
    assert rows.pop(f"{INFO}/RECORD") == ("", "")
    assert rows.keys() == contents.keys() - {f"{INFO}/RECORD"}
    for path, (digest, size) in rows.items():
        expected = base64.urlsafe_b64encode(hashlib.sha256(contents[path]).digest()).decode().rstrip("=")
        assert (digest, size) == (f"sha256={expected}", str(len(contents[path])))


def test_what_is_in_it(contents: dict[str, bytes]) -> None:
    assert {"sematic/py.typed", "sematic/ledger/sql/statements.json", "sematic/__init__.py"} <= contents.keys()
    assert {path.split("/")[0] for path in contents} == {"sematic", INFO}
    assert [path for path in contents if "/tests/" in path or path.endswith(".pyc")] == []
    assert contents[f"{INFO}/licenses/LICENSE"].lstrip().startswith(b"Apache License")


def test_the_readme_is_its_description(about: Metadata) -> None:
    assert (about.description or "").startswith("# Sematic\n")
    assert about.description_content_type == "text/markdown"


def names(requirements: list[Requirement]) -> set[str]:
    return {canonicalize_name(each.name) for each in requirements}


def test_it_needs_what_sematic_imports(about: Metadata) -> None:
    """The first part of third_party/requirements.in is what sematic imports; Flask, psycopg and
    waitress come with the server."""
    first = (ROOT / "third_party/requirements.in").read_text().split("\n\n")[0]
    imported = names([Requirement(line) for line in first.splitlines() if not line.startswith("#")])
    always = [each for each in about.requires_dist or () if each.marker is None]
    server = [each for each in about.requires_dist or () if each.marker and each.marker.evaluate({"extra": "server"})]
    assert names(always) | names(server) == imported
    assert names(server) == {"flask", "psycopg", "waitress"}
    assert set(about.provides_extra or ()) == {"s3", "server"}


def lowest(about: Metadata) -> str:
    """The oldest version that is allowed of everything."""
    found = [re.fullmatch(r"(\S+?)>=(\S+)", str(each)) for each in about.requires_dist or () if each.marker is None]
    assert all(found)
    return "".join(f"{each[1]}=={each[2]}\n" for each in found if each)


def locked() -> str:
    """The versions that the tests of this repository run with."""
    return "\n".join(re.findall(r"^\S+==\S+", (ROOT / "third_party/requirements_lock.txt").read_text(), re.MULTILINE))


class Installed:
    """A virtual environment with nothing but the wheel and what it needs."""

    def __init__(self, folder: Path, wheel: Path, versions: str) -> None:
        self.folder = folder
        hidden = ("PYTHON", "SEMATIC")
        self.environment = {name: value for name, value in os.environ.items() if not name.startswith(hidden)}
        self.environment["SEMATIC_HOME"] = str(folder / "home")
        (folder / "versions.txt").write_text(versions)
        self.run(sys.executable, "-m", "venv", "venv")
        self.run(
            "venv/bin/python", "-m", "pip", "install", "--quiet", "--constraint=versions.txt", str(wheel.absolute())
        )

    def run(self, *command: str) -> str:
        done = subprocess.run(
            command, cwd=self.folder, env=self.environment, text=True, capture_output=True, timeout=600
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout


@pytest.fixture(scope="session", params=["locked", "lowest"])
def installed(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, wheel: Path, about: Metadata
) -> Installed:
    versions = locked() if request.param == "locked" else lowest(about)
    return Installed(tmp_path_factory.mktemp(request.param), wheel, versions)


def test_the_command(installed: Installed) -> None:
    assert installed.run("venv/bin/sematic", "version").startswith(f"version\t{VERSION}\n")


def test_pip_finds_nothing_missing(installed: Installed) -> None:
    assert installed.run("venv/bin/python", "-m", "pip", "check") == "No broken requirements found.\n"


def test_a_pipeline(installed: Installed) -> None:
    """Without SQLAlchemy: the statements are in the wheel."""
    assert installed.run("venv/bin/python", str(HERE / "program.py")) == "20\n30\n[]\n"
    assert "pipeline" in installed.run("venv/bin/sematic", "ls")


def test_its_sqlalchemy_makes_the_same_statements(installed: Installed, contents: dict[str, bytes]) -> None:
    installed.run("venv/bin/python", "-m", "sematic.ledger.sql.build_statements", "made.json")
    assert (installed.folder / "made.json").read_bytes() == contents["sematic/ledger/sql/statements.json"]
