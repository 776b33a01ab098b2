"""A root file system as an image: what is kept, and that nothing of the machine or the hour is in it."""

from __future__ import annotations

import io
import json
import os
import tarfile
from pathlib import Path

import pytest

from image_tools.registry import layout as reading
from tools.base_image import image, rootfs, tree

STATUS = """\
Package: libc6-dev
Version: 9.9

Package: libc6
Status: install ok installed
Version: 2.36-9+deb12u10

Package: python3
Version: 3.11.2-1+b1
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    made = tmp_path / "root"
    for name, text in {
        "usr/bin/python3.11": "ELF",
        "usr/bin/mount": "ELF",
        "var/lib/dpkg/status": STATUS,
        "etc/passwd": "root",
        "etc/shadow": "root:*:20500:0:99999:7:::\ndaemon:!:20501:0:99999:7:::\n",
        "etc/hostname": "this",
        "var/log/dpkg.log": "today",
        "tmp/left": "over",
        "usr/share/doc/x/copyright": "free",
        "usr/share/doc/x/changelog": "long",
        "usr/share/ca/Főtanúsítvány.crt": "trust",
    }.items():
        path = made / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    (made / "usr/bin/python3").symlink_to("python3.11")
    (made / "usr/bin/awk").symlink_to("/etc/alternatives/awk")
    os.link(made / "usr/bin/python3.11", made / "usr/bin/zz")
    (made / "usr/bin/mount").chmod(0o4755)
    (made / "tmp").chmod(0o1777)
    (made / "etc/shadow").chmod(0o640)
    os.mkfifo(made / "etc/pipe")
    return made


def members(root: Path) -> dict[str, tarfile.TarInfo]:
    with tarfile.open(fileobj=io.BytesIO(b"".join(tree.archive(root)))) as archive:
        return {member.name: member for member in archive}


def test_archive_has_what_is_needed(root: Path) -> None:
    found = members(root)
    assert [name for name in found if not found[name].isdir()] == [
        "etc/passwd",
        "etc/shadow",
        "usr/bin/awk",
        "usr/bin/mount",
        "usr/bin/python3",
        "usr/bin/python3.11",
        "usr/bin/zz",
        "usr/share/ca/Főtanúsítvány.crt",
        "usr/share/doc/x/copyright",
        "var/lib/dpkg/status",
    ]
    assert {"tmp", "var/log"} <= {*found}


def test_modes_and_links(root: Path) -> None:
    found = members(root)
    assert found["tmp"].mode == 0o1777
    assert found["usr/bin/mount"].mode == 0o755
    assert found["etc/shadow"].mode == 0o640
    assert found["usr/bin/awk"].linkname == "/etc/alternatives/awk"
    assert (found["usr/bin/zz"].type, found["usr/bin/zz"].linkname) == (tarfile.LNKTYPE, "usr/bin/python3.11")
    assert {(member.uid, member.gid, member.mtime) for member in found.values()} == {(0, 0, 946684800)}


@pytest.mark.parametrize(
    "path",
    [
        "dev/null",
        "proc/1",
        "run/lock",
        "tmp/x",
        "var/cache/apt/pkgcache.bin",
        "var/cache/ldconfig/aux-cache",
        "var/log/apt/term.log",
        "var/lib/apt/lists/x_InRelease",
        "var/lib/dpkg/status-old",
        "etc/passwd-",
        "etc/machine-id",
        "etc/resolv.conf",
        "etc/apt/sources.list",
        "usr/share/man/man1/ls.1.gz",
        "usr/share/doc/x/README",
    ],
)
def test_dropped(path: str) -> None:
    assert not tree.kept(path, is_file=True)


@pytest.mark.parametrize("path", ["etc/passwd", "usr/lib/python3.11/os.py", "var/lib/dpkg/status", "usr/bin/x-"])
def test_kept(path: str) -> None:
    assert tree.kept(path, is_file=True)


@pytest.mark.parametrize("path", ["dev", "tmp", "var/log", "usr/share/doc/x", "usr/share/man"])
def test_folders_that_programs_expect(path: str) -> None:
    assert tree.kept(path, is_file=False)


def test_versions(root: Path) -> None:
    assert rootfs.versions(root) == ("3.11.2", "2.36")


def test_image(root: Path, tmp_path: Path) -> None:
    digests = [image.write(root, tmp_path / name, "arm64") for name in ("one", "two")]
    assert digests[0] == digests[1]
    read = reading.load(tmp_path / "one")
    assert read.digest == digests[0]
    config = json.loads((tmp_path / "one/blobs/sha256" / read.blobs[0].digest[7:]).read_bytes())
    assert config["architecture"] == "arm64"
    assert config["config"]["Labels"] == {"dev.sematic.glibc": "2.36", "dev.sematic.python": "3.11.2"}
