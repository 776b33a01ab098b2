"""The description of an image that was built, image.json: where its parts are, for whoever pushes or explains it.

Paths are below a folder of runfiles, so that the same description serves wherever that folder is.
"""

import json
import posixpath
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from image_tools.image.manifest import Json
from image_tools.layer.errors import LayerError
from image_tools.layer.records import Metadata


@dataclass(frozen=True)
class Places:
    """The files of a layer."""

    blob: str
    metadata: str
    index: str


class Origin(NamedTuple):
    """Where the base's layers are: a reference by digest, an OCI layout folder, or both; empty where there is none.

    `insecure`: "http" where that is what the registry of the reference speaks.
    """

    reference: str = ""
    layout: str = ""
    insecure: str = ""


@dataclass(frozen=True)
class Layer:
    """A layer of ours, with its files on disk."""

    metadata: Metadata
    blob: str
    index: str


@dataclass(frozen=True)
class Image:
    """What a description leads to."""

    manifest: bytes
    config: bytes
    base_layout: str
    layers: tuple[Layer, ...]
    users: dict[str, list[str]]  # Who asks for a wheel by itself: targets, and other wheels.


def describe(
    folder: str,
    digest: str,
    base: Origin,
    layers: Iterable[tuple[Metadata, Places]],
    uses: Iterable[tuple[str, str]] = (),
) -> Json:
    """The description of an image with manifest and configuration in `folder`. `uses`: a wheel and its user each."""
    users: dict[str, set[str]] = {}
    for wheel, user in uses:
        users.setdefault(wheel, set()).add(user)
    return {
        "manifest": posixpath.join(folder, "manifest.json"),
        "config": posixpath.join(folder, "config.json"),
        "digest": digest,
        "base": base._asdict(),
        "layers": [_layer(metadata, places) for metadata, places in layers],
        "users": {wheel: sorted(found) for wheel, found in users.items()},
    }


def read(path: str, runfiles: str) -> Image:
    """The image of a description. Raises LayerError."""
    try:
        described = json.loads(Path(path).read_bytes())
        root = Path(runfiles)
        return Image(
            (root / described["manifest"]).read_bytes(),
            (root / described["config"]).read_bytes(),
            str(root / described["base"]["layout"]) if described["base"]["layout"] else "",
            tuple(_read_layer(root, layer) for layer in described["layers"]),
            described["users"],
        )
    except OSError as error:
        raise LayerError(f"{error.filename} cannot be read: {error.strerror}.") from None
    except (ValueError, KeyError, TypeError) as error:
        raise LayerError(f"{path} is no description of an image ({error!r}): build it again.") from None


def _layer(metadata: Metadata, places: Places) -> Json:
    return {"name": metadata.name, "role": metadata.role, "digest": metadata.digest, **vars(places)}


def _read_layer(root: Path, layer: dict[str, Any]) -> Layer:
    return Layer(Metadata.read(str(root / layer["metadata"])), str(root / layer["blob"]), str(root / layer["index"]))
