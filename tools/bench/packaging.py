"""The layer of a large wheel, and reading and hashing the same files: `python -m tools.bench.packaging KIND`.

The wheel is torch 2.8.0 for aarch64 (102 MB, 11,518 files, 411 MB unpacked), which is packed and never run.
"""

from __future__ import annotations

import hashlib
import json
import runpy
import shutil
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tools.bench import memory, processes

_ENVIRONMENT = {"PYTHONPATH": f"{processes.ROOT}:{processes.ROOT}/bazel/tools"}
_FOLDER = processes.CACHE / "torch-2.8.0"
_SITE = _FOLDER / "site-packages"
_CHUNK = 1 << 20
_DOWNLOAD_SECONDS = 1200.0


def program(kind: str) -> Callable[[Path], dict[str, Any]]:
    """A whole process of one kind, on files that were read before."""

    def run(folder: Path) -> dict[str, Any]:
        _prepare()
        return processes.whole([sys.executable, "-m", "tools.bench.packaging", kind], folder, _ENVIRONMENT)

    return run


def _prepare() -> None:
    """Downloads and unpacks the wheel when that was not done yet; the entries are written last."""
    if not _entries().exists():
        shutil.rmtree(_FOLDER, ignore_errors=True)
        _FOLDER.mkdir(parents=True)
        platform = ["--platform", "manylinux_2_28_aarch64", "--python-version", "3.11", "--only-binary=:all:"]
        pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", *platform, "torch==2.8.0"]
        processes.run(pip, _FOLDER, timeout=_DOWNLOAD_SECONDS)
        zipfile.ZipFile(_wheel()).extractall(_SITE)
        lines = sorted([f"app/site-packages/{path.relative_to(_SITE)}", str(path)] for path in _files())
        _entries().write_text("".join(json.dumps(line) + "\n" for line in lines))


def _files() -> list[Path]:
    return [path for path in _SITE.rglob("*") if path.is_file()]


def _entries() -> Path:
    return _FOLDER / "entries"


def _wheel() -> Path:
    return next(_FOLDER.glob("*.whl"))


def floor() -> None:
    """Reads every file once and hashes what it holds."""
    digest = hashlib.sha256()
    for line in _entries().read_text().splitlines():
        with open(json.loads(line)[1], "rb", buffering=0) as file:
            while block := file.read(_CHUNK):
                digest.update(block)


def declared() -> None:
    """The layer, with streams copied from the .whl."""
    _layer("--wheel", str(_wheel()))


def compressed() -> None:
    """The layer of the files alone."""
    _layer()


def _layer(*more: str) -> None:
    """As a build action runs it."""
    folders = ("--root", "app/site-packages", "--scripts", "app/bin", "--prefix", "app")
    outputs = ("--blob", "blob", "--metadata", "metadata", "--index", "index")
    sys.argv[1:] = ["build", "--name", "torch", *outputs, "--entries", str(_entries()), *folders, *more]
    try:
        runpy.run_module("image_tools.layer.layer", run_name="__main__")
    except SystemExit as end:
        if end.code:
            raise


def main(kind: str) -> None:
    """Does it, and reports the most memory that it took."""
    {"floor": floor, "declared": declared, "compressed": compressed}[kind]()
    print(json.dumps({"peak": memory.peak()}))


if __name__ == "__main__":
    main(*sys.argv[1:])
