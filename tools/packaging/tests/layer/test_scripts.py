"""Console scripts and what else a wheel installs beside its modules; what it says it runs on."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from image_tools.layer import gzip_members, layer
from tools.packaging.tests.layer.testing import Built, build, join, outputs, write_entries

SITE = "app/site-packages"
FOLDERS = ("--root", SITE, "--scripts", "app/bin", "--prefix", "app")
INFO = "tool-1.dist-info"


def lay_out(folder: Path, files: dict[str, str | bytes]) -> list[list[str]]:
    """The entries of an installed wheel; what is under bin/ is where rules_python 2 puts scripts."""
    lines = []
    for name, data in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data if isinstance(data, bytes) else data.encode())
        lines.append([f"app/{name}" if name.startswith("bin/") else f"{SITE}/{name}", str(path)])
    return lines


def installed(folder: Path, files: dict[str, str | bytes], *more: str, name: str = "tool") -> Built:
    return build(folder / f"{name} out", lay_out(folder / name, files), *FOLDERS, *more, name=name)


def with_entry_points(text: str) -> dict[str, str | bytes]:
    return {"tool/__init__.py": "", f"{INFO}/entry_points.txt": text}


def scripts(folder: Path, built: Built) -> dict[str, tuple[int, str]]:
    """Mode and text of everything in app/bin."""
    unpacked = built.unpack(folder / "unpacked")
    inside = {path.removeprefix("app/bin/"): what for path, what in unpacked.items() if path.startswith("app/bin/")}
    return {name: (mode, bytes.fromhex(content).decode()) for name, (_, mode, content) in inside.items()}


def test_entry_points_become_scripts(tmp_path: Path) -> None:
    built = installed(
        tmp_path,
        with_entry_points(
            "[console_scripts]\ntool = tool.cli:main\n\n# not = this:one\n; nor = that:one\n"
            "[tool.plugins]\nodd = any thing\n[gui_scripts]\nwindow=tool.gui : Window.open  [extra, more]\n"
        ),
    )
    found = scripts(tmp_path, built)
    assert {name: mode for name, (mode, _) in found.items()} == {"tool": 0o755, "window": 0o755}
    assert found["tool"][1] == (
        '#!/usr/bin/env python3\nfrom tool.cli import main\n\nif __name__ == "__main__":\n    raise SystemExit(main())\n'
    )
    assert "from tool.gui import Window\n" in found["window"][1]
    assert "raise SystemExit(Window.open())" in found["window"][1]


def test_a_script_runs_with_its_arguments_and_its_exit_code(tmp_path: Path) -> None:
    files = with_entry_points("[console_scripts]\ntool = tool:Program.main\n")
    files["tool/__init__.py"] = (
        "import sys\nclass Program:\n    def main():\n        print(sys.argv[1:])\n        return 7\n"
    )
    installed(tmp_path, files).unpack(tmp_path / "root")
    environment = {**os.environ, "PYTHONPATH": str(tmp_path / "root" / SITE)}
    environment["PATH"] = f"{Path(sys.executable).parent}:{environment['PATH']}"
    command = [str(tmp_path / "root/app/bin/tool"), "a b", "--c"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (7, "['a b', '--c']\n", "")


@pytest.mark.parametrize(
    "line",
    ["tool = tool.cli", "tool", "tool = ", "tool = tool:a b", "tool = tool.:main", "tool = 1:2", "tool = tool:main:x"],
)
def test_an_entry_point_that_pip_refuses(tmp_path: Path, line: str, capsys: pytest.CaptureFixture[str]) -> None:
    error = refusal(tmp_path, with_entry_points(f"[console_scripts]\n{line}\n"), capsys)
    assert f"entry_points.txt: {line.strip()!r} is no script: expected `name = module:function`" in error


@pytest.mark.parametrize("name", ["../tool", "a/b", "..", ""])
def test_a_script_name_that_is_none(tmp_path: Path, name: str, capsys: pytest.CaptureFixture[str]) -> None:
    error = refusal(tmp_path, with_entry_points(f"[console_scripts]\n{name} = tool:main\n"), capsys)
    assert "declares a script whose name is no name of a file" in error


def test_entry_points_that_are_no_text(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    error = refusal(tmp_path, {f"{INFO}/entry_points.txt": b"[console_scripts]\n\xff = a:b\n"}, capsys)
    assert "is no UTF-8 text: the wheel is damaged" in error


def test_of_two_entry_points_of_one_name_the_last_counts(tmp_path: Path) -> None:
    text = "[console_scripts]\ntool = tool:one\ntool = tool:two\n"
    found = scripts(tmp_path, installed(tmp_path, with_entry_points(text)))
    assert list(found) == ["tool"]
    assert "import two" in found["tool"][1]


def test_a_package_that_bundles_others_has_only_its_own_scripts(tmp_path: Path) -> None:
    files: dict[str, str | bytes] = {
        "tool/_vendor/other-1.dist-info/entry_points.txt": "[console_scripts]\nother = other:main\n",
        "tool/_vendor/other-1.dist-info/WHEEL": "Tag: other\n",
    }
    built = installed(tmp_path, files)
    assert scripts(tmp_path, built) == {}
    assert built.metadata.tags == ()


def test_a_listed_script_of_an_entry_point_is_there_once(tmp_path: Path) -> None:
    files = with_entry_points("[console_scripts]\ntool = tool:main\n")
    plain = installed(tmp_path, files)
    twice = installed(tmp_path / "2", {**files, "bin/tool": "#!/machine/python\nother\n"})
    assert scripts(tmp_path, plain) == scripts(tmp_path / "2", twice)
    assert plain.metadata.digest == twice.metadata.digest


@pytest.mark.parametrize("first", ["#!python", "#!pythonw", "#!python -E", "#!/dev/null", "#!python\r"])
def test_a_listed_script_without_an_interpreter_gets_one(tmp_path: Path, first: str) -> None:
    found = scripts(tmp_path, installed(tmp_path, {"bin/own": f"{first}\nprint(1)\n"}))
    assert found == {"own": (0o755, "#!/usr/bin/env python3\nprint(1)\n")}


def test_a_listed_script_that_says_how_it_runs_is_kept(tmp_path: Path) -> None:
    files: dict[str, str | bytes] = {
        "bin/a": "#!/bin/sh\n",
        "bin/b": "no first line",
        "bin/c": "#!/usr/bin/env python3\n",
    }
    found = scripts(tmp_path, installed(tmp_path, files))
    assert found == {name.removeprefix("bin/"): (0o755, text) for name, text in files.items()}


def test_scripts_need_no_zlib(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = {"bin/own": "#!python\nprint(1)\n", f"{INFO}/entry_points.txt": "[console_scripts]\ntool = tool:main\n"}
    lines = lay_out(tmp_path / "site", dict(files))
    wheel = pack(tmp_path / "tool.whl", {f"{INFO}/entry_points.txt": files[f"{INFO}/entry_points.txt"]})
    monkeypatch.setattr(gzip_members, "_compressed", lambda data: pytest.fail("zlib was used"))
    built = build(tmp_path / "out", lines, *FOLDERS, "--wheel", str(wheel))
    assert sorted(scripts(tmp_path, built)) == ["own", "tool"]


def test_two_wheels_with_different_scripts_of_one_name(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pieces = [
        installed(
            tmp_path, {f"{name}-1.dist-info/entry_points.txt": f"[console_scripts]\nrun = {name}:main\n"}, name=name
        )
        for name in ("alpha", "omega")
    ]
    _, arguments = outputs(tmp_path / "bin")
    assert layer.main(["bin", "--name", "b", *arguments, *(part for piece in pieces for part in piece.piece)]) == 1
    assert "alpha and omega both write app/bin/run, and differ" in capsys.readouterr().err


def test_the_tags_of_a_wheel(tmp_path: Path) -> None:
    text = "Wheel-Version: 1.0\nTag: cp311-cp311-manylinux_2_17_x86_64\nTag:cp311-cp311-manylinux2014_x86_64\n"
    built = installed(tmp_path, {f"{INFO}/WHEEL": text})
    assert built.metadata.tags == ("cp311-cp311-manylinux_2_17_x86_64", "cp311-cp311-manylinux2014_x86_64")
    assert join(tmp_path / "bin", [built]).metadata.tags == ()


def test_files_that_are_no_wheel_have_no_tags(tmp_path: Path) -> None:
    assert build(tmp_path / "out", lay_out(tmp_path / "site", {f"{INFO}/WHEEL": "Tag: a\n"})).metadata.tags == ()


ELF = b"\x7fELF" + bytes(range(256)) * 100
PUBLISHED: dict[str, str | bytes] = {
    "tool/__init__.py": "x = 1\n",
    f"{INFO}/entry_points.txt": "[console_scripts]\ntool = tool:main\n",
    "tool-1.data/scripts/native": ELF,
    "tool-1.data/scripts/script": "#!python\nprint(1)\n",
    "tool-1.data/scripts/tool": "an entry point of the same name counts more",
    "tool-1.data/data/etc/tool/settings.json": "{}\n" * 50,
    "tool-1.data/headers/tool.h": "int x;\n",
}


def pack(path: Path, files: dict[str, str | bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
        archive.writestr("tool-1.data/data/share/", b"")
    return path


def test_a_declared_wheel_brings_its_scripts_and_data(tmp_path: Path) -> None:
    modules = {name: data for name, data in PUBLISHED.items() if ".data/" not in name}
    built = installed(tmp_path, modules, "--wheel", str(pack(tmp_path / "tool.whl", PUBLISHED)))
    unpacked = built.unpack(tmp_path / "root")
    files = {path: content for path, (kind, _, content) in unpacked.items() if kind == "file"}
    assert sorted(files) == [
        "app/bin/native",
        "app/bin/script",
        "app/bin/tool",
        "app/etc/tool/settings.json",
        f"{SITE}/{INFO}/entry_points.txt",
        f"{SITE}/tool/__init__.py",
    ]
    assert bytes.fromhex(files["app/bin/native"]) == ELF
    assert bytes.fromhex(files["app/bin/script"]) == b"#!/usr/bin/env python3\nprint(1)\n"
    assert b"from tool import main" in bytes.fromhex(files["app/bin/tool"])
    assert unpacked["app/bin/native"][1] == 0o755
    assert (built.metadata.copied, built.metadata.compressed) == (4, 0)


def test_what_a_rule_lists_counts_more_than_the_wheel(tmp_path: Path) -> None:
    (tmp_path / "patched").write_text("patched\n")
    lines = [["app/etc/tool/settings.json", str(tmp_path / "patched")]]
    wheel = pack(tmp_path / "tool.whl", PUBLISHED)
    unpacked = build(tmp_path / "out", lines, *FOLDERS, "--wheel", str(wheel)).unpack(tmp_path / "root")
    assert unpacked["app/etc/tool/settings.json"][2] == b"patched\n".hex()


def test_a_wheel_whose_data_leaves_the_image(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    wheel = pack(tmp_path / "tool.whl", {"tool-1.data/data/../../etc/passwd": "root"})
    assert "cannot be a path in an image" in refusal(tmp_path, {}, capsys, "--wheel", str(wheel))


def test_a_damaged_member(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    wheel = pack(tmp_path / "tool.whl", {"tool-1.data/scripts/script": os.urandom(3000)})
    data = bytearray(wheel.read_bytes())
    data[1000] ^= 1
    wheel.write_bytes(data)
    error = refusal(tmp_path, {}, capsys, "--wheel", str(wheel))
    assert "tool.whl: tool-1.data/scripts/script cannot be unpacked" in error


def test_folders_of_a_wheel_need_a_root(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _, arguments = outputs(tmp_path)
    assert layer.main(["build", "--name", "tool", *arguments, "--scripts", "app/bin"]) == 1
    assert "--scripts and --prefix need --root" in capsys.readouterr().err


def refusal(folder: Path, files: dict[str, str | bytes], capsys: pytest.CaptureFixture[str], *more: str) -> str:
    """The one sentence that this wheel ends in."""
    _, arguments = outputs(folder / "out")
    listed = write_entries(folder / "out", lay_out(folder / "site", files))
    assert layer.main(["build", "--name", "tool", *arguments, "--entries", listed, *FOLDERS, *more]) == 1
    error = capsys.readouterr().err
    assert error.startswith("layer tool: ")
    assert error.count("\n") == 1
    return error
