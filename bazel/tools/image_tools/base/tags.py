"""Whether a wheel runs on a base, by its tags: `python-ABI-platform`, as PEP 425 and PEP 600 have them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import product

_PYTHON = re.compile(r"(cp|py)(\d)(\d*)")
_MANYLINUX = re.compile(r"manylinux_(\d+)_(\d+)_(\w+)")
_OLD_MANYLINUX = re.compile(r"(manylinux1|manylinux2010|manylinux2014)_(\w+)")
_MUSLLINUX = re.compile(r"musllinux_\d+_\d+_(\w+)")
_OLD_GLIBC = {"manylinux1": (2, 5), "manylinux2010": (2, 12), "manylinux2014": (2, 17)}
_MACHINES = {
    "amd64": ("x86_64",),
    "arm64": ("aarch64",),
    "386": ("i686", "i386"),
    "arm": ("armv7l", "armv6l"),
    "ppc64le": ("ppc64le",),
    "s390x": ("s390x",),
    "riscv64": ("riscv64",),
}
_OTHER_SYSTEMS = {"macosx": "macOS", "win": "Windows", "ios": "iOS", "android": "Android", "emscripten": "the browser"}


@dataclass(frozen=True)
class Facts:
    """What is known of a base. An empty version is an unknown one."""

    name: str
    os: str
    architecture: str
    python: str = ""
    glibc: str = ""

    @property
    def machines(self) -> tuple[str, ...]:
        """The architecture as wheels call it."""
        return _MACHINES.get(self.architecture, (self.architecture,))


@dataclass(frozen=True)
class Misfit:
    """Why a tag does not fit: `depth` says how far it got, so that of several the nearest is told."""

    depth: int
    reason: str
    way_out: str


def expanded(tags: Iterable[str]) -> list[str]:
    """A file's name joins tags with dots; a WHEEL file has them one by one."""
    return [tag for joined in tags for tag in _expand(joined)]


def misfit(tag: str, base: Facts) -> Misfit | None:
    """Why a wheel with this tag does not run on the base, or None. What is not known fits."""
    python, _, rest = tag.partition("-")
    abi, _, platform = rest.partition("-")
    return _python(python, abi, base) or _platform(platform, base)


def needs_python(tag: str) -> bool:
    """Whether it matters which Python 3 the base has."""
    return not tag.startswith(("py3-none-", "py2", "cp2"))


def needs_glibc(tag: str) -> bool:
    """Whether it matters which C library the base has."""
    return glibc(tag.rpartition("-")[2]) is not None or "-musllinux" in tag


def glibc(platform: str) -> tuple[int, int] | None:
    """The oldest glibc that a platform tag asks for; None for other tags."""
    if found := _MANYLINUX.fullmatch(platform):
        return int(found[1]), int(found[2])
    if found := _OLD_MANYLINUX.fullmatch(platform):
        return _OLD_GLIBC[found[1]]
    return None


def unchecked(tags: Iterable[str], base: Facts) -> list[str]:
    """What a wheel that fits needs beyond what is known of the base, as in `python==3.11` and `glibc>=2.28`."""
    fitting = [tag for tag in tags if misfit(tag, base) is None]
    if not fitting:
        return []
    tag = min(fitting, key=lambda tag: glibc(tag.rpartition("-")[2]) or (0, 0))
    return [*_unchecked_python(tag, base), *_unchecked_glibc(tag, base)]


def _unchecked_python(tag: str, base: Facts) -> Iterator[str]:
    python, abi, _ = tag.split("-", 2)
    found = _PYTHON.fullmatch(python)
    if found and found[3] and not base.python:
        yield f"python{'==' if found[1] == 'cp' and abi != 'abi3' else '>='}3.{found[3]}"


def _unchecked_glibc(tag: str, base: Facts) -> Iterator[str]:
    needed = glibc(tag.rpartition("-")[2])
    if needed and not base.glibc:
        yield f"glibc>={needed[0]}.{needed[1]}"


def _expand(joined: str) -> Iterator[str]:
    yield from map("-".join, product(*(part.split(".") for part in joined.split("-"))))


def _python(python: str, abi: str, base: Facts) -> Misfit | None:
    found = _PYTHON.fullmatch(python)
    if found is None:
        return Misfit(0, f"is for {python}, which is not CPython", "take a wheel for CPython")
    kind, major, minor = found[1], int(found[2]), int(found[3]) if found[3] else None
    if major != 3:
        return Misfit(0, f"is for Python {major}", "take a version of it for Python 3")
    if not base.python:
        return None
    own = int(base.python.partition(".")[2])
    if kind == "cp" and abi not in ("abi3", "none", f"cp3{minor}"):
        return _other_python(f"needs a Python of another build (ABI {abi})", base, f"3.{minor}")
    if minor is None or minor == own or (minor < own and (kind == "py" or abi == "abi3")):
        return None
    at_least = " or newer" if kind == "py" or abi == "abi3" else ""
    return _other_python(f"needs Python 3.{minor}{at_least}", base, f"3.{minor}")


def _other_python(needs: str, base: Facts, version: str) -> Misfit:
    return Misfit(
        1,
        f"{needs}, the base has {base.python}",
        f"take a base with Python {version}, or build with Python {base.python}",
    )


def _platform(platform: str, base: Facts) -> Misfit | None:
    if platform == "any":
        return None
    system = re.match(r"[a-z]+", platform)
    if system and system[0] in _OTHER_SYSTEMS:
        return Misfit(
            2,
            f"is for {_OTHER_SYSTEMS[system[0]]} ({platform}), the base for {base.os}/{base.architecture}",
            "have the wheels of that platform fetched (rules_python: target_platforms of pip.parse), or build on Linux",
        )
    return _machine(platform, base) or _c_library(platform, base)


def _machine(platform: str, base: Facts) -> Misfit | None:
    for machine in base.machines:
        if platform.endswith(f"_{machine}"):
            return None
    return Misfit(
        3,
        f"is for another machine ({platform}), the base for {base.os}/{base.architecture}",
        "take a base for that machine, or have the wheels of the base's platform fetched (rules_python: "
        "target_platforms of pip.parse)",
    )


def _c_library(platform: str, base: Facts) -> Misfit | None:
    if not base.glibc:
        return None
    if _MUSLLINUX.fullmatch(platform):
        return Misfit(
            4, f"needs musl, the base has glibc {base.glibc}", "take its manylinux wheel, or a base with musl"
        )
    needed = glibc(platform)
    major, _, minor = base.glibc.partition(".")
    if needed is None or needed <= (int(major), int(minor)):
        return None
    return Misfit(
        4,
        f"needs glibc {needed[0]}.{needed[1]}, the base has {base.glibc}",
        "take a base with a newer glibc, or a version of the wheel that has an older manylinux tag",
    )
