"""What the tests of layers and images share: a layer made by the program itself, and trees to compare."""

import json
import os
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from image_tools.layer import layer
from image_tools.layer.records import Metadata, Record, read_index

Tree = dict[str, tuple[str, int, str]]
Line = Sequence[str]


@dataclass(frozen=True)
class Built:
    """The three files that the program wrote."""

    blob: Path
    metadata_file: Path
    index_file: Path

    @property
    def metadata(self) -> Metadata:
        """Read back."""
        return Metadata.read(str(self.metadata_file))

    @property
    def records(self) -> list[Record]:
        """Read back."""
        return list(read_index(str(self.index_file)))

    @property
    def piece(self) -> list[str]:
        """As arguments of `bin`."""
        return ["--piece", str(self.metadata_file), str(self.index_file), str(self.blob)]

    def unpack(self, folder: Path) -> Tree:
        """By GNU tar, modes as they are in the archive."""
        folder.mkdir(parents=True)
        run("tar", "-xpzf", str(self.blob), "-C", str(folder), "--no-same-owner")
        return tree(folder)


def outputs(folder: Path) -> tuple[Built, list[str]]:
    """Where a layer goes, and the arguments that say so."""
    folder.mkdir(parents=True, exist_ok=True)
    built = Built(folder / "layer.tar.gz", folder / "layer.json", folder / "layer.index")
    return built, [
        *("--blob", str(built.blob)),
        *("--metadata", str(built.metadata_file)),
        *("--index", str(built.index_file)),
    ]


def write_entries(folder: Path, lines: Sequence[Line]) -> str:
    """A file of entries as a rule writes it."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "entries"
    file.write_text("".join(json.dumps(list(line)) + "\n" for line in lines))
    return str(file)


def build(folder: Path, lines: Sequence[Line], *more: str, name: str = "layer") -> Built:
    """A layer of these entries, which has to succeed."""
    built, arguments = outputs(folder)
    assert layer.main(["build", "--name", name, *arguments, "--entries", write_entries(folder, lines), *more]) == 0
    return built


def join(folder: Path, pieces: Sequence[Built], *more: str, name: str = "bin") -> Built:
    """A bin of these layers, which has to succeed."""
    built, arguments = outputs(folder)
    given = [argument for piece in pieces for argument in piece.piece]
    assert layer.main(["bin", "--name", name, *arguments, *given, *more]) == 0
    return built


def listing(folder: Path, prefix: str = "app") -> list[Line]:
    """Entries for all files and links of a folder."""
    lines: list[Line] = []
    for path in sorted(folder.rglob("*")):
        inside = f"{prefix}/{path.relative_to(folder)}"
        if path.is_symlink():
            lines.append([inside, os.readlink(path), "symlink"])
        elif path.is_file():
            lines.append([inside, str(path), "file", "0644"])
        else:
            lines.append([inside, "", "dir"])
    return lines


def tree(folder: Path) -> Tree:
    """Kind, mode and content of every path; a symlink's mode is the system's business."""
    found: Tree = {}
    for path in folder.rglob("*"):
        inside = str(path.relative_to(folder))
        if path.is_symlink():
            found[inside] = ("symlink", 0, os.readlink(path))
        elif path.is_dir():
            found[inside] = ("dir", path.stat().st_mode & 0o7777, "")
        else:
            found[inside] = ("file", path.stat().st_mode & 0o7777, path.read_bytes().hex())
    return found


def run(*command: str) -> bytes:
    """The output of a program that has to succeed; GNU tar needs to know that names are UTF-8."""
    return subprocess.run(
        command, check=True, capture_output=True, env={**os.environ, "LC_ALL": "C.UTF-8", "TZ": "UTC"}
    ).stdout
