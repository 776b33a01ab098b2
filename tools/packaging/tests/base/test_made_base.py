"""The base image as debootstrap makes it here, kept for this machine: it runs, and is small and without traces.

Needs root, Debian and its archive, which not every machine has.
"""

from __future__ import annotations

import json
import os
import pwd
import re
import subprocess
from pathlib import Path

import pytest

from image_tools.base.description import Declared
from image_tools.base.import_ import from_layout
from image_tools.base.platforms import Platform
from tools.base_image.__main__ import ensure
from tools.base_image.rootfs import architecture

PROGRAM = """
import bz2, ctypes, decimal, hashlib, json, lzma, multiprocessing, sqlite3, ssl, sys, tempfile, zlib, zoneinfo
assert ssl.create_default_context().cert_store_stats()["x509_ca"] > 100
assert zoneinfo.ZoneInfo("Europe/Berlin")
assert json.__spec__.cached.endswith(".pyc")
print(sys.version.split()[0], ctypes.CDLL(None).gnu_get_libc_version and "glibc")
"""


@pytest.fixture(scope="module")
def layout() -> Path:
    """Kept in the home of whoever runs this, which is not the one that tests are given."""
    return ensure(Path(pwd.getpwuid(os.getuid()).pw_dir) / ".cache/sematic/base-images")


@pytest.fixture(scope="module")
def unpacked(layout: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("root")
    root.chmod(0o755)
    (entry,) = json.loads(from_layout(here(layout)).manifest)["layers"]
    subprocess.run(["tar", "-xzf", layout / "blobs/sha256" / entry["digest"][7:], "-C", root], check=True)
    return root


def here(layout: Path) -> Declared:
    return Declared(str(layout), Platform("linux", architecture()))


def inside(root: Path, *command: str) -> str:
    done = subprocess.run(
        ["/usr/sbin/chroot", "--userspec=65534:65534", str(root), *command], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def test_it_says_what_it_is(layout: Path) -> None:
    described = from_layout(here(layout)).described
    assert (described.python, described.glibc) == ("3.11", "2.36")


def test_python_runs_as_anybody(unpacked: Path) -> None:
    version, library = inside(unpacked, "python3", "-c", PROGRAM).split()
    assert (version[:4], library) == ("3.11", "glibc")
    assert inside(unpacked, "python", "--version") == f"Python {version}\n"


def test_modules_are_compiled(unpacked: Path) -> None:
    """Whatever the times of the files are: else each start of a container compiles what it imports."""
    compiled = [path.read_bytes()[4:8] for path in unpacked.rglob("*.pyc")]
    assert len(compiled) > 500
    assert {*compiled} == {b"\1\0\0\0"}, "some are checked against the time of their source"
    said = inside(unpacked, "sh", "-c", "python3 -v -c 'import json, dataclasses' 2>&1")
    matches = re.findall(r"^# .*\.pyc matches", said, re.MULTILINE)
    assert len(matches) > 10
    assert "# wrote" not in said
    assert "# bytecode is stale" not in said


def test_nothing_of_the_machine_is_in_it(unpacked: Path) -> None:
    for path in ("etc/hostname", "etc/resolv.conf", "etc/apt/sources.list", "etc/machine-id", "var/log/bootstrap.log"):
        assert not (unpacked / path).exists()
    days = {line.split(":")[2] for line in (unpacked / "etc/shadow").read_text().splitlines()}
    assert days == {"10957"}


def test_size(layout: Path) -> None:
    size = sum(entry["size"] for entry in json.loads(from_layout(here(layout)).manifest)["layers"])
    assert size < 60e6
