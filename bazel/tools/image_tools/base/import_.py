"""Makes a base of what other rules and tools write.

    import_.py --from DIR       an OCI image layout (rules_oci, skopeo, podman)
    import_.py --from FILE.tar  an archive of `docker save`, or of rules_docker
               --manifest OUT --config OUT --description OUT [--layout OUT] [--platform linux/amd64]

`--layout` is the folder to put the blobs into; an OCI layout that stays where it is needs none.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from image_tools.base import description, platforms
from image_tools.base.archive import Archive
from image_tools.base.description import Declared, Description, Fetched
from image_tools.base.errors import BaseError
from image_tools.base.squeeze import Squeezed
from image_tools.image.layout import base_blobs, copy, write_layout
from image_tools.image.manifest import OCI, digest_of, encode
from image_tools.layer.errors import LayerError
from image_tools.registry.errors import RegistryError
from image_tools.registry.image import descriptor, parse

Json = dict[str, Any]


def main(arguments: Sequence[str] | None = None) -> int:
    """An error is one sentence on stderr and exit code 1."""
    given = _parser().parse_args(arguments)
    try:
        declared = Declared(given.source, platforms.parse(given.platform), given.python, given.glibc)
        imported = (from_layout if Path(given.source).is_dir() else from_archive)(declared, given.layout)
        given.manifest.write_bytes(imported.manifest)
        given.config.write_bytes(imported.config)
        imported.described.write(given.description)
    except (BaseError, LayerError, RegistryError) as error:
        print(f"base image: {error}", file=sys.stderr)
        return 1
    except OSError as error:
        print(f"base image: {error.filename or given.layout}: {error.strerror}.", file=sys.stderr)
        return 1
    return 0


def from_layout(declared: Declared, out: Path | None = None) -> Fetched:
    """The image of an OCI layout for a platform; `out` is given a copy, if there is one."""
    folder = Path(declared.name)
    manifest = _manifest(folder, declared)
    document = parse(manifest)
    config = _blob(folder, document.get("config"))
    for layer in document.get("layers") or ():
        _check_layer(folder, layer)
    if out is not None:
        write_layout(str(out), manifest, config, base_blobs(str(folder)), copy)
    return Fetched(manifest, config, _described(declared, config))


def from_archive(declared: Declared, out: Path | None) -> Fetched:
    """The image of an archive, with its blobs in `out`."""
    if out is None:
        raise BaseError(f"{declared.name} is an archive: name a folder for its layers with --layout.")
    blobs = out / "blobs" / "sha256"
    blobs.mkdir(parents=True, exist_ok=True)
    with Archive(declared.name) as archive:
        contents = archive.contents()
        known = description.parse_config(contents.config, declared.name)["rootfs"].get("diff_ids")
        layers = _layers(archive, contents.layers, known, blobs)
    manifest = _manifest_of(contents.config, layers)
    write_layout(str(out), manifest, contents.config, base_blobs(str(out)), copy)
    return Fetched(manifest, contents.config, _described(declared, contents.config))


def _layers(archive: Archive, names: Sequence[str], known: Any, blobs: Path) -> list[Squeezed]:
    if not isinstance(known, list) or len(known) != len(names):
        count = len(known) if isinstance(known, list) else "no"
        raise BaseError(
            f"{archive.path} has {len(names)} layers, its configuration knows {count}: save the image again."
        )
    made: dict[str, Squeezed] = {}
    for name in sorted({*names}, key=archive.offset):
        made[name] = archive.squeeze(name, blobs / "incoming")
        (blobs / "incoming").replace(blobs / made[name].digest.removeprefix("sha256:"))
    for name, diff_id in zip(names, known):
        if made[name].diff_id != diff_id:
            raise BaseError(
                f"{archive.path}: layer {name} is {made[name].diff_id}, its configuration says {diff_id}: "
                "save the image again."
            )
    return [made[name] for name in names]


def _manifest_of(config: bytes, layers: Sequence[Squeezed]) -> bytes:
    def entry(kind: str, digest: str, size: int) -> Json:
        return {"mediaType": kind, "digest": digest, "size": size}

    return encode(
        {
            "schemaVersion": 2,
            "mediaType": OCI.manifest,
            "config": entry(OCI.config, digest_of(config), len(config)),
            "layers": [entry(OCI.layer, layer.digest, layer.size) for layer in layers],
        }
    )


def _described(declared: Declared, config: bytes) -> Description:
    document = description.parse_config(config, declared.name)
    platforms.check(document, declared.platform, declared.name)
    return Description(
        platform=str(declared.platform),
        python=description.python_of(document, declared.python, declared.name),
        glibc=description.glibc_of(document, declared.glibc, declared.name),
    )


def _manifest(folder: Path, declared: Declared) -> bytes:
    """The manifest of the platform's image; an index may stand in an index."""
    try:
        document = parse((folder / "index.json").read_bytes())
    except OSError as error:
        raise BaseError(f"{folder} is no OCI image layout ({error.strerror}: index.json).") from None
    _check_number(document, folder)
    while True:
        manifest = _blob(folder, platforms.pick(document, declared.platform, str(folder)))
        document = parse(manifest)
        if not platforms.is_index(document):
            return manifest


def _check_number(document: Json, folder: Path) -> None:
    """Images of one layout that are for different platforms are one image; for the same, several."""
    listed = document.get("manifests")
    entries = listed if isinstance(listed, list) else []
    those = [platforms.of(entry.get("platform")) for entry in entries if isinstance(entry, dict)]
    if not those or (len(those) > 1 and len({*those}) != len(those)):
        raise BaseError(f"{folder} holds {len(those) or 'no'} images where one is needed: give a layout of that one.")


def _blob(folder: Path, entry: Any) -> bytes:
    digest, size, _ = descriptor(entry)
    try:
        data = _path(folder, digest).read_bytes()
    except OSError as error:
        raise BaseError(f"{folder} lacks {digest}, which it names ({error.strerror}): make the layout again.") from None
    if len(data) != size or (digest.startswith("sha256:") and digest_of(data) != digest):
        raise BaseError(f"{folder}: {digest} is damaged, it is {digest_of(data)}: make the layout again.")
    return data


def _check_layer(folder: Path, entry: Any) -> None:
    """By size: a registry checks the digest when it gets it, and reading all would take as long as sending it."""
    digest, size, _ = descriptor(entry)
    try:
        found = _path(folder, digest).stat().st_size
    except OSError as error:
        raise BaseError(f"{folder} lacks the layer {digest} ({error.strerror}): make the layout again.") from None
    if found != size:
        raise BaseError(f"{folder}: the layer {digest} has {found} bytes instead of {size}: make the layout again.")


def _path(folder: Path, digest: str) -> Path:
    algorithm, _, value = digest.partition(":")
    return folder / "blobs" / algorithm / value


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        "import", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, fromfile_prefix_chars="@"
    )
    parser.add_argument("--from", dest="source", required=True, metavar="PATH")
    for output in ("--manifest", "--config", "--description"):
        parser.add_argument(output, type=Path, required=True, metavar="OUT")
    parser.add_argument("--layout", type=Path, metavar="OUT")
    parser.add_argument("--platform", default="linux/amd64", metavar="OS/ARCHITECTURE")
    parser.add_argument("--python", default="", help="of an image that does not say which it has")
    parser.add_argument("--glibc", default="", help="of an image that does not say which it has")
    return parser


if __name__ == "__main__":
    sys.exit(main())
