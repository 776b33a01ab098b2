"""Makes a layer of a container image.

    layer.py build --name NAME --blob OUT --metadata OUT --index OUT --entries FILE
                   [--root DIR [--scripts DIR] [--prefix DIR] [--wheel FILE.whl]]
    layer.py bin   --name NAME --blob OUT --metadata OUT --index OUT --piece METADATA INDEX BLOB ... [--plan PLAN]

The file of entries has a JSON list a line, `[path in the image, file on disk, kind, mode]` (see entries.py). `@FILE`
stands for the arguments that FILE holds, one a line.
"""

from __future__ import annotations

import argparse
import gc
import json
import sys
from collections.abc import Iterable

from image_tools.layer import scripts
from image_tools.layer.bins import Piece, join
from image_tools.layer.build import Label, build
from image_tools.layer.entries import Entry, read
from image_tools.layer.errors import LayerError
from image_tools.layer.installed import Site, site, tags
from image_tools.layer.records import ROLES, Metadata, Record, write_index
from image_tools.layer.wheel import Wheel

# Threads hand over by the millisecond: with the default of 5 ms a reader waits longer than it works.
_SWITCH_INTERVAL = 0.0001


def main(arguments: list[str] | None = None) -> int:
    """Runs one command; an error is one sentence on stderr and exit code 1."""
    options = _parser().parse_args(arguments)
    try:
        options.run(options)
    except LayerError as error:
        print(f"layer {options.name}: {error}", file=sys.stderr)
        return 1
    except OSError as error:  # A full disk, for one.
        print(f"layer {options.name}: {error.filename or options.blob}: {error.strerror}.", file=sys.stderr)
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    layout_kept = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(
        "layer", description=__doc__, formatter_class=layout_kept, fromfile_prefix_chars="@"
    )
    commands = parser.add_subparsers(required=True)
    command = _command(commands, "build", _build)
    command.add_argument("--wheel", help="the .whl that the files were installed from")
    command.add_argument("--root", help="the image's site-packages; an __init__.py of its own is left out")
    command.add_argument("--scripts", help="the image's folder for console scripts, which are made from entry points")
    command.add_argument("--prefix", help="the image's folder for the data files of the .whl")
    command.add_argument("--entries", action="append", default=[], metavar="FILE")
    command = _command(commands, "bin", _bin)
    command.add_argument("--piece", nargs=3, action="append", default=[], metavar=("METADATA", "INDEX", "BLOB"))
    command.add_argument("--plan", help="take only the pieces that this plan of an image puts into the bin NAME")
    return parser


def _command(
    commands: argparse._SubParsersAction[argparse.ArgumentParser], name: str, run: object
) -> argparse.ArgumentParser:
    command = commands.add_parser(name, fromfile_prefix_chars="@")
    command.set_defaults(run=run)
    command.add_argument("--name", required=True)
    command.add_argument("--role", choices=ROLES, default="bin" if name == "bin" else "wheel")
    command.add_argument("--reason", default="", help="why the layer is in an image, for explain")
    for output in ("--blob", "--metadata", "--index"):
        command.add_argument(output, required=True)
    return command


def _build(options: argparse.Namespace) -> None:
    if not options.root and (options.wheel or options.scripts or options.prefix):
        raise LayerError("--wheel, --scripts and --prefix need --root, the folder that the wheel is installed in.")
    listed = [entry for file in options.entries for entry in read(file)]
    if options.root:
        _build_wheel(options, listed, site(options.root, options.scripts, options.prefix))
    else:
        _write(options, listed)


def _build_wheel(options: argparse.Namespace, listed: list[Entry], place: Site) -> None:
    listed = [entry for entry in listed if entry.path != f"{place.root}__init__.py"]
    if not options.wheel:
        _write_wheel(options, listed, place)
        return
    wheel = Wheel(options.wheel, place)
    with wheel.scripts_and_data({entry.path for entry in listed}, f"{options.blob}.unpacked") as more:
        _write_wheel(options, [*listed, *more], place, wheel)


def _write_wheel(options: argparse.Namespace, listed: list[Entry], place: Site, wheel: Wheel | None = None) -> None:
    listed = scripts.add(listed, place) if place.scripts else listed
    _write(options, listed, wheel, tags(listed, place.root))


def _write(
    options: argparse.Namespace, listed: list[Entry], wheel: Wheel | None = None, tags: tuple[str, ...] = ()
) -> None:
    with open(options.blob, "wb") as out:
        _describe(options, *build(listed, out, _label(options), wheel, tags))


def _bin(options: argparse.Namespace) -> None:
    pieces = [Piece(*files) for files in options.piece]
    if options.plan:
        with open(options.plan, encoding="utf-8") as file:
            planned = set(json.load(file)["bins"].get(options.name, []))
        pieces = [piece for piece in pieces if Metadata.read(piece.metadata).name in planned]
    with open(options.blob, "wb") as out:
        _describe(options, *join(pieces, out, _label(options)))


def _label(options: argparse.Namespace) -> Label:
    return Label(options.name, options.role, options.reason)


def _describe(options: argparse.Namespace, metadata: Metadata, records: Iterable[Record]) -> None:
    metadata.write(options.metadata)
    write_index(options.index, records)
    if metadata.zlib:
        print(
            f"layer {options.name}: this Python compresses with zlib {metadata.zlib}, unlike stock zlib: "
            f"{metadata.digest} will differ from other machines'. Declare the .whl, or use a Python with stock zlib.",
            file=sys.stderr,
        )


if __name__ == "__main__":
    sys.setswitchinterval(_SWITCH_INTERVAL)
    gc.disable()  # Nothing here makes cycles, and there is much to look through.
    sys.exit(main())
