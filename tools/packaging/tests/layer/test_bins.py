"""Bins: several layers in one, from what was compressed before; and what two wheels may not both write."""

import gzip
import hashlib
import json
import os
from pathlib import Path

import pytest

from image_tools.layer import gzip_members, layer
from tools.packaging.tests.layer.testing import Built, build, join, listing, outputs

SITE = "app/site-packages"


def wheel(folder: Path, name: str, files: dict[str, bytes]) -> Built:
    for path, data in files.items():
        (folder / name / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / name / path).write_bytes(data)
    return build(folder / f"{name}-out", listing(folder / name, SITE), name=name)


@pytest.fixture
def pieces(tmp_path: Path) -> list[Built]:
    return [
        wheel(
            tmp_path,
            "one",
            {"space/one/a.py": b"a = 1\n" * 99, "space/one/big": os.urandom(3 << 20), "LICENSE": b"MIT\n"},
        ),
        wheel(tmp_path, "two", {"space/two/b.py": b"", "zeros": bytes(9 << 20), "LICENSE": b"MIT\n"}),
        wheel(tmp_path, "three", {f"many/{number}.py": b"x = 1\n" * number for number in range(300)}),
    ]


def test_a_bin_unpacks_to_what_its_pieces_unpack_to(tmp_path: Path, pieces: list[Built]) -> None:
    built = join(tmp_path / "bin", pieces)
    expected = {}
    for number, piece in enumerate(pieces):
        expected |= piece.unpack(tmp_path / f"piece {number}")
    assert built.unpack(tmp_path / "gnu") == expected
    found, data = built.metadata, built.blob.read_bytes()
    assert found.digest == "sha256:" + hashlib.sha256(data).hexdigest()
    assert found.diff_id == "sha256:" + hashlib.sha256(raw := gzip.decompress(data)).hexdigest()
    assert (found.size, found.tar_size, found.role) == (len(data), len(raw), "bin")
    assert found.entries == len(expected)


def test_a_bin_compresses_nothing(tmp_path: Path, pieces: list[Built], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gzip_members, "content", lambda *_: pytest.fail("a bin compressed something"))
    built = join(tmp_path / "bin", pieces)
    start, end = pieces[1].metadata.body
    assert pieces[1].blob.read_bytes()[start:end] in built.blob.read_bytes()


def test_a_bin_of_one_piece_is_that_layer(tmp_path: Path, pieces: list[Built]) -> None:
    assert join(tmp_path / "bin", pieces[:1]).blob.read_bytes() == pieces[0].blob.read_bytes()


def test_a_bin_of_bins_is_a_bin(tmp_path: Path, pieces: list[Built]) -> None:
    nested = join(tmp_path / "outer", [join(tmp_path / "inner", pieces[:2]), pieces[2]])
    assert nested.blob.read_bytes() == join(tmp_path / "flat", pieces).blob.read_bytes()


def test_an_empty_bin_is_an_empty_archive(tmp_path: Path) -> None:
    built = join(tmp_path / "bin", [])
    assert built.metadata.entries == 0
    assert built.unpack(tmp_path / "gnu") == {}


def test_shared_folders_and_files_are_listed_once_with_their_first_origin(tmp_path: Path, pieces: list[Built]) -> None:
    records = join(tmp_path / "bin", pieces).records
    assert len({record.path for record in records}) == len(records)
    origins = {record.path: record.origin for record in records}
    assert (origins[f"{SITE}/LICENSE"], origins[f"{SITE}/zeros"]) == ("one", "two")


def test_a_plan_picks_the_pieces(tmp_path: Path, pieces: list[Built]) -> None:
    plan = tmp_path / "plan.json"
    plan.write_text(json.dumps({"alone": ["one"], "bins": {"small-1": ["three"], "small-2": []}}))
    built = join(tmp_path / "bin", pieces, "--plan", str(plan), name="small-1")
    assert built.blob.read_bytes() == pieces[2].blob.read_bytes()
    assert join(tmp_path / "none", pieces, "--plan", str(plan), name="small-2").metadata.entries == 0


def refusal(folder: Path, pieces: list[Built], capsys: pytest.CaptureFixture[str]) -> str:
    _, arguments = outputs(folder / "bin")
    assert layer.main(["bin", "--name", "small", *arguments, *(part for piece in pieces for part in piece.piece)]) == 1
    return capsys.readouterr().err


def test_two_wheels_that_differ_are_both_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pieces = [wheel(tmp_path, name, {"tests/conftest.py": name.encode()}) for name in ("alpha", "omega")]
    assert f"alpha and omega both write {SITE}/tests/conftest.py, and differ" in refusal(tmp_path, pieces, capsys)


def test_a_file_and_a_folder_of_one_name_clash(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pieces = [wheel(tmp_path, "alpha", {"thing": b""}), wheel(tmp_path, "omega", {"thing/inside": b""})]
    assert f"alpha and omega both write {SITE}/thing, and differ" in refusal(tmp_path, pieces, capsys)


@pytest.mark.parametrize("damage", ["shorter", "garbage"])
def test_a_damaged_piece(tmp_path: Path, pieces: list[Built], damage: str, capsys: pytest.CaptureFixture[str]) -> None:
    data = pieces[0].blob.read_bytes()
    pieces[0].blob.write_bytes(data[:1000] if damage == "shorter" else data[:9000] + bytes(500) + data[9500:])
    error = refusal(tmp_path, pieces, capsys)
    assert ("is shorter than its metadata says" if damage == "shorter" else "is no layer of ours") in error
