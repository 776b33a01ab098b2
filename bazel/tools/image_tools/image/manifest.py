"""An image's configuration and manifest, as bytes that depend on nothing but the arguments."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from image_tools.layer.errors import LayerError
from image_tools.layer.records import Metadata

Json = dict[str, Any]
EPOCH = "1970-01-01T00:00:00Z"
_ARCHITECTURE = "amd64"  # Of an image without a base that says.
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"  # What runtimes take where a base says nothing.


@dataclass(frozen=True)
class MediaTypes:
    """How one of the two families of manifests calls its parts."""

    manifest: str
    config: str
    layer: str


OCI = MediaTypes(
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.oci.image.config.v1+json",
    "application/vnd.oci.image.layer.v1.tar+gzip",
)
DOCKER = MediaTypes(
    "application/vnd.docker.distribution.manifest.v2+json",
    "application/vnd.docker.container.image.v1+json",
    "application/vnd.docker.image.rootfs.diff.tar.gzip",
)


@dataclass(frozen=True)
class Base:
    """The image that layers are added to; without one, an empty one."""

    manifest: Json = field(default_factory=lambda: {"mediaType": OCI.manifest, "layers": []})
    config: Json = field(default_factory=dict)

    @property
    def media_types(self) -> MediaTypes:
        """An image keeps to its base's family: some registries refuse a mixture."""
        return DOCKER if self.manifest.get("mediaType") == DOCKER.manifest else OCI

    @property
    def layers(self) -> list[Json]:
        """Descriptors, bottom first."""
        return list(self.manifest["layers"])


@dataclass(frozen=True)
class Settings:
    """What a container of the image is started with. None leaves what the base says."""

    architecture: str | None = None
    os: str = "linux"
    env: tuple[tuple[str, str], ...] = ()
    path_prefix: str | None = None
    entrypoint: tuple[str, ...] | None = None
    cmd: tuple[str, ...] | None = None
    working_dir: str | None = None
    user: str | None = None
    labels: tuple[tuple[str, str], ...] = ()


def read_base(manifest: str, config: str) -> Base:
    """A base from its two files, if they belong together."""
    base = Base(read_manifest(manifest), _json(config))
    if (digest := digest_of(Path(config).read_bytes())) != base.manifest["config"].get("digest"):
        raise LayerError(f"{config} is {digest}; {manifest} names {base.manifest['config'].get('digest')}.")
    if (known := len(base.config.get("rootfs", {}).get("diff_ids", []))) != len(base.layers):
        raise LayerError(f"The base's configuration knows {known} layers, its manifest {len(base.layers)}.")
    return base


def read_manifest(path: str) -> Json:
    """The manifest of one image."""
    manifest = _json(path)
    if "layers" not in manifest or "config" not in manifest:
        raise LayerError(f"{path} is no image manifest: an index of several platforms needs one of them picked.")
    return manifest


def make_config(base: Base, layers: Sequence[Metadata], settings: Settings) -> bytes:
    """The image's configuration: the base's, with our layers and settings."""
    _check_platform(base.config, settings)
    config = {
        **base.config,
        "architecture": settings.architecture or base.config.get("architecture", _ARCHITECTURE),
        "os": settings.os,
        "created": EPOCH,
        "config": _process(base.config.get("config") or {}, settings),
        "rootfs": {
            "type": "layers",
            "diff_ids": [*base.config.get("rootfs", {}).get("diff_ids", []), *(layer.diff_id for layer in layers)],
        },
        "history": [*_base_history(base), *(_history(layer) for layer in layers)],
    }
    # Docker's own notes on how the base was built, which are not true of this image.
    return encode({key: value for key, value in config.items() if key not in ("container", "container_config", "id")})


def make_manifest(base: Base, config: bytes, layers: Sequence[Metadata]) -> bytes:
    """The image's manifest. The base's descriptors stay as they are, whatever they are compressed with."""
    types = base.media_types
    return encode(
        {
            "schemaVersion": 2,
            "mediaType": types.manifest,
            "config": _descriptor(types.config, digest_of(config), len(config)),
            "layers": [*base.layers, *(_descriptor(types.layer, layer.digest, layer.size) for layer in layers)],
        }
    )


def encode(value: Json) -> bytes:
    """JSON with one layout and sorted keys."""
    return json.dumps(value, indent=1, sort_keys=True, ensure_ascii=False).encode() + b"\n"


def digest_of(data: bytes) -> str:
    """As registries write it."""
    return "sha256:" + hashlib.sha256(data).hexdigest()


def _descriptor(media_type: str, digest: str, size: int) -> Json:
    return {"mediaType": media_type, "digest": digest, "size": size}


def _history(layer: Metadata) -> Json:
    return {"created": EPOCH, "created_by": f"sematic_pipeline: {layer.name}", "comment": layer.reason}


def _base_history(base: Base) -> list[Json]:
    """Readers match history and layers by counting: a base that has none gets a line for each layer."""
    history = list(base.config.get("history") or [])
    missing = len(base.layers) - sum(not line.get("empty_layer") for line in history)
    return history + [{"created": EPOCH, "created_by": "base"}] * missing


def _process(config: Json, settings: Settings) -> Json:
    config = dict(config)
    if settings.entrypoint is not None:
        config.pop("Cmd", None)  # Those were arguments of the base's own entry point.
    settle = {
        "Entrypoint": settings.entrypoint,
        "Cmd": settings.cmd,
        "WorkingDir": settings.working_dir,
        "User": settings.user,
    }
    config.update({key: value for key, value in settle.items() if value is not None})
    env = dict(line.partition("=")[::2] for line in config.get("Env") or []) | dict(settings.env)
    if settings.path_prefix is not None:
        env["PATH"] = f"{settings.path_prefix}:{env.get('PATH') or _PATH}"
    config["Env"] = [f"{name}={value}" for name, value in env.items()]
    config["Labels"] = {**(config.get("Labels") or {}), **dict(settings.labels)}
    return {key: value for key, value in config.items() if value not in ([], {})}


def _check_platform(config: Json, settings: Settings) -> None:
    wanted = f"{settings.os}/{settings.architecture or config.get('architecture')}"
    found = f"{config.get('os', settings.os)}/{config.get('architecture', settings.architecture)}"
    if found != wanted:
        raise LayerError(f"The base is for {found}, the image for {wanted}: take a base for that platform.")


def _json(path: str) -> Json:
    try:
        value = json.loads(Path(path).read_bytes())
    except OSError as error:
        raise LayerError(f"{path} cannot be read: {error.strerror}.") from None
    except ValueError as error:
        raise LayerError(f"{path} is no JSON: {error}.") from None
    if not isinstance(value, dict):
        raise LayerError(f"{path} holds no JSON object.")
    return value
