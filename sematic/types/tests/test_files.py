from __future__ import annotations

import json
import os
import socket
import stat
import tracemalloc
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sematic import Directory, File
from sematic.errors import ArtifactError, ConversionError, EncodingError
from sematic.storage.local import LocalStore
from sematic.types import scratch, trees
from sematic.types.artifact import MemoryStore, encode, load
from sematic.types.registry import flows, of
from sematic.types.tests.elsewhere import there_and_back
from sematic.types.tests.helpers import DictStore, loaded, round_trip, stored

LARGE = 200_000


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    root = tmp_path / "data"
    (root / "sub" / "deeper").mkdir(parents=True)
    (root / "empty").mkdir()
    (root / "a.txt").write_text("hällo")
    (root / "sub" / "large").write_bytes(os.urandom(LARGE))
    (root / "sub" / "run.sh").write_text("echo")
    (root / "sub" / "run.sh").chmod(0o750)
    (root / "nothing").touch()
    (root / "sub" / "deeper" / "link").symlink_to("../../a.txt")
    (root / "dangling").symlink_to("sub/not there")
    (root / os.fsdecode(b"odd\xff\n")).write_text("odd")
    return root


def listing(root: Path) -> dict[str, Any]:
    return {str(path.relative_to(root)): _facts(path) for path in [root, *sorted(root.rglob("*"))]}


def _facts(path: Path) -> Any:
    if path.is_symlink():
        return os.readlink(path)
    mode = stat.S_IMODE(path.stat().st_mode)
    return (mode, path.read_bytes()) if path.is_file() else mode


def test_a_file_comes_back_with_name_mode_and_bytes(folder: Path) -> None:
    for path in (folder / "a.txt", folder / "sub" / "large", folder / "sub" / "run.sh", folder / "nothing"):
        given = File(path)
        found = round_trip(File, given)
        assert found == given
        assert (found.name, found.size) == (path.name, path.stat().st_size)
        assert found.read_bytes() == path.read_bytes()
        assert found.path != path
        assert _facts(found.path) == _facts(path)
        assert Path(os.fspath(found)) == found.path
        with open(found, "rb") as file:
            assert file.read() == path.read_bytes()
        assert round_trip(File, found) == given


def test_a_directory_comes_back_with_all_that_is_in_it(folder: Path) -> None:
    given = Directory(folder)
    found = round_trip(Directory, given)
    assert found == given
    assert found.name == "data"
    assert listing(found.path) == listing(folder)
    assert found == given
    assert (found / "a.txt").read_text() == "hällo"
    assert round_trip(Directory, found) == given


def test_folders_that_may_not_be_written_come_back_and_go_away(tmp_path: Path) -> None:
    root = tmp_path / "ro"
    (root / "inner").mkdir(parents=True)
    (root / "inner" / "file").touch(0o400)
    for path in (root / "inner", root):
        path.chmod(0o500)
    with scratch.of_run():
        found = round_trip(Directory, Directory(root)).path
        assert listing(found) == listing(root)
    assert not found.exists()
    for path in (root, root / "inner"):
        path.chmod(0o700)


def test_what_is_in_two_places_is_stored_once(folder: Path) -> None:
    store = DictStore()
    stored(Directory, Directory(folder), store)
    before = sum(map(len, store.blobs.values()))
    (folder / "sub" / "deeper" / "again").write_bytes((folder / "sub" / "large").read_bytes())
    stored(Directory, Directory(folder), store)
    stored(File, File(folder / "sub" / "large"), store)
    assert sum(map(len, store.blobs.values())) < before + 5_000


def test_many_small_files_are_few_artifacts(tmp_path: Path) -> None:
    for number in range(500):
        (tmp_path / str(number)).write_bytes(bytes(1000))
    artifact = encode(of(Directory), Directory(tmp_path), DictStore())
    assert len(artifact.children) == 1


