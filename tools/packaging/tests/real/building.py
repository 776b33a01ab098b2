"""An image with everything odd in it, on a small base, by the programs that make images; and what should come of it."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import os
import platform
import posixpath
import shutil
import subprocess
import tarfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from image_tools.image import image
from tools.packaging.tests.layer.testing import Built, Line, build, join
from tools.packaging.tests.registry.layouts import index, keep
from tools.testing.listing import Entry, listing, sha256_of

ARCHITECTURE = {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())
ODD_NAMES = [
    "a blank",
    " blanks ",
    "new\nline",
    "tab\t",
    'quo"te',
    "apo'strophe",
    "back\\slash",
    "-dash",
    "*",
    "$HOME",
    "ünï-日本",
    "e\u0301",  # Not composed: no system may make one character of it.
    "UPPER",
    "upper",
    ".hidden",
    "x" * 255,
]
LONG_PATH = "/".join(["folder" * 8] * 12) + "/module.py"


def digest(data: bytes) -> str:
    return "sha256:" + hashlib.sha256(data).hexdigest()


# The base


def base(folder: Path) -> tuple[Path, dict[str, Entry]]:
    """A layout with a shell and little else, and what it unpacks to: its second layer takes back part of the first."""
    root = folder / "base-root"
    for file in ("/bin/sh", "/bin/cat", *_libraries("/bin/sh"), *_libraries("/bin/cat")):
        (root / file[1:]).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(os.path.realpath(file), root / file[1:])
    (root / "absolute").symlink_to("/etc")
    _write(root, {"etc/gone": "gone", "etc/kept": "kept", "etc/old/one": "1", "etc/changed": "below"})
    below = io.BytesIO()
    with tarfile.open(fileobj=below, mode="w") as archive:
        archive.add(root, arcname="./")
    (root / "etc/gone").unlink()
    (root / "etc/old/one").unlink()
    changes = {"etc/old/two": "2", "etc/changed": "above"}
    above = _archive({"etc/.wh.gone": "", "etc/old/.wh..wh..opq": "", **changes})
    _write(root, changes)
    return _layout(folder / "base", [below.getvalue(), above]), listing(root)


def _write(root: Path, files: dict[str, str]) -> None:
    for path, content in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(content)


def _libraries(program: str) -> list[str]:
    said = subprocess.run(["ldd", program], check=True, capture_output=True, text=True).stdout
    return [word for word in said.split() if word.startswith("/")]


def _archive(files: dict[str, str]) -> bytes:
    """Of files alone: a layer need not list the folders that it writes to."""
    written = io.BytesIO()
    with tarfile.open(fileobj=written, mode="w") as archive:
        for path, content in files.items():
            member = tarfile.TarInfo(path)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content.encode()))
    return written.getvalue()


def _layout(folder: Path, archives: list[bytes]) -> Path:
    layers = [gzip.compress(archive, 1) for archive in archives]
    config = json.dumps(
        {
            "architecture": ARCHITECTURE,
            "os": "linux",
            "config": {"Env": ["PATH=/bin", "FROM=base"]},
            "rootfs": {"type": "layers", "diff_ids": [digest(archive) for archive in archives]},
        }
    ).encode()
    kind = "application/vnd.oci.image"
    document: dict[str, Any] = {
        "schemaVersion": 2,
        "mediaType": f"{kind}.manifest.v1+json",
        "config": _described(f"{kind}.config.v1+json", config),
        "layers": [_described(f"{kind}.layer.v1.tar+gzip", layer) for layer in layers],
    }
    manifest = json.dumps(document).encode()
    for blob in (manifest, config, *layers):
        keep(folder, blob)
    index(folder, [_described(document["mediaType"], manifest)])
    return folder


def _described(media_type: str, data: bytes) -> dict[str, Any]:
    return {"mediaType": media_type, "digest": digest(data), "size": len(data)}


# The image on it


@dataclass(frozen=True)
class Made:
    """An image as a layout, the layers that are its own, and what it should unpack to."""

    layout: Path
    layers: list[Built]
    expected: dict[str, Entry]

    @property
    def digest(self) -> str:
        (entry,) = json.loads((self.layout / "index.json").read_bytes())["manifests"]
        return str(entry["digest"])


def make(folder: Path) -> Made:
    under, expected = base(folder)
    wheels = [_wheel(folder, name) for name in ("alpha", "omega")]
    small = join(folder / "small", [built for _, built in wheels], name="small-1")
    lines = _app(folder)
    app = build(folder / "app", lines, "--role", "app", name="app")
    expected |= _expected([*lines, *(line for listed, _ in wheels for line in listed)])
    layers = [*(built for _, built in wheels), small, app]
    return Made(_image(folder, under, layers), [small, app], expected)


def _wheel(folder: Path, name: str) -> tuple[list[Line], Built]:
    source = folder / "source" / f"{name}.py"
    source.parent.mkdir(exist_ok=True)
    source.write_text(f"name = {name!r}\n" * 500)
    lines: list[Line] = [[f"app/site-packages/{name}/__init__.py", str(source), "file", "0644"]]
    return lines, build(folder / name, lines, name=name)


def _app(folder: Path) -> list[Line]:
    source = folder / "source"
    (source / "large").write_bytes(hashlib.shake_128(b"large").digest(24 << 20) + bytes(8 << 20))
    lines: list[Line] = []
    for number, name in enumerate([*ODD_NAMES, LONG_PATH]):
        (source / f"{number}").write_text(f"{number} {name}")
        lines.append([f"app/src/odd/{name}", str(source / f"{number}"), "file", ("0644", "0755")[number % 2]])
    return [
        *lines,
        ["app/src/large", str(source / "large"), "file", "0644"],
        ["app/src/pkg/__init__.py", "", "empty", "0644"],
        ["app/src/nothing in it", "", "dir"],
        ["app/bin/run", "../src/odd/a blank", "symlink"],
        ["app/bin/kept", "../../etc/kept", "symlink"],
        ["app/bin/nowhere", "no/such/" + "t" * 200, "symlink"],
        ["app/bin/folder", "../src", "symlink"],
        ["app/src/second", "app/src/large", "hardlink"],
        ["app/src/" + "h" * 200, f"app/src/odd/{LONG_PATH}", "hardlink"],
    ]


def _parents(path: str) -> list[str]:
    folder = posixpath.dirname(path)
    return [*_parents(folder), folder] if folder else []


def _expected(lines: list[Line]) -> dict[str, Entry]:
    """By what was listed, not by what was written."""
    found: dict[str, Entry] = {}
    for line in lines:
        path, source, kind = line[:3]
        found |= {parent: Entry("dir", 0o755) for parent in _parents(path)}
        if kind == "symlink":
            found[path] = Entry("symlink", target=source)
        elif kind == "dir":
            found[path] = Entry("dir", 0o755)
        elif kind == "empty":
            found[path] = Entry("file", 0o644, 0, hashlib.sha256().hexdigest())
        elif kind == "file":
            found[path] = Entry("file", int(line[3], 8), os.path.getsize(source), sha256_of(Path(source)))
    for path, source, kind, *_ in lines:
        if kind == "hardlink":
            named = found[source]
            found[path] = found[source] = Entry("file", named.mode, named.size, named.sha256, links=2)
    return found


def _image(folder: Path, under: Path, layers: list[Built]) -> Path:
    (entry,) = json.loads((under / "index.json").read_bytes())["manifests"]
    manifest = under / "blobs" / entry["digest"].replace(":", "/")
    config = under / "blobs" / json.loads(manifest.read_bytes())["config"]["digest"].replace(":", "/")
    wheels = [built for built in layers if built.metadata.role == "wheel"]
    planned = [part for built in wheels for part in ("--layer", built.metadata_file, built.index_file)]
    on = ["--base-manifest", manifest, "--base-config", config, "--base-layout", under]
    settings = ["--env", "OWN=of the image", "--working-dir", "/app/src", "--entrypoint", '["/bin/sh", "-c"]']
    given: list[object] = []
    for built in layers:
        given += ["--layer", built.metadata_file, built.blob, built.metadata_file, built.index_file]
    for name in ("manifest.json", "config.json", "digest", "plan.json"):
        given += [f"--{name.removesuffix('.json')}", folder / name]
    _run("plan", *planned, "--others", 1, "--base-manifest", manifest, "--out", folder / "plan.json")
    _run("manifest", *given, *on, *settings, "--cmd", '["pwd"]', "--description", folder / "image.json")
    _run("layout", "--image", folder / "image.json", "--runfiles", folder, "--out", folder / "layout")
    return folder / "layout"


def _run(*arguments: object) -> None:
    assert image.main([str(argument) for argument in arguments]) == 0
