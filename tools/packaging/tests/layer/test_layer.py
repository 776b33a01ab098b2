"""Layers as a whole: the same bytes everywhere, and every reader unpacks what went in."""

import gzip
import hashlib
import os
import shutil
import tarfile
import tempfile
import time
import zlib
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from image_tools.layer import gzip_members
from image_tools.layer.crc import Crc
from tools.packaging.tests.layer.testing import build, listing, run, tree

GOLDEN = """\
drwxr-xr-x 0/0               0 2000-01-01 00:00 app/
drwxr-xr-x 0/0               0 2000-01-01 00:00 app/bin/
drwxr-xr-x 0/0               0 2000-01-01 00:00 app/empty folder/
drwxr-xr-x 0/0               0 2000-01-01 00:00 app/src/
-rw-r--r-- 0/0               0 2000-01-01 00:00 app/src/__init__.py
lrwxrwxrwx 0/0               0 2000-01-01 00:00 app/src/link -> ../bin/tool
-rw-r--r-- 0/0            6000 2000-01-01 00:00 app/src/main.py
-rw-r--r-- 0/0               6 2000-01-01 00:00 app/src/näme\\nand line
-rwxr-xr-x 0/0              24 2000-01-01 00:00 app/bin/tool
hrw-r--r-- 0/0               0 2000-01-01 00:00 app/src/again link to app/src/main.py
"""
GOLDEN_DIGEST = "sha256:1dc7152b5d5cf711e377b040f96e2c974851400e48b84b925eb71be717f17722"
GOLDEN_DIFF_ID = "sha256:6011b0c8dc5d2a4be92f49fe100b7bc2e3b0058c3abb74b7e716c13021e7871c"


def sample(folder: Path) -> list[list[str]]:
    folder.mkdir()
    (folder / "tool").write_text("#!/bin/sh\nexec python3\n\n")
    (folder / "main").write_text("print('a line of code', 1)\n\n\n\n" * 200)
    (folder / "odd").write_text("hello\n")
    return [
        ["/app/src/main.py", str(folder / "main")],
        ["app/bin/tool", str(folder / "tool")],
        ["app/src/again", "app/src/main.py", "hardlink"],
        ["app/src/link", "../bin/tool", "symlink"],
        ["app/empty folder", "", "dir"],
        ["app/src/näme\nand line", str(folder / "odd"), "file", "0644"],
        ["app/src/__init__.py", "", "empty"],
    ]


def names(blob: Path) -> list[str]:
    with tarfile.open(blob) as archive:
        return archive.getnames()


def test_the_listing_and_the_digests_are_golden(tmp_path: Path) -> None:
    built = build(tmp_path / "out", sample(tmp_path / "in"))
    assert run("tar", "-tvzf", str(built.blob)).decode() == GOLDEN
    assert (built.metadata.digest, built.metadata.diff_id) == (GOLDEN_DIGEST, GOLDEN_DIFF_ID)


def test_metadata_says_what_the_blob_is(tmp_path: Path) -> None:
    built = build(tmp_path / "out", sample(tmp_path / "in"), "--role", "app", "--reason", "the app itself", name="main")
    data, found = built.blob.read_bytes(), built.metadata
    raw = gzip.decompress(data)
    assert found.digest == "sha256:" + hashlib.sha256(data).hexdigest()
    assert found.diff_id == "sha256:" + hashlib.sha256(raw).hexdigest()
    assert (found.size, found.tar_size) == (len(data), len(raw))
    assert (found.name, found.role, found.reason) == ("main", "app", "the app itself")
    assert (found.entries, found.unpacked, found.copied, found.compressed) == (10, 24 + 6000 + 6, 0, 3)
    assert [record.path for record in built.records] == names(built.blob)
    assert {record.origin for record in built.records} == {"main"}


