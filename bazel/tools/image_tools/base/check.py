"""Checks the wheels of an image against its base, before anything is pushed.

    check.py --wheel METADATA ... --base CONFIG [--name REFERENCE] [--python 3.11] [--glibc 2.36] [--own-python]
             [--needs FILE]

METADATA is that of a layer, whose `tags` are those of the wheel. What base and declaration do not tell is announced,
and written to FILE for whoever starts in the image (`python==3.11 glibc>=2.28`): sematic looks when it is imported.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from image_tools.base import description
from image_tools.base.errors import BaseError
from image_tools.base.tags import Facts, Misfit, expanded, misfit, needs_glibc, needs_python, unchecked

Wheel = tuple[str, Sequence[str]]
"""A wheel's name and its tags."""


@dataclass(frozen=True)
class Findings:
    """Sentences: what does not fit, and what could not be checked; the latter also as conditions."""

    failures: tuple[str, ...]
    notices: tuple[str, ...]
    needs: tuple[str, ...] = ()


def check(wheels: Iterable[Wheel], base: Facts, own_python: bool = False) -> Findings:
    """Whether each wheel has a tag that fits the base; one that brings the build's own Python needs none of it."""
    if own_python:
        base = replace(base, python="")
    wheels = [(name, expanded(tags)) for name, tags in wheels]
    failures = [sentence for name, tags in wheels if (sentence := _failure(name, tags, base))]
    notices = _unknown([tag for _, tags in wheels for tag in tags], base, own_python)
    needs = {need for _, tags in wheels for need in unchecked(tags, base)}
    if own_python:
        needs = {need for need in needs if not need.startswith("python")}
    return Findings(tuple(failures), tuple(notices), tuple(sorted(needs)))


def facts(config: dict[str, Any], name: str, python: str = "", glibc: str = "") -> Facts:
    """Of a base's configuration, and of what is declared where that says nothing."""
    return Facts(
        name,
        str(config.get("os") or "linux"),
        str(config.get("architecture") or "amd64"),
        description.python_of(config, python, name),
        description.glibc_of(config, glibc, name),
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """A line on stderr for each finding; exit code 1 if a wheel does not fit."""
    given = _parser().parse_args(arguments)
    try:
        config = description.parse_config(_read(given.base), given.name)
        base = facts(config, given.name, given.python, given.glibc)
        findings = check(map(_wheel, given.wheel), base, own_python=given.own_python)
    except BaseError as error:
        findings = Findings((str(error),), ())
    for sentence in (*findings.notices, *findings.failures):
        print(f"base image: {sentence}", file=sys.stderr)
    if given.needs and not findings.failures:
        given.needs.write_text(" ".join(findings.needs))
    return 1 if findings.failures else 0


def _failure(name: str, tags: Sequence[str], base: Facts) -> str:
    """Nothing when a tag fits, or there is none to go by."""
    found: list[tuple[Misfit, str]] = []
    for tag in tags:
        its = misfit(tag, base)
        if its is None:
            return ""
        found.append((its, tag))
    if not found:
        return ""
    nearest, tag = max(found, key=lambda pair: pair[0].depth)
    return f"the wheel of {name} ({tag}) {nearest.reason} ({base.name}): {nearest.way_out}."


def _unknown(tags: Sequence[str], base: Facts, own_python: bool) -> Iterable[str]:
    if not base.python and not own_python and any(map(needs_python, tags)):
        yield _notice(base, "Python", description.PYTHON_LABEL, "python")
    if not base.glibc and any(map(needs_glibc, tags)):
        yield _notice(base, "C library", description.GLIBC_LABEL, "glibc")


def _notice(base: Facts, what: str, label: str, argument: str) -> str:
    return (
        f"{base.name} does not say which {what} it has, so the wheels are not checked against it before they run: "
        f"give the image the label {label}, or base_images() the argument {argument}."
    )


def _wheel(path: Path) -> Wheel:
    try:
        metadata = json.loads(_read(path))
        return str(metadata["name"]), [str(tag) for tag in metadata.get("tags") or ()]
    except (ValueError, KeyError, TypeError, AttributeError):
        raise BaseError(f"{path} is no metadata of a layer: build it again.") from None


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise BaseError(f"{path} cannot be read: {error.strerror}.") from None


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        "check", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, fromfile_prefix_chars="@"
    )
    parser.add_argument("--wheel", type=Path, action="append", default=[], metavar="METADATA")
    parser.add_argument("--base", type=Path, required=True, metavar="CONFIG", help="the base's configuration")
    parser.add_argument("--name", default="the base image", help="how the base is called in messages")
    parser.add_argument("--python", default="", help="of a base that does not say which it has")
    parser.add_argument("--glibc", default="", help="of a base that does not say which it has")
    parser.add_argument("--own-python", action="store_true", help="the image brings the build's Python along")
    parser.add_argument(
        "--needs", type=Path, help="a file for the conditions that are not checked, written when all fits"
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
