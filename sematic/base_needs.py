"""What an image's wheels need of its base, where nobody could say at build time whether it has it.

The build writes conditions such as ``python==3.11 glibc>=2.28`` into the image's environment; a base that says its
versions was checked before it was pushed, and has none.
"""

from __future__ import annotations

import os
import re
import sys

from sematic.errors import WrongBase

VARIABLE = "SEMATIC_BASE_NEEDS"
_CONDITION = re.compile(r"(python|glibc)(==|>=)(\d+)\.(\d+)")

Version = tuple[int, int]


def check(conditions: str, python: Version | None = None, glibc: Version | None = None) -> None:
    """Raises WrongBase for the first condition that this machine, or the versions given, do not meet."""
    found = {"python": python or sys.version_info[:2], "glibc": glibc or own_glibc()}
    for condition in conditions.split():
        match = _CONDITION.fullmatch(condition)
        has = found[match[1]] if match else None
        if match and has and not _met(has, match[2], (int(match[3]), int(match[4]))):
            raise WrongBase(
                f"this image was built for {condition}, as its wheels are, and its base has {match[1]} "
                f"{has[0]}.{has[1]}: take another base; with the arguments python and glibc of base_images() the "
                "build finds out before it pushes"
            )


def own_glibc() -> Version | None:
    """The C library of this process; None where that is not glibc."""
    try:
        name, _, version = (os.confstr("CS_GNU_LIBC_VERSION") or "").partition(" ")
        major, minor = version.split(".")[:2]
        return (int(major), int(minor)) if name == "glibc" else None
    except (AttributeError, ValueError, OSError):
        return None


def _met(has: Version, relation: str, needed: Version) -> bool:
    return has == needed if relation == "==" else has >= needed