def test_the_digest_is_that_of_names_modes_and_bytes(folder: Path) -> None:
    def digest() -> str:
        return stored(Directory, Directory(folder), DictStore()).id

    first = digest()
    os.utime(folder / "a.txt", (0, 0))
    assert digest() == first
    (folder / "a.txt").chmod(0o600)
    second = digest()
    assert second != first
    (folder / "a.txt").rename(folder / "b.txt")
    assert digest() not in (first, second)


def test_each_reader_has_its_own_copy(folder: Path) -> None:
    store = MemoryStore()
    artifact = encode(of(File), File(folder / "a.txt"), store)
    one, other = load(artifact, store), load(artifact, store)
    one.path.write_text("changed")
    assert other.read_bytes() == (folder / "a.txt").read_bytes()
    assert round_trip(File, one).read_bytes() == b"changed"


def test_nothing_is_on_the_disk_before_a_path_is_asked_for(folder: Path, tmp_path: Path, monkeypatch: Any) -> None:
    def new() -> Path:
        raise AssertionError("a folder was made")

    monkeypatch.setattr(scratch, "new", new)
    assert round_trip(Directory, round_trip(Directory, Directory(folder))) == Directory(folder)


def test_a_large_file_is_streamed(tmp_path: Path) -> None:
    path = tmp_path / "large"
    path.write_bytes(bytes(20_000_000))
    store = LocalStore(tmp_path / "store")
    tracemalloc.start()
    artifact = encode(of(File), File(path), store)
    found = load(artifact, store)
    assert found.path.stat().st_size == 20_000_000
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 4_000_000
    assert found.read_bytes() == path.read_bytes()


def test_what_is_neither_file_nor_folder_is_refused(tmp_path: Path) -> None:
    root = tmp_path / "odd"
    root.mkdir()
    with pytest.raises(ValueError, match="is not there, or is no file"):
        File(root)
    with pytest.raises(ValueError, match="is not there, or is no folder"):
        Directory(root / "missing")
    os.mkfifo(root / "pipe")
    with pytest.raises(EncodingError, match="pipe is neither a file nor a folder nor a link"):
        encode(of(Directory), Directory(root), DictStore())
    (root / "pipe").unlink()
    here = os.getcwd()
    os.chdir(root)
    with socket.socket(socket.AF_UNIX) as unix:
        unix.bind("socket")
    os.chdir(here)
    with pytest.raises(EncodingError, match="socket is neither"):
        encode(of(Directory), Directory(root), DictStore())


@pytest.mark.parametrize("target", ["/etc/passwd", "..", "../x", "sub/../../x", "sub/../y"])
def test_links_that_lead_out_are_refused(tmp_path: Path, target: str) -> None:
    (tmp_path / "link").symlink_to(target)
    with pytest.raises(EncodingError, match="leads out of the directory"):
        encode(of(Directory), Directory(tmp_path), DictStore())


def test_a_file_that_is_gone_or_changes_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(bytes(3_000_000))
    given = File(path)

    class Changing(DictStore):
        def write(self, chunks: Any) -> Any:
            chunks = iter(chunks)
            first = next(chunks)
            with path.open("ab") as file:
                file.write(b"more")
            return super().write([first, *chunks])

    with pytest.raises(EncodingError, match="was changed while it was being stored"):
        encode(of(File), given, Changing())
    path.unlink()
    with pytest.raises(EncodingError, match="cannot be stored: No such file"):
        encode(of(File), given, DictStore())


@pytest.mark.parametrize("value", ["a.txt", Path("a.txt"), 1, None])
def test_paths_are_no_files(value: Any) -> None:
    for annotation in (File, Directory):
        with pytest.raises(ConversionError, match=f"expected {annotation.__name__}"):
            of(annotation).convert(value)
    with pytest.raises(ConversionError, match=r"write sematic.File\(path\)"):
        of(File).convert(Path("a.txt"))
    assert not flows(of(Path), of(File))


def _file(name: str, mode: Any = 0o644) -> dict[str, Any]:
    return {"content": None, "mode": mode, "name": name}


TRICKS = ["", ".", "..", "/", "/etc/x", "a/b", "../x", "a\0", "a/"]


