"""``sematic artifact``: values, as values and as bytes."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

import click

from sematic.cli.details import lines
from sematic.cli.opening import open_artifact
from sematic.cli.screen import on_terminal, safe, say, say_json, size
from sematic.cli.summaries import brief, type_name
from sematic.errors import SematicError
from sematic.recorded import SHORT, Record
from sematic.types.artifact import COMPOSITE_CODEC, JSON_CODEC, Artifact, open_parts, read

_PIECE = 1 << 20


@click.group()
def artifact() -> None:
    """Look at inputs and outputs.

    `sematic show RUN` tells their ids.
    """


@artifact.command()
@click.argument("id")
@click.option("-o", "output", metavar="FILE", help="Write the stored bytes to FILE, whole or not at all.")
@click.option("--value", is_flag=True, help="Print the repr of the decoded value; imports the classes it needs.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document: id, value (null when it is not JSON).")
def get(id: str, output: str | None, value: bool, as_json: bool) -> None:
    """Print a value as JSON, or its bytes where it has a format of its own.

    In JSON {"$": "<id>"} stands for a part that is binary or large.
    """
    record = Record()
    found = record.artifact(record.find_artifact(id))
    if output not in (None, "-"):
        with _replacing(Path(str(output))) as file:
            _copy(record, found, file)
    elif value:
        say(safe(repr(_decoded(record, found)), keep="\n\t"))
    elif as_json:
        say_json({"id": found.id, "value": json.loads(_text(record, found)) if _is_json(found) else None})
    elif output is None and _is_json(found):
        _print_json(_text(record, found))
    else:
        _print_bytes(record, found)


def _is_json(found: Artifact) -> bool:
    return found.codec in (JSON_CODEC, COMPOSITE_CODEC)


def _text(record: Record, found: Artifact) -> str:
    open_parts(found, record.home.store)
    return found.text


def _print_json(text: str) -> None:
    say(json.dumps(json.loads(text), indent=2) if on_terminal() else text)


def _print_bytes(record: Record, found: Artifact) -> None:
    if on_terminal():
        raise SematicError(
            f"{found.id[:SHORT]} is {size(found.blob.size)} of {found.codec}, which a terminal cannot show: "
            "write it to a file (-o FILE), print its value (--value), or see `sematic artifact show`"
        )
    sys.stdout.flush()
    stream = sys.stdout.buffer
    _copy(record, found, stream)
    stream.flush()


def _copy(record: Record, found: Artifact, file: IO[bytes]) -> None:
    data = memoryview(read(found, record.home.store))
    for start in range(0, len(data), _PIECE):
        file.write(data[start : start + _PIECE])


@contextmanager
def _replacing(path: Path) -> Iterator[IO[bytes]]:
    """A file that becomes `path` when all is written; until then, and when that fails, `path` is as it was."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with temporary.open("xb") as file:
            yield file
        temporary.replace(path)
    except OSError as error:
        raise SematicError(f"{path} cannot be written ({error.strerror}): nothing was changed there") from error
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


def _decoded(record: Record, found: Artifact) -> object:
    """The value. Its classes may be beside the program that made it: like that program, start in its folder."""
    sys.path.append(str(Path.cwd()))
    try:
        return record.load(found.id)
    except ImportError as error:
        raise SematicError(
            f"the value is a {type_name(found.spec)}, whose code cannot be imported here ({error}): run this in the "
            "folder of the program, or add that folder to PYTHONPATH"
        ) from error


@artifact.command("show")
@click.argument("id")
@click.option("--json", "as_json", is_flag=True, help="One JSON document: id, type, spec, codec, size, digest, …")
@click.option("--open", "opened", is_flag=True, help="Open a figure or image in a viewer, and say in which file it is.")
def show_artifact(id: str, as_json: bool, opened: bool) -> None:
    """Say what is known of a value without decoding it: type, codec, size, digest and summary.

    The keys of --json are id, type, spec, codec, size, digest, stored ("ledger" or a path) and summary.
    """
    record = Record()
    found = record.artifact(record.find_artifact(id))
    if opened:
        open_artifact(record, found)
        return
    if as_json:
        say_json(_facts(record, found) | {"spec": found.spec, "summary": found.summary})
        return
    for name, fact in _facts(record, found).items():
        text = f"{fact} bytes" if name == "size" else fact
        say(f"{name.capitalize():8}{safe(str(text))}")
    say(f"{'Value':8}{safe(brief(found, width=2000))}")
    for line in lines(found.summary):
        say(f"{'':8}{safe(line)}".rstrip())


def _facts(record: Record, found: Artifact) -> dict[str, object]:
    blob = found.blob
    digest = blob.digest
    path = record.home.files.blobs / digest[:2] / digest[2:]
    return {
        "id": found.id,
        "type": type_name(found.spec),
        "codec": found.codec,
        "size": blob.size,
        "digest": digest,
        "stored": "ledger" if blob.data is not None else str(path) if path.exists() else _elsewhere(record, path),
    }


def _elsewhere(record: Record, path: Path) -> str:
    return f"{path} (missing)" if record.home.server is None else record.home.server
