"""What does not become a layer, and why; what is odd and does."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from image_tools.layer import build as building
from image_tools.layer import layer
from image_tools.layer.disk import Source
from image_tools.layer.errors import ChangedWhileRead
from tools.packaging.tests.layer.testing import Built, build, outputs, write_entries

PROGRAM = """
import sys
from image_tools.layer import layer
code = layer.main(sys.argv[1:])
peak = [line for line in open("/proc/self/status") if line.startswith("VmHWM")]
print(int(peak[0].split()[1]) // 1024)
sys.exit(code)
"""


def refusal(folder: Path, lines: list[list[str]], capsys: pytest.CaptureFixture[str], *more: str) -> str:
    """The one sentence that these entries end in."""
    _, arguments = outputs(folder / "out")
    listed = write_entries(folder / "out", lines)
    assert layer.main(["build", "--name", "odd", *arguments, "--entries", listed, *more]) == 1
    error = capsys.readouterr().err
    assert error.startswith("layer odd: ")
    assert error.count("\n") == 1
    return error


def peak_megabytes(folder: Path, lines: list[list[str]]) -> tuple[int, Built]:
    """Of a process that does nothing else. (getrusage counts what its parent had when it forked.)"""
    built, arguments = outputs(folder)
    command = ["build", "--name", "big", *arguments, "--entries", write_entries(folder, lines)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    result = subprocess.run([sys.executable, "-c", PROGRAM, *command], capture_output=True, text=True, env=environment)
    assert result.returncode == 0, result.stderr
    return int(result.stdout), built


def test_ten_thousand_small_files(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    lines = []
    for number in range(10_000):
        path = tmp_path / "in" / f"{number}"
        path.write_text(f"{number}\n" * 9)
        lines.append([f"app/data/{number % 100}/{number}.txt", str(path)])
    peak, built = peak_megabytes(tmp_path / "out", lines)
    assert peak <= 100
    assert built.metadata.entries == 10_000 + 102
    assert built.unpack(tmp_path / "gnu")["app/data/42/9942.txt"] == ("file", 0o644, (b"9942\n" * 9).hex())


def test_a_sparse_file_of_2_gb_needs_little_memory(tmp_path: Path) -> None:
    with open(tmp_path / "big", "wb") as file:
        file.truncate(2 << 30)
        file.seek(1 << 30)
        file.write(os.urandom(8 << 20))
    peak, built = peak_megabytes(tmp_path / "out", [["app/big", str(tmp_path / "big")]])
    assert peak <= 100
    assert built.metadata.unpacked == 2 << 30
    assert 8 << 20 < built.metadata.size < 20 << 20


def test_a_missing_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "gone cannot be read: No such file" in refusal(tmp_path, [["a", str(tmp_path / "gone")]], capsys)


def test_a_folder_given_as_a_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "is a folder: list its files" in refusal(tmp_path, [["a", str(tmp_path)]], capsys)


def test_a_pipe_given_as_a_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert "is no regular file" in refusal(tmp_path, [["a", str(tmp_path / "pipe")]], capsys)


@pytest.mark.parametrize("kind", ["file", "data"])
def test_a_symlink_loop_on_disk(tmp_path: Path, kind: str, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "one").symlink_to("two")
    (tmp_path / "two").symlink_to("one")
    assert "one is a symlink loop" in refusal(tmp_path, [["a", str(tmp_path / "one"), kind]], capsys)


def test_a_dangling_symlink_given_as_a_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "one").symlink_to("nothing")
    assert "is a symlink to 'nothing', which does not exist" in refusal(
        tmp_path, [["a", str(tmp_path / "one")]], capsys
    )


def test_an_absolute_symlink_in_data(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "one").symlink_to("/etc/hostname")
    error = refusal(tmp_path, [["a", str(tmp_path / "one"), "data"]], capsys)
    assert "one is an absolute symlink to '/etc/hostname'" in error


def test_an_absolute_symlink_in_a_tree(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "one").symlink_to("/etc/hostname")
    error = refusal(tmp_path, [["app/data", str(tmp_path / "in"), "tree"]], capsys)
    assert "'app/data/one' is an absolute symlink to '/etc/hostname'" in error


def test_bazels_own_absolute_links_are_followed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "real/pkg/folder").mkdir(parents=True)
    (tmp_path / "real/pkg/file").write_text("data")
    (tmp_path / "real/pkg/folder/inside").write_text("inside")
    (tmp_path / "sandbox/pkg").mkdir(parents=True)
    for name in ("file", "folder"):
        (tmp_path / "sandbox/pkg" / name).symlink_to(tmp_path / "real/pkg" / name)
    monkeypatch.chdir(tmp_path / "sandbox")
    built = build(tmp_path / "out", [["a", "pkg/file", "data"], ["b", "pkg/folder", "tree"]])
    assert [record.path for record in built.records] == ["b", "a", "b/inside"]


def test_a_tree_is_packed_as_a_cache_would_give_it_back(tmp_path: Path) -> None:
    """Bazel's caches drop empty folders, and may give files for links: a digest must not tell the difference."""
    (tmp_path / "in/empty").mkdir(parents=True)
    (tmp_path / "in/folder").mkdir()
    (tmp_path / "in/folder/file").write_text("data")
    (tmp_path / "in/link").symlink_to("folder/file")
    (tmp_path / "in/second").symlink_to("folder")
    found = build(tmp_path / "out", [["d", str(tmp_path / "in"), "tree"]]).unpack(tmp_path / "gnu")
    assert {path: kind for path, (kind, _, _) in found.items()} == {
        "d": "dir",
        "d/folder": "dir",
        "d/folder/file": "file",
        "d/link": "file",
        "d/second": "dir",
        "d/second/file": "file",
    }


@pytest.mark.parametrize(
    ("target", "sentence"),
    [
        ("..", "'d/link' is a symlink loop: '..' is the folder that it is in, or one above"),
        (".", "'d/link' is a symlink loop: '.' is the folder that it is in, or one above"),
        ("../beside", "'d/link' is a symlink to '../beside', which is outside its folder"),
        ("folder/up", "'d/folder/up' is a symlink loop: '../folder' is the folder that it is in, or one above"),
        ("nowhere", "link is a symlink to 'nowhere', which does not exist"),
        ("link", "link is a symlink loop"),
    ],
)
def test_links_that_a_tree_cannot_have(
    tmp_path: Path, target: str, sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "in/folder").mkdir(parents=True)
    (tmp_path / "in/link").symlink_to(target)
    if target == "folder/up":
        (tmp_path / "in/folder/up").symlink_to("../folder")
    assert sentence in refusal(tmp_path, [["d", str(tmp_path / "in"), "tree"]], capsys)


@pytest.mark.parametrize(
    ("lines", "sentence"),
    [
        ([["a", "/b", "symlink"]], "'a' is an absolute symlink to '/b'"),
        ([["a", "b", "symlink"], ["b", "a", "symlink"]], "'a' is a symlink loop: 'a' -> 'b' -> 'a'"),
        ([["a", "a", "symlink"]], "'a' is a symlink loop"),
        ([["a/b", "../../c", "symlink"]], "is outside the image"),
        ([["a", "b", "hardlink"]], "which is no file of this layer"),
        ([["a", "", "empty"], ["a/b", "", "empty"]], "'a' is no folder in this layer (its kind is empty)"),
        ([["a", "x", "symlink"], ["a", "y", "symlink"]], "Two inputs want to be 'a'"),
        ([["a/../b", "", "empty"]], "cannot be a path in an image"),
        ([["", "", "empty"]], "cannot be a path in an image"),
        ([["a//b", "", "empty"]], "cannot be a path in an image"),
        ([["a/", "", "empty"]], "cannot be a path in an image"),
        ([["a\0b", "", "empty"]], "cannot be a path in an image"),
        ([["a/.wh.b", "", "empty"]], "a runtime deletes"),
        ([["a\udcff", "", "empty"]], "is no UTF-8 text"),
        ([["a", "b", "door"]], "is no entry: kinds are"),
        ([["a", "b", "file", "0777"]], "is no entry: kinds are"),
        ([["a"]], "is no entry: expected"),
    ],
)
def test_entries_that_cannot_be(
    tmp_path: Path, lines: list[list[str]], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert sentence in refusal(tmp_path, lines, capsys)


@pytest.mark.parametrize("line", ["no json", "{}", "7", '[1, "b"]', '["a", "b", []]', '"ab"', "null"])
def test_lines_that_are_no_entries(tmp_path: Path, line: str, capsys: pytest.CaptureFixture[str]) -> None:
    _, arguments = outputs(tmp_path)
    (tmp_path / "entries").write_text(line + "\n")
    assert layer.main(["build", "--name", "odd", *arguments, "--entries", str(tmp_path / "entries")]) == 1
    assert "is no entry: expected" in capsys.readouterr().err


@pytest.mark.parametrize("encoding", ["utf-8", "latin-1"])
def test_names_are_what_they_are_on_disk_whatever_bazel_writes(tmp_path: Path, encoding: str) -> None:
    made, arguments = outputs(tmp_path)
    names = ["größe.txt", "a blank", "next\x85line"]
    lines = "".join(json.dumps([name, "", "empty"], ensure_ascii=False) + "\n" for name in names)
    (tmp_path / "entries").write_bytes(lines.encode(encoding))
    assert layer.main(["build", "--name", "odd", *arguments, "--entries", str(tmp_path / "entries")]) == 0
    assert [record.path for record in made.records] == sorted(names)


def test_a_dangling_or_deep_link_is_kept(tmp_path: Path) -> None:
    built = build(tmp_path / "out", [["a/b", "../usr/bin/python3", "symlink"], ["a/c", "b", "symlink"]])
    assert [record.target for record in built.records] == ["", "../usr/bin/python3", "b"]


def test_one_file_listed_twice_is_there_once(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).write_text("the same")
    built = build(tmp_path / "out", [["a", str(tmp_path / "one")], ["a", str(tmp_path / "two")]])
    assert built.metadata.entries == 1


def test_two_files_for_one_path(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("one", "two"):
        (tmp_path / name).write_text(name)
    error = refusal(tmp_path, [["a", str(tmp_path / "one")], ["a", str(tmp_path / "two")]], capsys)
    assert f"{str(tmp_path / 'one')!r} and {str(tmp_path / 'two')!r}, which differ" in error


def test_a_file_that_grows_shrinks_or_is_written_to(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"12345678")
    source = Source(str(path))
    path.write_bytes(b"1234")
    with pytest.raises(ChangedWhileRead):
        source.read(8, 0)
    source.close(check=False)
    for change in (lambda: path.write_bytes(b"123456"), lambda: os.utime(path, ns=(1, 1))):
        source = Source(str(path))
        assert source.read(4, 0) == b"1234"
        change()
        with pytest.raises(ChangedWhileRead):
            source.close()


def append_meanwhile(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody writes to the file each time that a header is made."""
    header = building.tar.header

    def write_meanwhile(*arguments: object, **more: object) -> bytes:
        with open(path, "ab") as file:
            file.write(b"more")
        return header(*arguments, **more)

    monkeypatch.setattr(building.tar, "header", write_meanwhile)


@pytest.mark.parametrize("size", [(1 << 20) + 1, 3 << 20])
def test_a_large_file_that_changes_in_the_middle_of_a_build(
    tmp_path: Path, size: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "file"
    path.write_bytes(bytes(size))
    append_meanwhile(path, monkeypatch)
    assert "file changed while it was read" in refusal(tmp_path, [["a", str(path)]], capsys)


@pytest.mark.parametrize("size", [0, 1000, 1 << 20])
def test_a_small_file_is_what_it_was_when_it_was_read(
    tmp_path: Path, size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"x" * size)
    append_meanwhile(path, monkeypatch)
    built = build(tmp_path / "out", [["a", str(path)]])
    assert built.unpack(tmp_path / "gnu")["a"][2] == (b"x" * size).hex()


def test_a_full_disk(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").write_bytes(os.urandom(3 << 20))
    listed = write_entries(tmp_path, [["a", str(tmp_path / "file")]])
    _, arguments = outputs(tmp_path)
    assert layer.main(["build", "--name", "odd", *arguments, "--blob", "/dev/full", "--entries", listed]) == 1
    assert capsys.readouterr().err == "layer odd: /dev/full: No space left on device.\n"


def test_arguments_may_come_from_a_file(tmp_path: Path) -> None:
    built, arguments = outputs(tmp_path)
    entries = write_entries(tmp_path, [["a", "", "empty"]])
    (tmp_path / "params").write_text("\n".join(["--name", "with a blank", *arguments, "--entries", entries]) + "\n")
    assert layer.main(["build", f"@{tmp_path / 'params'}"]) == 0
    assert built.metadata.name == "with a blank"