@pytest.mark.parametrize("name", TRICKS)
def test_names_that_are_paths_are_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / "name").write_text("x")
    payload = bytes(stored(File, File(tmp_path / "name"), DictStore()).blob.data or b"")
    assert loaded(File, payload, "composite").name == "name"
    with pytest.raises(ArtifactError):
        loaded(File, _renamed(payload, '"name":"name"', f'"name":{json.dumps(name)}'), "composite")


def _renamed(payload: bytes, old: str, new: str) -> bytes:
    header, _, rest = payload.partition(b"\n")
    facts = json.loads(header)
    assert old.encode() in rest
    facts["text"] += len(new) - len(old)
    return json.dumps(facts).encode() + b"\n" + rest.replace(old.encode(), new.encode(), 1)


@pytest.mark.parametrize(
    "entry",
    [
        *([name, "folder", 0o755] for name in TRICKS),
        ["x", "folder", 0o4755],
        ["x", "folder", -1],
        ["x", "folder", "7"],
        ["x", "link", ""],
        ["x", "link", "/etc"],
        ["x", "link", "../x"],
        ["x", "link", "a/../../x"],
        ["x", "file", 0o644, 1, None],
        ["x", "file", 0o644, 1 << 40, None],
        ["x", "file", 0o644, True, None],
        ["x", "device", 0],
        ["x"],
        None,
    ],
    ids=str,
)
def test_entries_that_would_write_elsewhere_are_refused(tmp_path: Path, entry: Any) -> None:
    (tmp_path / "e").mkdir(0o755)
    payload = bytes(stored(Directory, Directory(tmp_path), DictStore()).blob.data or b"")
    harmless = _renamed(payload, '["e","folder",493]', '["f","folder",448]')
    assert listing(loaded(Directory, harmless, "composite").path) == {".": _facts(tmp_path), "f": 0o700}
    with pytest.raises(ArtifactError):
        loaded(Directory, _renamed(payload, '["e","folder",493]', json.dumps(entry)), "composite")


def test_nothing_is_written_through_a_link() -> None:
    nodes = [trees.Node("l", 0, target="sub"), trees.Node("l/x", 0o644, 0, list)]
    with pytest.raises(ValueError, match="no path below a folder"):
        trees.check(nodes)
    with pytest.raises(ValueError, match="no path below a folder"):
        trees.check([trees.Node("a", 0o755), trees.Node("a", 0o755)])


NAMES = st.text(st.characters(exclude_characters="/\0", exclude_categories=["Cs"]), min_size=1, max_size=8)


@settings(deadline=None, suppress_health_check=list(HealthCheck), max_examples=25, derandomize=True)
@given(
    st.dictionaries(NAMES.filter(lambda name: name not in (".", "..")), st.binary(max_size=200) | st.none(), max_size=8)
)
def test_any_directory_comes_back_from_another_process(tmp_path_factory: Any, files: dict[str, bytes | None]) -> None:
    root = tmp_path_factory.mktemp("root")
    for name, data in files.items():
        (root / name).mkdir() if data is None else (root / name).write_bytes(data * 400)
    (found,) = there_and_back(Directory, [Directory(root)])
    assert found == Directory(root)
    assert type(found) is Directory


def test_summaries_are_small(folder: Path) -> None:
    assert of(File).summarise(File(folder / "a.txt")) == {"file": "a.txt", "length": 6, "mode": "0644", "head": "hällo"}
    assert "head" not in of(File).summarise(File(folder / "sub" / "large"))
    for number in range(1000):
        (folder / f"{number:x>200}").touch()
    summary = of(Directory).summarise(Directory(folder))
    assert (summary["length"], summary["bytes"]) == (1005, LARGE + 13)
    assert len(json.dumps(summary)) < 5_000


def test_a_run_leaves_no_folder() -> None:
    with scratch.of_run():
        inner = scratch.new()
        (inner / "file").touch()
        with scratch.of_run():
            assert scratch.new().parent != inner.parent
    assert not inner.parent.exists()
