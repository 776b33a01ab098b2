"""Containers for tests: what they pass on, and that nothing of them stays."""

from __future__ import annotations

import io
import os
import shutil
import signal
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from tools.testing import containers
from tools.testing.containerd import Containerd
from tools.testing.images import Image, apply, resolve
from tools.testing.listing import listing


@pytest.fixture
def image(tmp_path: Path) -> Image:
    """The machine's own shell and its libraries."""
    root = tmp_path / "root"
    said = subprocess.run(["ldd", "/bin/sh", "/bin/sleep"], check=True, capture_output=True, text=True).stdout
    libraries = {word for word in said.split() if word.startswith("/") and not word.endswith(":")}
    for file in ("/bin/sh", "/bin/sleep", *libraries):
        (root / file[1:]).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(os.path.realpath(file), root / file[1:])
    (root / "tmp").mkdir(mode=0o777)
    (root / "tmp").chmod(0o777)
    return Image(root, {"config": {"Env": ["PATH=/bin", "A=image", "B=image"], "WorkingDir": "/tmp", "User": "1000:7"}})


def mounts() -> str:
    return Path("/proc/self/mountinfo").read_text()


def test_it_is_run_as_the_image_says(image: Image) -> None:
    result = containers.run(
        image, ["sh", "-c", 'echo "$A $B $PWD"; while read l; do echo "$l"; done </proc/self/status'], {"B": "given"}
    )
    first, *status = result.out.splitlines()
    assert first == "image given /tmp"
    assert "Uid:\t1000\t1000\t1000\t1000" in status
    assert "Gid:\t7\t7\t7\t7" in status


def test_exit_codes_signals_and_commands_that_are_not_there(image: Image) -> None:
    assert containers.run(image, ["sh", "-c", "exit 41"]).code == 41
    assert containers.run(image, ["sh", "-c", "sh -c 'kill -9 $$'"]).code == 128 + signal.SIGKILL
    assert "no-such" in containers.run(image, ["/bin/no-such"]).err


def test_nothing_stays(image: Image) -> None:
    """Of a process that goes on in the background too: what a container leaves would be an error."""
    before = mounts()
    assert containers.run(image, ["sh", "-c", "sleep 1000 & exit 0"]) == containers.Result(0, "", "")
    with Containerd():
        pass
    assert mounts() == before


def test_nothing_stays_of_one_that_is_interrupted(image: Image, tmp_path: Path) -> None:
    program = (
        "import sys\n"
        "from pathlib import Path\n"
        "from tools.testing import containers\n"
        "from tools.testing.images import Image\n"
        "containers.run(Image(Path(sys.argv[1]), {}), ['sleep', '1000'])\n"
    )
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    path = os.pathsep.join(path for path in sys.path if path)
    process = subprocess.Popen(
        [sys.executable, "-c", program, str(image.root)],
        env={**os.environ, "PYTHONPATH": path, "TMPDIR": str(scratch)},
        stderr=subprocess.PIPE,
    )
    while not (made := [*scratch.glob("sematic-test-*")]) or not containers.cgroups(made[0].name):
        assert process.poll() is None
    process.send_signal(signal.SIGINT)
    assert process.communicate()[1].endswith(b"KeyboardInterrupt\n")
    containers.check_nothing_left(made[0].name)
    assert [*scratch.iterdir()] == []


def test_what_is_left_over_is_told() -> None:
    name = f"sematic-test-left-{os.getpid()}"
    group = next(path for path in (containers.CGROUPS / "pids", containers.CGROUPS) if path.is_dir()) / name
    group.mkdir()
    with pytest.raises(containers.LeftOver, match=f"there is still: {group}"):
        containers.check_nothing_left(name)
    containers.remove_cgroups(name)
    process = subprocess.Popen(["sh", "-c", "read line", name], stdin=subprocess.PIPE)
    with pytest.raises(containers.LeftOver, match=f"process {process.pid}"):
        containers.check_nothing_left(name)
    process.communicate()
    containers.check_nothing_left(name)


# The applier


def layer(path: Path, *members: tuple[str, bytes, str]) -> Path:
    """Of (name, type, link or content)."""
    with tarfile.open(path, "w") as archive:
        for name, kind, text in members:
            member = tarfile.TarInfo(name)
            member.type, member.mode = kind, 0o755 if kind == tarfile.DIRTYPE else 0o644
            member.linkname = "" if kind == tarfile.REGTYPE else text
            member.size = len(text) if kind == tarfile.REGTYPE else 0
            archive.addfile(member, io.BytesIO(text.encode()))
    return path


def test_a_layer_over_another(tmp_path: Path) -> None:
    root = tmp_path / "root"
    root.mkdir()
    file, folder, link = tarfile.REGTYPE, tarfile.DIRTYPE, tarfile.SYMTYPE
    below = [("./", folder, ""), ("./a/", folder, ""), ("a/file", file, "1"), ("a/gone", file, "1"), ("l", link, "/a")]
    apply(layer(tmp_path / "below", *below, ("was", link, "a"), ("b/one", file, "1")), root)
    above = [("a/.wh.gone", file, ""), ("was", folder, ""), ("b/.wh..wh..opq", file, ""), ("b/two", file, "2")]
    apply(layer(tmp_path / "above", *above, ("l/by link", file, "3"), ("same", tarfile.LNKTYPE, "a/file")), root)
    found = listing(root)
    assert {path: entry.kind for path, entry in found.items() if entry.kind != "file"} == {
        "a": "dir",
        "b": "dir",
        "l": "symlink",
        "was": "dir",
    }
    assert {path: (root / path).read_text() for path, entry in found.items() if entry.kind == "file"} == {
        "a/by link": "3",
        "a/file": "1",
        "b/two": "2",
        "same": "1",
    }
    assert found["same"].links == 2


@pytest.mark.parametrize(
    ("path", "leads_to"),
    [
        ("up", ""),
        ("absolute", "etc"),
        ("absolute/../x", "x"),
        ("../../etc", "etc"),
        ("via/x", "etc/x"),
        ("./a//b", "a/b"),
    ],
)
def test_links_never_lead_out_of_the_root(tmp_path: Path, path: str, leads_to: str) -> None:
    (tmp_path / "etc").mkdir()
    (tmp_path / "up").symlink_to("../../..")
    (tmp_path / "absolute").symlink_to("/etc")
    (tmp_path / "via").symlink_to("absolute")
    assert resolve(tmp_path, path) == tmp_path / leads_to


def test_links_in_a_circle(tmp_path: Path) -> None:
    (tmp_path / "one").symlink_to("two")
    (tmp_path / "two").symlink_to("one")
    with pytest.raises(AssertionError, match="in a circle"):
        resolve(tmp_path, "one")
