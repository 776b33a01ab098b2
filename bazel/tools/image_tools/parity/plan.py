"""What the gate is asked to test, and what the image says of itself."""

from __future__ import annotations

import json
import platform
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

APP = "/app"
PYTHON_LABEL = "dev.sematic.python"
_MACHINES = {"x86_64": "amd64", "aarch64": "arm64"}


class ParityError(Exception):
    """The test cannot be made; the message says why and what to do."""


@dataclass(frozen=True)
class Image:
    """An image as it was built: its layers' blobs, bottom first, and what a container of it is started with."""

    blobs: tuple[Path, ...]
    env: dict[str, str]
    working_dir: str
    user: str
    python: str
    platform: str


@dataclass(frozen=True)
class Plan:
    """One test. `args` None: only what can be found out without running main.py."""

    target: str
    main: str
    module: str
    main_file: Path
    args: list[str] | None
    image: Image

    @property
    def repository(self) -> str:
        """The folder of /app/src that main.py's repository is in."""
        return self.main.partition("/")[0]


def read_plan(path: str, runfiles: Path) -> Plan:
    """The plan that the rule wrote. Its paths, and those of the image, are under `runfiles`."""
    fields = _json(Path(path))
    return Plan(
        target=fields["target"],
        main=fields["main"],
        module=fields["module"],
        main_file=runfiles / fields["main"],
        args=fields["test_args"],
        image=_image(_json(runfiles / fields["image"]), runfiles),
    )


def check_platform(image: Image) -> None:
    """Refuse an image whose modules this interpreter cannot import."""
    here = f"{sys.platform}/{_MACHINES.get(platform.machine(), platform.machine())}"
    if image.platform != here:
        raise ParityError(
            f"The image is for {image.platform}, this machine is {here}: its wheels cannot be imported here. Run the "
            "test on a machine of that kind."
        )
    version = ".".join(map(str, sys.version_info[:2]))
    if image.python and image.python != version:
        raise ParityError(
            f"The image has Python {image.python}, the build Python {version}: what works in one need not work in the "
            "other. Take a base with the same version, or the Python toolchain of the base's version."
        )


def _image(fields: dict[str, Any], runfiles: Path) -> Image:
    config = _json(runfiles / fields["config"])
    process = config.get("config") or {}
    return Image(
        blobs=tuple(runfiles / layer["blob"] for layer in fields["layers"]),
        env=dict(line.partition("=")[::2] for line in process.get("Env") or []),
        working_dir=process.get("WorkingDir") or "/",
        user=process.get("User") or "",
        python=(process.get("Labels") or {}).get(PYTHON_LABEL, ""),
        platform=f"{config['os']}/{config['architecture']}",
    )


def _json(path: Path) -> dict[str, Any]:
    try:
        return dict(json.loads(path.read_bytes()))
    except OSError as error:
        raise ParityError(f"{path} cannot be read: {error.strerror}. Is --runfiles the folder of runfiles?") from None
    except ValueError as error:
        raise ParityError(f"{path} is no JSON object: {error}.") from None
