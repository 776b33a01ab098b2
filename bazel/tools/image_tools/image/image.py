"""Puts an image together from layers.

    image.py plan     --layer METADATA INDEX ... [--others N] [--base-manifest FILE] --out PLAN
    image.py manifest --layer METADATA BLOB METADATA INDEX ... --plan PLAN [--base-manifest FILE --base-config FILE]
                      [settings] --manifest OUT --config OUT --digest OUT --description OUT
    image.py layout   --image DESCRIPTION [--runfiles DIR] [--copy] --out DIR
    image.py explain  --image DESCRIPTION [--runfiles DIR] [--why PATH]

`plan` takes the wheels' layers, and refuses those that do not go together. The last three of what `manifest` wants of
a layer are its files as the description is to name them. `@FILE` stands for the arguments in FILE, one a line.
"""

import argparse
import json
import sys
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

from image_tools.image import description, explain, layout
from image_tools.image import plan as planning
from image_tools.image.manifest import (
    Base,
    Settings,
    digest_of,
    encode,
    make_config,
    make_manifest,
    read_base,
    read_manifest,
)
from image_tools.layer.errors import LayerError
from image_tools.layer.merge import combine
from image_tools.layer.records import Metadata, read_index

_NEEDS = "SEMATIC_BASE_NEEDS"  # Read by sematic when it is imported.


def main(arguments: list[str] | None = None) -> int:
    """Runs one command; an error is one sentence on stderr and exit code 1."""
    options = _parser().parse_args(arguments)
    try:
        options.run(options)
    except LayerError as error:
        print(f"image: {error}", file=sys.stderr)
        return 1
    except OSError as error:
        print(f"image: {error.filename}: {error.strerror}.", file=sys.stderr)
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    layout_kept = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(
        "image", description=__doc__, formatter_class=layout_kept, fromfile_prefix_chars="@"
    )
    commands = parser.add_subparsers(required=True)
    command = _command(commands, "plan", _plan, "METADATA", "INDEX")
    command.add_argument("--others", type=int, default=0, metavar="N", help="how many layers there are beside wheels")
    command.add_argument("--base-manifest")
    command.add_argument("--out", required=True)
    _manifest_command(_command(commands, "manifest", _manifest, "METADATA", "BLOB", "METADATA", "INDEX"))
    command = _described_command(commands, "layout", _layout)
    command.add_argument("--out", required=True)
    command.add_argument("--copy", action="store_true")
    command = _described_command(commands, "explain", _explain)
    command.add_argument("--why", metavar="PATH", help="say which layer has this path of the image, and why")
    return parser


def _described_command(
    commands: "argparse._SubParsersAction[argparse.ArgumentParser]",
    name: str,
    run: Callable[[argparse.Namespace], None],
) -> argparse.ArgumentParser:
    command = commands.add_parser(name)
    command.set_defaults(run=run)
    command.add_argument("--image", required=True, metavar="DESCRIPTION", help="the image.json of an image")
    command.add_argument("--runfiles", default=".", metavar="DIR", help="where the paths in it begin")
    return command


def _command(
    commands: "argparse._SubParsersAction[argparse.ArgumentParser]",
    name: str,
    run: Callable[[argparse.Namespace], None],
    *layer: str,
) -> argparse.ArgumentParser:
    command = commands.add_parser(name, fromfile_prefix_chars="@")
    command.set_defaults(run=run)
    command.add_argument("--layer", action="append", nargs=len(layer), default=[], metavar=layer)
    return command


