"""A wheel is the same bytes from the same files, and says what cannot be made into one."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from packaging.metadata import Metadata

from tools.wheel.make_wheel import About, Refusal, metadata, version_in

MAKER = Path(__file__).parents[1] / "make_wheel.py"
ABOUT = (
    '{"name": "two-words", "summary": "One line.", "license": "MIT", "python": ">=3.9", "requires": ["b>=2"], '
    '"extras": {"y": ["d"], "x": ["c>=1; os_name == \'nt\'"]}, "commands": {"two": "two_words.cli:main"}}'
)
SOURCES = {"version.py": '__version__ = "1.5"\n', "readme.md": "# Über\n\nFrom: nobody\n", "LICENSE": "Do.\n"}


def make(folder: Path, *files: str) -> subprocess.CompletedProcess[str]:
    for name, text in SOURCES.items():
        if not (folder / name).exists():
            (folder / name).write_text(text, encoding="utf-8")
    command = [sys.executable, str(MAKER), "--out=out", f"--about={ABOUT}", "--version=version.py"]
    command += ["--readme=readme.md", "--license=LICENSE", *files]
    return subprocess.run(command, cwd=folder, text=True, capture_output=True, timeout=60)


def made(folder: Path, order: list[str], mode: int, seconds: int) -> bytes:
    folder.mkdir()
    for name in order:
        (folder / name).write_text(f"# {name}\n" * 1000)
        (folder / name).chmod(mode)
        os.utime(folder / name, (seconds, seconds))
    done = make(folder, *(f"two_words/{name}={name}" for name in order))
    assert (done.returncode, done.stderr) == (0, "")
    return (folder / "out/two_words-1.5-py3-none-any.whl").read_bytes()


def test_order_modes_times_and_folders_do_not_matter(tmp_path: Path) -> None:
    first = made(tmp_path / "first", ["a.py", "b.py"], 0o644, 1_000_000_000)
    assert first == made(tmp_path / "second", ["b.py", "a.py"], 0o755, 1_500_000_000)


def test_contents(tmp_path: Path) -> None:
    made(tmp_path / "it", ["b.py", "a.py"], 0o600, 0)
    with zipfile.ZipFile(tmp_path / "it/out/two_words-1.5-py3-none-any.whl") as archive:
        info = "two_words-1.5.dist-info"
        assert archive.namelist() == [
            "two_words/a.py",
            "two_words/b.py",
            *(f"{info}/{name}" for name in ("METADATA", "WHEEL", "entry_points.txt", "licenses/LICENSE", "RECORD")),
        ]
        assert archive.read("two_words/a.py") == b"# a.py\n" * 1000
        assert archive.read(f"{info}/entry_points.txt") == b"[console_scripts]\ntwo = two_words.cli:main\n"
        assert {entry.external_attr >> 16 for entry in archive.infolist()} == {0o100644}


def test_metadata_is_valid() -> None:
    about = About("two-words", "1.5", "One line.", "MIT", ">=3.9", ["b>=2"], {"y": ["d"], "x": ["c"]}, {})
    read = Metadata.from_email(metadata(about, SOURCES["readme.md"]), validate=True)
    assert read.description == SOURCES["readme.md"]
    assert read.provides_extra == ["x", "y"]
    assert [str(each) for each in read.requires_dist or ()] == ["b>=2", 'c; extra == "x"', 'd; extra == "y"']


@pytest.mark.parametrize("source", ["", "__version__ = 1", "if True:\n    __version__ = '1'", "version = '1'"])
def test_a_module_without_a_version(source: str) -> None:
    with pytest.raises(Refusal, match=r'version.py has no line __version__ = "…" at its top level'):
        version_in(source, "version.py")


def test_the_command_says_so(tmp_path: Path) -> None:
    (tmp_path / "version.py").write_text("VERSION = '1'\n")
    (tmp_path / "a.py").touch()
    done = make(tmp_path, "two_words/a.py=a.py")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("wheel: version.py has no line __version__")
