"""Makes a Python base image with Debian's own tools, for a place that does not reach Docker Hub.

    ./bazelw run //tools/base_image -- [--push REGISTRY/REPOSITORY:TAG [--insecure http]]
    PYTHONPATH=.:bazel/tools python3.11 -m tools.base_image [...]

Debian 12 with Python 3.11, as an OCI image layout that is kept below ~/.cache/sematic/base-images: delete the folder
to make it anew, with what Debian's archive has by then. The same packages give the same digest. Prints the layout's
folder; after a push the image's reference, which SEMATIC_BASE_IMAGE and base_images() take.
"""

from __future__ import annotations

import argparse
import fcntl
import hashlib
import json
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

from image_tools.registry import __main__ as pusher
from image_tools.registry.security import CHOICES
from tools.base_image import image, rootfs
from tools.toolbox.refusal import Refusal
from tools.toolbox.toolbox import cache_folder

RECIPE = 1  # Raise it when the same packages come to another image.

Result = TypeVar("Result")


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit code 1 and a sentence on stderr when it cannot be done."""
    given = _parser().parse_args(arguments)
    try:
        layout = ensure(cache_folder() / "base-images")
    except Refusal as refusal:
        print(f"base image: {refusal}", file=sys.stderr)
        return 1
    if given.push:
        insecure = ["--insecure", given.insecure] if given.insecure else []
        return pusher.main([str(layout), given.push, *insecure])
    print(layout)
    return 0


def ensure(cache: Path) -> Path:
    """The layout, made if it is not there yet."""
    architecture = rootfs.architecture()
    folder = cache / f"debian-{rootfs.SUITE}-{architecture}-{_key(architecture)}"
    layout = folder / "layout"
    if layout.exists():
        return layout
    rootfs.check_machine()
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not layout.exists():
            _make(folder / "work", layout, architecture)
    return layout


def _make(work: Path, layout: Path, architecture: str) -> None:
    rootfs.remove(work)
    work.mkdir()
    root = _step(f"1/2 Debian {rootfs.SUITE} with Python: one to three minutes", lambda: rootfs.make(work))
    digest = _step("2/2 the image of it: about 10 s", lambda: image.write(root, work / "layout", architecture))
    (work / "layout").replace(layout)
    rootfs.remove(work)
    print(f"base image: {digest}", file=sys.stderr)


def _step(says: str, make: Callable[[], Result]) -> Result:
    print(f"base image: {says}", file=sys.stderr, flush=True)
    began = time.monotonic()
    made = make()
    print(f"base image: done in {time.monotonic() - began:.0f} s", file=sys.stderr, flush=True)
    return made


def _key(architecture: str) -> str:
    recipe = json.dumps([RECIPE, rootfs.SUITE, rootfs.PACKAGES, architecture])
    return hashlib.sha256(recipe.encode()).hexdigest()[:12]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        "base_image", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--push", metavar="REGISTRY/REPOSITORY:TAG", help="where to push it to")
    parser.add_argument("--insecure", choices=CHOICES, default="", help="plain HTTP, or TLS with any certificate")
    return parser


if __name__ == "__main__":
    sys.exit(main())