def _manifest_command(command: argparse.ArgumentParser) -> None:
    for name in ("--plan", "--manifest", "--config", "--digest", "--description"):
        command.add_argument(name, required=True)
    for name in ("--base-manifest", "--base-config", "--working-dir", "--user"):
        command.add_argument(name)
    for name in ("--base-reference", "--base-insecure", "--base-layout", "--runfiles-folder"):
        command.add_argument(name, default="")
    command.add_argument("--architecture", help="by default the base's")
    command.add_argument("--os", default="linux")
    command.add_argument("--needs", type=Path, metavar="FILE", help="what the image needs and nobody could check")
    command.add_argument("--path-prefix", metavar="FOLDER", help="goes before the base's PATH")
    for name in ("--env", "--label"):
        command.add_argument(name, action="append", default=[], type=_pair, metavar="NAME=VALUE")
    command.add_argument("--use", action="append", default=[], type=_pair, metavar="WHEEL=USER", help="for explain")
    for name in ("--entrypoint", "--cmd"):
        command.add_argument(name, type=json.loads, metavar="JSON", help="a JSON list")


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not name or not equals:
        raise argparse.ArgumentTypeError(f"{text!r} is not NAME=VALUE")
    return name, value


def _plan(options: argparse.Namespace) -> None:
    layers = [Metadata.read(metadata) for metadata, _ in options.layer]
    combine(read_index(index) for _, index in options.layer)
    base = len(read_manifest(options.base_manifest)["layers"]) if options.base_manifest else 0
    Path(options.out).write_text(json.dumps(asdict(planning.plan(layers, base, options.others)), indent=1) + "\n")


def _manifest(options: argparse.Namespace) -> None:
    base = read_base(options.base_manifest, options.base_config) if options.base_manifest else Base()
    built = [(Metadata.read(metadata), description.Places(*places)) for metadata, *places in options.layer]
    layers = planning.order([metadata for metadata, _ in built], planning.read_plan(options.plan))
    config = make_config(base, layers, _settings(options))
    manifest = make_manifest(base, config, layers)
    places = {metadata.name: place for metadata, place in built}
    described = description.describe(
        options.runfiles_folder,
        digest_of(manifest),
        description.Origin(options.base_reference, options.base_layout, options.base_insecure),
        [(layer, places[layer.name]) for layer in layers],
        options.use,
    )
    Path(options.config).write_bytes(config)
    Path(options.manifest).write_bytes(manifest)
    Path(options.digest).write_text(digest_of(manifest))
    Path(options.description).write_bytes(encode(described))


def _settings(options: argparse.Namespace) -> Settings:
    needs = options.needs.read_text() if options.needs else ""
    return Settings(
        architecture=options.architecture,
        os=options.os,
        env=(*options.env, *([(_NEEDS, needs)] if needs else ())),
        path_prefix=options.path_prefix,
        entrypoint=options.entrypoint,
        cmd=options.cmd,
        working_dir=options.working_dir,
        user=options.user,
        labels=tuple(options.label),
    )


def _layout(options: argparse.Namespace) -> None:
    image = description.read(options.image, options.runfiles)
    blobs = layout.base_blobs(image.base_layout) if image.base_layout else {}
    blobs |= {layer.metadata.digest: layer.blob for layer in image.layers}
    layout.write_layout(options.out, image.manifest, image.config, blobs, layout.copy if options.copy else layout.link)


def _explain(options: argparse.Namespace) -> None:
    image = description.read(options.image, options.runfiles)
    if options.why:
        indexes = ((layer.metadata, read_index(layer.index)) for layer in image.layers)
        sentences = explain.why(options.why, indexes, image.users)
        print("\n".join(sentences) or f"{options.why} is in no layer of ours; the base may have it.")
        return
    ours = {layer.metadata.digest for layer in image.layers}
    base = [item for item in json.loads(image.manifest)["layers"] if item["digest"] not in ours]
    contents = {layer.metadata.name: _contents(layer.index) for layer in image.layers if layer.metadata.role == "bin"}
    print(explain.table(base, [layer.metadata for layer in image.layers], contents, image.users))


def _contents(index: str) -> list[str]:
    return sorted({record.origin for record in read_index(index) if record.kind != "dir"})


if __name__ == "__main__":
    sys.exit(main())
