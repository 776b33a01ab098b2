"""Writes a wheel: the same bytes from the same files, on every machine.

Nothing is compressed, so that no version of zlib has a say in them; times and modes are constants, names are sorted.
"""

from __future__ import annotations

import argparse
import ast
import base64
import hashlib
import json
import stat
import sys
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from email.message import Message
from pathlib import Path
from typing import Any

EPOCH = (1980, 1, 1, 0, 0, 0)


class Refusal(Exception):
    """What was asked cannot be made; the message says why."""


@dataclass(frozen=True)
class About:
    """What a wheel says of itself; see wheel.bzl."""

    name: str
    version: str
    summary: str
    license: str
    python: str
    requires: Sequence[str]
    extras: dict[str, list[str]]
    commands: dict[str, str]

    @property
    def stem(self) -> str:
        """How the names of its files begin."""
        return f"{self.name.replace('-', '_')}-{self.version}"


def version_in(source: str, path: str) -> str:
    """The text that a module assigns to ``__version__``. Raises Refusal."""
    for statement in ast.parse(source).body:
        if isinstance(statement, ast.Assign) and isinstance(statement.value, ast.Constant):
            names = [target.id for target in statement.targets if isinstance(target, ast.Name)]
            if "__version__" in names and isinstance(statement.value.value, str):
                return statement.value.value
    raise Refusal(f'{path} has no line __version__ = "…" at its top level: the wheel\'s version comes from there')


def metadata(about: About, description: str) -> bytes:
    """The METADATA file."""
    message = Message()
    message["Metadata-Version"] = "2.4"
    message["Name"] = about.name
    message["Version"] = about.version
    message["Summary"] = about.summary
    message["License-Expression"] = about.license
    message["License-File"] = "LICENSE"
    message["Requires-Python"] = about.python
    for requirement in about.requires:
        message["Requires-Dist"] = requirement
    for extra, requirements in sorted(about.extras.items()):
        message["Provides-Extra"] = extra
        for requirement in requirements:
            message["Requires-Dist"] = f'{requirement}; extra == "{extra}"'
    message["Description-Content-Type"] = "text/markdown"
    head = "".join(f"{name}: {value}\n" for name, value in message.items())
    return f"{head}\n{description}".encode()


def files_of(about: About, packaged: dict[str, bytes], description: str, license: bytes) -> dict[str, bytes]:
    """Everything in the wheel by its path, RECORD last."""
    info = f"{about.stem}.dist-info"
    commands = "".join(f"{name} = {place}\n" for name, place in sorted(about.commands.items()))
    files = {
        **dict(sorted(packaged.items())),
        f"{info}/METADATA": metadata(about, description),
        f"{info}/WHEEL": b"Wheel-Version: 1.0\nGenerator: tools/wheel\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{info}/entry_points.txt": f"[console_scripts]\n{commands}".encode(),
        f"{info}/licenses/LICENSE": license,
    }
    record = "".join(f"{path},sha256={_digest(data)},{len(data)}\n" for path, data in files.items())
    return {**files, f"{info}/RECORD": f"{record}{info}/RECORD,,\n".encode()}


def write(path: Path, files: dict[str, bytes]) -> None:
    """A zip file with exactly these."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        for name, data in files.items():
            entry = zipfile.ZipInfo(name, EPOCH)
            entry.external_attr = (stat.S_IFREG | 0o644) << 16
            entry.create_system = 3
            archive.writestr(entry, data)


def _digest(data: bytes) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()


def main(arguments: Sequence[str]) -> None:
    """``make_wheel.py --out FOLDER --about JSON --version FILE --readme FILE --license FILE PATH_IN_WHEEL=FILE…``"""
    parser = argparse.ArgumentParser(description=__doc__, fromfile_prefix_chars="@")
    for name in ("out", "version", "readme", "license"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    parser.add_argument("--about", type=json.loads, required=True)
    parser.add_argument("files", nargs="+")
    given = parser.parse_args(arguments)
    written: dict[str, Any] = given.about
    version = version_in(given.version.read_text("utf-8"), str(given.version))
    about = About(version=version, **written)
    packaged = {path: Path(file).read_bytes() for path, _, file in (pair.partition("=") for pair in given.files)}
    given.out.mkdir(parents=True, exist_ok=True)
    files = files_of(about, packaged, given.readme.read_text("utf-8"), given.license.read_bytes())
    write(given.out / f"{about.stem}-py3-none-any.whl", files)


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except Refusal as refusal:
        sys.exit(f"wheel: {refusal}")
