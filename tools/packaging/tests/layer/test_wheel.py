"""Streams copied from a wheel: only where they are the installed file, and then to the byte."""

import hashlib
import struct
import sys
import zipfile
from pathlib import Path

import pytest

from image_tools.layer import gzip_members, layer
from tools.packaging.tests.layer.testing import Built, build, outputs, write_entries

ROOT = "app/site-packages"
NOISE = b"".join(hashlib.sha256(b"%d" % number).hexdigest().encode() for number in range(50_000))
FILES = {
    "pkg/__init__.py": b"",
    "pkg/code.py": b"def f():\n    return 1\n" * 300,
    "pkg/tool": b"#!/usr/bin/env python3\nprint(1)\n",
    "pkg/large.so": b"\x7fELF" + NOISE,
    "pkg-1.data/purelib/more.py": b"more = 1\n" * 50,
    "pkg-1.dist-info/RECORD": b"as published\n",
}
assert len(NOISE) > 2 * gzip_members.CHUNK


@pytest.fixture
def site(tmp_path: Path) -> Path:
    folder = tmp_path / "site"
    for name, data in FILES.items():
        path = folder / name.removeprefix("pkg-1.data/purelib/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return folder


def pack(path: Path, compression: int = zipfile.ZIP_DEFLATED, zip64: bool = False) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in FILES.items():
            info = zipfile.ZipInfo(name)
            info.compress_type = compression
            with archive.open(info, "w", force_zip64=zip64) as file:
                file.write(data)
    return path


def lines(site: Path) -> list[list[str]]:
    return [[f"{ROOT}/{path.relative_to(site)}", str(path)] for path in sorted(site.rglob("*")) if path.is_file()]


def with_wheel(folder: Path, site: Path, wheel: Path) -> Built:
    return build(folder, lines(site), "--root", ROOT, "--wheel", str(wheel))


def test_copied_and_compressed_layers_unpack_to_the_same(tmp_path: Path, site: Path) -> None:
    plain = build(tmp_path / "plain", lines(site))
    copied = with_wheel(tmp_path / "copied", site, pack(tmp_path / "pkg.whl"))
    assert plain.metadata.diff_id == copied.metadata.diff_id
    assert plain.metadata.digest != copied.metadata.digest
    assert plain.records == copied.records
    assert plain.unpack(tmp_path / "a") == copied.unpack(tmp_path / "b")
    assert (plain.metadata.copied, plain.metadata.compressed) == (0, 5)
    assert (copied.metadata.copied, copied.metadata.compressed) == (5, 0)


def test_the_streams_are_the_wheels_own(tmp_path: Path, site: Path) -> None:
    wheel = pack(tmp_path / "pkg.whl")
    blob = with_wheel(tmp_path / "out", site, wheel).blob.read_bytes()
    with zipfile.ZipFile(wheel) as archive:
        for info in archive.infolist():
            start = info.header_offset + 30 + len(info.filename)
            stream = wheel.read_bytes()[start : start + info.compress_size]
            assert (
                not info.file_size or gzip_members.HEAD + stream + struct.pack("<II", info.CRC, info.file_size) in blob
            )


def test_a_copied_layer_does_not_depend_on_zlib(tmp_path: Path, site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wheel = pack(tmp_path / "pkg.whl")
    first = with_wheel(tmp_path / "first", site, wheel)
    monkeypatch.setattr(gzip_members, "_compressed", lambda data: pytest.fail("zlib was used"))
    second = with_wheel(tmp_path / "second", site, wheel)
    assert first.blob.read_bytes() == second.blob.read_bytes()


@pytest.mark.parametrize("name", ["pkg/code.py", "pkg/large.so"])
@pytest.mark.parametrize("same_size", [True, False])
def test_a_patched_file_is_compressed_and_no_other(tmp_path: Path, site: Path, name: str, same_size: bool) -> None:
    patched = FILES[name][:-1] + b"!" + (b"" if same_size else b"more")
    (site / name).write_bytes(patched)
    built = with_wheel(tmp_path / "out", site, pack(tmp_path / "pkg.whl"))
    assert (built.metadata.copied, built.metadata.compressed) == (4, 1)
    assert built.unpack(tmp_path / "gnu")[f"{ROOT}/{name}"][2] == patched.hex()
    assert built.metadata.diff_id == build(tmp_path / "plain", lines(site)).metadata.diff_id


def test_a_stored_member_is_no_stream_to_copy(tmp_path: Path, site: Path) -> None:
    built = with_wheel(tmp_path / "out", site, pack(tmp_path / "pkg.whl", compression=zipfile.ZIP_STORED))
    assert (built.metadata.copied, built.metadata.compressed) == (0, 2)
    plain = build(tmp_path / "plain", lines(site))
    assert plain.metadata.diff_id == built.metadata.diff_id
    assert plain.unpack(tmp_path / "a") == built.unpack(tmp_path / "b")


def test_a_wheel_with_something_before_it_is_copied(tmp_path: Path, site: Path) -> None:
    wheel = pack(tmp_path / "pkg.whl")
    wheel.write_bytes(b"#!/bin/sh\n" * 100 + wheel.read_bytes())
    assert with_wheel(tmp_path / "out", site, wheel).metadata.copied == 5


def test_a_damaged_directory(tmp_path: Path, site: Path, capsys: pytest.CaptureFixture[str]) -> None:
    wheel = pack(tmp_path / "pkg.whl")
    data = wheel.read_bytes()
    for damaged in (data.replace(b"PK\x01\x02", b"PK\x01\x03"), data[:200] + data[-80:], data[-22:]):
        wheel.write_bytes(damaged)
        _, arguments = outputs(tmp_path / "out")
        listed = write_entries(tmp_path, lines(site))
        command = ["build", "--name", "pkg", *arguments, "--entries", listed, "--root", ROOT, "--wheel", str(wheel)]
        assert layer.main(command) == 1
        assert "fetch it again" in capsys.readouterr().err


def test_a_zip64_wheel_is_copied(tmp_path: Path, site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(zipfile, "ZIP64_LIMIT", 10)
    built = with_wheel(tmp_path / "out", site, pack(tmp_path / "pkg.whl", zip64=True))
    assert built.metadata.copied == 5
    assert built.metadata.diff_id == build(tmp_path / "plain", lines(site)).metadata.diff_id


def test_what_an_installer_wrote_depends_on_no_zlib(
    tmp_path: Path, site: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (site / "pkg-1.dist-info/INSTALLER").write_text("rules\n")
    (site / "pkg-1.dist-info/RECORD").write_text("as installed, which is longer\n")
    monkeypatch.setattr(gzip_members, "_compressed", lambda data: pytest.fail("zlib was used"))
    built = with_wheel(tmp_path / "out", site, pack(tmp_path / "pkg.whl"))
    assert (built.metadata.copied, built.metadata.compressed) == (4, 0)
    assert built.unpack(tmp_path / "gnu")[f"{ROOT}/pkg-1.dist-info/INSTALLER"][2] == b"rules\n".hex()


def test_the_root_init_is_dropped_and_no_other(tmp_path: Path, site: Path) -> None:
    (site / "__init__.py").write_text("__path__ = __import__('pkgutil').extend_path(__path__, __name__)\n")
    paths = [record.path for record in build(tmp_path / "out", lines(site), "--root", ROOT).records]
    assert f"{ROOT}/__init__.py" not in paths
    assert f"{ROOT}/pkg/__init__.py" in paths


@pytest.mark.parametrize(
    ("content", "sentence"),
    [(b"no zip", "is no wheel"), (None, "cannot be read: No such file or directory")],
)
def test_a_wheel_that_is_none(
    tmp_path: Path, site: Path, content: bytes | None, sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    if content is not None:
        (tmp_path / "bad.whl").write_bytes(content)
    _, arguments = outputs(tmp_path / "out")
    listed = write_entries(tmp_path, lines(site))
    command = [
        "build",
        "--name",
        "pkg",
        *arguments,
        "--entries",
        listed,
        "--root",
        ROOT,
        "--wheel",
        str(tmp_path / "bad.whl"),
    ]
    assert layer.main(command) == 1
    assert sentence in capsys.readouterr().err


def test_a_wheel_cut_short_after_its_directory_was_read(
    tmp_path: Path, site: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    wheel = pack(tmp_path / "pkg.whl")
    data = wheel.read_bytes()
    wheel.write_bytes(bytes(100) + data[100:])
    _, arguments = outputs(tmp_path / "out")
    listed = write_entries(tmp_path, lines(site))
    command = ["build", "--name", "pkg", *arguments, "--entries", listed, "--root", ROOT, "--wheel", str(wheel)]
    assert layer.main(command) == 1
    assert "no member where its directory says" in capsys.readouterr().err


class OtherZlib:
    """Decodes alike and compresses otherwise, as zlib-ng does."""

    ZLIB_RUNTIME_VERSION = "1.3.1.zlib-ng"

    def __getattr__(self, name: str) -> object:
        return getattr(sys.modules["zlib"], name)

    def compressobj(self, level: int, *rest: int) -> object:
        return sys.modules["zlib"].compressobj(level + 3, *rest)


def test_this_pythons_zlib_is_stock() -> None:
    assert gzip_members.deviating_zlib() is None


def test_a_deviating_zlib_is_named(
    tmp_path: Path, site: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    stock = build(tmp_path / "stock", lines(site))
    monkeypatch.setattr(gzip_members, "zlib", OtherZlib())
    other = build(tmp_path / "other", lines(site))
    assert "zlib 1.3.1.zlib-ng, unlike stock zlib" in capsys.readouterr().err
    assert (other.metadata.zlib, stock.metadata.zlib) == ("1.3.1.zlib-ng", None)
    assert other.metadata.diff_id == stock.metadata.diff_id
    copied = with_wheel(tmp_path / "copied", site, pack(tmp_path / "pkg.whl"))
    assert copied.metadata.zlib is None
    assert capsys.readouterr().err == ""