def test_two_runs_agree_whatever_is_around_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lines = sample(tmp_path / "in")
    first = build(tmp_path / "out", lines)
    shutil.copytree(tmp_path / "in", tmp_path / "elsewhere")
    moved = [[line[0], line[1].replace(str(tmp_path / "in"), str(tmp_path / "elsewhere")), *line[2:]] for line in lines]
    for path in (tmp_path / "elsewhere").iterdir():
        os.utime(path, (1, 1))
        path.chmod(0o700)
    for name, value in {"TZ": "Asia/Tokyo", "LC_ALL": "tr_TR.UTF-8", "LANG": "C", "PYTHONHASHSEED": "7"}.items():
        monkeypatch.setenv(name, value)
    time.tzset()
    before = os.umask(0o077)
    try:
        second = build(tmp_path / "other out", moved[::-1])
    finally:
        os.umask(before)
    assert first.blob.read_bytes() == second.blob.read_bytes()
    assert first.metadata_file.read_bytes() == second.metadata_file.read_bytes()
    assert first.index_file.read_bytes() == second.index_file.read_bytes()


def test_gzip_gnu_tar_and_python_read_the_same(tmp_path: Path) -> None:
    built = build(tmp_path / "out", sample(tmp_path / "in"))
    assert run("gzip", "-dc", str(built.blob)) == gzip.decompress(built.blob.read_bytes())
    by_gnu = built.unpack(tmp_path / "gnu")
    with tarfile.open(built.blob) as archive:
        archive.extractall(tmp_path / "python")
    assert tree(tmp_path / "python") == by_gnu
    assert by_gnu["app/src/again"] == by_gnu["app/src/main.py"]
    assert by_gnu["app/bin/tool"][1] == 0o755


