"""Puts an image together from layers.

    image.py plan     --layer METADATA INDEX ... [--base-manifest FILE] --out PLAN
    image.py manifest --layer METADATA ... --plan PLAN [--base-manifest FILE --base-config FILE] [settings]
                      --manifest OUT --config OUT --digest OUT
    image.py layout   --manifest FILE --config FILE --layer METADATA BLOB ... [--base-layout DIR] [--copy] --out DIR
    image.py explain  --manifest FILE --layer METADATA INDEX ... [--why PATH]

`plan` also refuses layers that do not go together. `@FILE` stands for the arguments in FILE, one a line.
"""

import argparse
import json
import sys
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

from image_tools.image import explain, layout
from image_tools.image import plan as planning
from image_tools.image.manifest import Base, Settings, digest_of, make_config, make_manifest, read_base, read_manifest
from image_tools.layer.errors import LayerError
from image_tools.layer.merge import combine
from image_tools.layer.records import Metadata, read_index


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
    command.add_argument("--base-manifest")
    command.add_argument("--out", required=True)
    _manifest_command(_command(commands, "manifest", _manifest, "METADATA"))
    command = _command(commands, "layout", _layout, "METADATA", "BLOB")
    for name in ("--manifest", "--config", "--out"):
        command.add_argument(name, required=True)
    command.add_argument("--base-layout", default="")
    command.add_argument("--copy", action="store_true")
    command = _command(commands, "explain", _explain, "METADATA", "INDEX")
    command.add_argument("--manifest", required=True)
    command.add_argument("--why")
    return parser


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
    for name in ("--plan", "--manifest", "--config", "--digest"):
        command.add_argument(name, required=True)
    for name in ("--base-manifest", "--base-config", "--working-dir", "--user"):
        command.add_argument(name)
    command.add_argument("--architecture", default="amd64")
    command.add_argument("--os", default="linux")
    for name in ("--env", "--label"):
        command.add_argument(name, action="append", default=[], type=_pair, metavar="NAME=VALUE")
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
    Path(options.out).write_text(json.dumps(asdict(planning.plan(layers, base)), indent=1) + "\n")


def _manifest(options: argparse.Namespace) -> None:
    base = read_base(options.base_manifest, options.base_config) if options.base_manifest else Base()
    layers = planning.order([Metadata.read(file) for (file,) in options.layer], planning.read_plan(options.plan))
    config = make_config(base, layers, _settings(options))
    manifest = make_manifest(base, config, layers)
    Path(options.config).write_bytes(config)
    Path(options.manifest).write_bytes(manifest)
    Path(options.digest).write_text(digest_of(manifest))


def _settings(options: argparse.Namespace) -> Settings:
    return Settings(
        architecture=options.architecture,
        os=options.os,
        env=tuple(options.env),
        entrypoint=options.entrypoint,
        cmd=options.cmd,
        working_dir=options.working_dir,
        user=options.user,
        labels=tuple(options.label),
    )


def _layout(options: argparse.Namespace) -> None:
    blobs = layout.base_blobs(options.base_layout) if options.base_layout else {}
    blobs |= {Metadata.read(metadata).digest: blob for metadata, blob in options.layer}
    manifest, config = Path(options.manifest).read_bytes(), Path(options.config).read_bytes()
    layout.write_layout(options.out, manifest, config, blobs, layout.copy if options.copy else layout.link)


def _explain(options: argparse.Namespace) -> None:
    found = {
        layer.digest: (layer, index) for layer, index in ((Metadata.read(file), index) for file, index in options.layer)
    }
    described = json.loads(Path(options.manifest).read_bytes())["layers"]
    ours = [found[item["digest"]] for item in described if item["digest"] in found]
    if options.why:
        sentences = explain.why(options.why, ((layer, read_index(index)) for layer, index in ours))
        print("\n".join(sentences) or f"{options.why} is in no layer of ours; the base may have it.")
        return
    base = [item for item in described if item["digest"] not in found]
    contents = {layer.name: _contents(index) for layer, index in ours if layer.role == "bin"}
    print(explain.table(base, [layer for layer, _ in ours], contents))


def _contents(index: str) -> list[str]:
    return sorted({record.origin for record in read_index(index) if record.kind != "dir"})


if __name__ == "__main__":
    sys.exit(main())
