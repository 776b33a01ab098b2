"""Pushes an OCI image layout: `python -m image_tools.registry LAYOUT REGISTRY/REPOSITORY[:TAG]`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from image_tools.registry import layout, progress, receipts
from image_tools.registry.errors import RegistryError
from image_tools.registry.push import THREADS, Pushed, Target, push
from image_tools.registry.reference import parse
from image_tools.registry.security import CHOICES, Security
from image_tools.registry.session import Session, Settings


def main(arguments: Sequence[str] | None = None) -> int:
    """Prints the image's reference by digest on standard output, everything else on standard error."""
    given = _parser().parse_args(arguments)
    try:
        pushed = _push(given)
    except RegistryError as error:
        print(f"push: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("push: interrupted before the registry had confirmed it", file=sys.stderr)
        return 130
    print(_summary(pushed), file=sys.stderr)
    print(pushed.references[0])
    return 0


def _push(given: argparse.Namespace) -> Pushed:
    target = parse(given.target)
    image = layout.load(given.layout, given.digest or target.digest)
    tags = ([target.tag] if target.tag else []) + given.tag
    settings = Settings(Security(given.insecure, given.ca), timeout=given.timeout)
    shown = progress.renderer(sys.stderr)
    try:
        return push(
            [Target(image, target, tuple(tags))], Session(settings), given.receipts, given.threads, report=shown.show
        )
    finally:
        shown.end()


def _summary(pushed: Pushed) -> str:
    counts = pushed.counts
    return (
        f"pushed: {len(pushed.uploaded)} blobs uploaded, {len(pushed.mounted)} mounted, {counts.requests} requests "
        f"and {counts.authentication} to log in, {progress.size(counts.sent)} sent"
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("registry", description="Pushes an OCI image layout to a registry.")
    parser.add_argument("layout", type=Path, help="a folder with index.json and blobs/")
    parser.add_argument("target", help="registry/repository[:tag]")
    parser.add_argument("--tag", action="append", default=[], help="a further tag; may be given more than once")
    parser.add_argument("--digest", help="which image of the layout, if it has several")
    parser.add_argument("--insecure", choices=CHOICES, default="", help="plain HTTP, or TLS with any certificate")
    parser.add_argument("--ca", type=Path, help="the certificate (PEM) of the authority that the registry's is from")
    parser.add_argument("--threads", type=int, default=THREADS, help="uploads side by side")
    parser.add_argument("--timeout", type=float, default=60, help="seconds to wait for a registry that says nothing")
    parser.add_argument("--receipts", type=Path, default=receipts.folder(), help="a folder for what registries hold")
    return parser


if __name__ == "__main__":
    sys.exit(main())