@pytest.mark.parametrize("size", [0, 1, 511, 512, 513, *(gzip_members.CHUNK + extra for extra in (-1, 0, 1, 300_000))])
def test_files_around_a_chunk(tmp_path: Path, size: int) -> None:
    data = (b"%d" % size + hashlib.sha512(b"%d" % size).digest() * (size // 64 + 1))[:size]
    for name in ("a", "b"):
        (tmp_path / name).write_bytes(data)
    built = build(tmp_path / "out", [[name, str(tmp_path / name), "file", "0644"] for name in ("a", "b")])
    assert built.unpack(tmp_path / "gnu") == {name: ("file", 0o644, data.hex()) for name in ("a", "b")}
    crc = 0 if not size else zlib.crc32(data)
    assert [(record.size, record.crc) for record in built.records] == [(size, crc)] * 2


NAMES = (
    st.text(st.characters(blacklist_categories=["Cs"], blacklist_characters="/\0"), min_size=1, max_size=60)
    | st.sampled_from(
        ["a b", " ", "line\nbreak", "-rf", "ü", "back\\slash", '"', "*", "~", "." * 3, "n" * 200, "日本" * 30]
    )
).filter(lambda name: name not in (".", "..") and not name.startswith(".wh.") and len(name.encode()) < 250)
CONTENTS = st.binary(max_size=2000) | st.just(b"") | st.just(b"x" * 70_000)
TARGETS = st.sampled_from(["no where", "../gone", "a/../ünder", "t" * 150])
TREES = st.recursive(CONTENTS | TARGETS, lambda inner: st.dictionaries(NAMES, inner, max_size=5), max_leaves=12).map(
    lambda found: found if isinstance(found, dict) else {"only": found}
)


def plant(folder: Path, tree: dict) -> None:
    folder.mkdir()
    for name, inside in tree.items():
        if isinstance(inside, dict):
            plant(folder / name, inside)
        elif isinstance(inside, str):
            (folder / name).symlink_to(inside)
        else:
            (folder / name).write_bytes(inside)
            (folder / name).chmod(0o644)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(TREES)
def test_random_trees_come_back(tmp_path: Path, found: dict) -> None:
    folder = Path(tempfile.mkdtemp(dir=tmp_path))
    plant(folder / "in", {"inside": found})
    built = build(folder / "out", listing(folder / "in"))
    unpacked = built.unpack(folder / "gnu")
    assert unpacked.pop("app")[0] == "dir"
    assert unpacked == {
        f"app/{path}": (kind, mode and (0o755 if kind == "dir" else mode), content)
        for path, (kind, mode, content) in tree(folder / "in").items()
    }
    assert names(built.blob) == [record.path for record in built.records]
    shutil.rmtree(folder)


def test_libraries_are_spread_by_size_behind_full_folders_and_before_hard_links(tmp_path: Path) -> None:
    sizes = {"a.py": 9, "b/libz.so": 1, "b/libz.so.1": 3, "b/x.sort": 9, "c.py": 9, "d.py": 9, "z.so.txt": 2}
    for name, size in sizes.items():
        (tmp_path / name.replace("/", "-")).write_text("x" * size)
    lines = [[name, str(tmp_path / name.replace("/", "-"))] for name in sizes]
    built = build(tmp_path / "out", [["a", "a.py", "hardlink"], *lines])
    spread = ["b/libz.so.1", "a.py", "z.so.txt", "c.py", "b/libz.so", "d.py", "b/x.sort"]
    assert names(built.blob) == ["b", *spread, "a"]


def test_libraries_only_and_twice_the_same_file(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    built = build(tmp_path / "out", [[name, str(tmp_path / "file")] for name in ("b.so", "a.so", "a.py")])
    assert names(built.blob) == ["a.so", "b.so", "a.py"]
    built = build(tmp_path / "only", [[name, str(tmp_path / "file")] for name in ("b.so", "a.so")])
    assert names(built.blob) == ["a.so", "b.so"]


@pytest.mark.parametrize(("content", "mode"), [(b"#", 0o644), (b"#!", 0o755), (b"\x7fEL", 0o644), (b"\x7fELF", 0o755)])
def test_the_shortest_files_with_leftovers_behind_them(tmp_path: Path, content: bytes, mode: int) -> None:
    """What an earlier file left in a buffer is no part of a later one: neither its bytes nor what they say."""
    (tmp_path / "large").write_bytes((b"!" if content.startswith(b"#") else b"F") * ((1 << 20) + 1))
    (tmp_path / "short").write_bytes(content)
    lines = [[f"a{number:02}", str(tmp_path / "large")] for number in range(24)]
    built = build(tmp_path / "out", [*lines, ["b", str(tmp_path / "short")]])
    assert (built.records[-1].mode, built.records[-1].size) == (mode, len(content))
    with tarfile.open(built.blob) as archive:
        short = archive.extractfile("b")
        assert short and short.read() == content


@given(st.lists(st.binary(max_size=300)))
def test_a_crc_is_put_together_from_those_of_pieces(pieces: list[bytes]) -> None:
    crc = Crc()
    for piece in pieces:
        crc.join(zlib.crc32(piece), len(piece))
    assert crc.value == zlib.crc32(b"".join(pieces))


def test_more_than_all_buffers_hold(tmp_path: Path) -> None:
    """Large files go around the buffers, and small ones fill them many times over while those are hashed."""
    folder = tmp_path / "in"
    folder.mkdir()
    for number in range(56):
        block = hashlib.sha512(b"%d" % number).digest()
        (folder / f"{number}").write_bytes(block * (60_000 if number % 16 == 0 else 9_000 + number))
    built = build(tmp_path / "out", listing(folder))
    assert built.metadata.tar_size > 36 << 20
    raw = gzip.decompress(built.blob.read_bytes())
    assert built.metadata.diff_id == "sha256:" + hashlib.sha256(raw).hexdigest()
    unpacked = built.unpack(tmp_path / "gnu")
    assert {path: content for path, (_, _, content) in unpacked.items() if path != "app"} == {
        f"app/{path.name}": path.read_bytes().hex() for path in folder.iterdir()
    }
    crcs = {record.path: record.crc for record in built.records}
    assert all(crcs[f"app/{path.name}"] == zlib.crc32(path.read_bytes()) for path in folder.iterdir())
