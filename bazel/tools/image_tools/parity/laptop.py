"""Where a program finds on this machine what its image does not have. Nothing is imported or run to find out."""

from __future__ import annotations

import glob
import os
import site
import sys
from collections.abc import Sequence
from importlib.machinery import PathFinder
from pathlib import Path


class Laptop:
    """The user's workspace, and what is installed beside it."""

    def __init__(self, main_file: Path, main: str, installed: Sequence[str]) -> None:
        real = Path(os.path.realpath(main_file))
        self.workspace = Path(*real.parts[: -main.count("/")])
        self._package = real.parent
        self._installed = list(installed)

    def module(self, name: str) -> str | None:
        """The file of a module that this machine has; None when it has none either."""
        path: Sequence[str] | None = [str(self.workspace), *self._installed]
        found = None
        parts = name.split(".")
        for part in parts:
            # By its last part only: Python would look for the packages around it among the imported ones.
            found = PathFinder.find_spec(part, path) if path is not None else None
            if found is None:
                return None
            inside = found.submodule_search_locations
            path = None if inside is None else list(inside)
        return found.origin if found is not None and found.loader is not None else None

    def beside_main(self, name: str) -> str | None:
        """The full name of a module that stands beside main.py and was asked for by its last name only."""
        relative = self._package.relative_to(self.workspace)
        return ".".join([*relative.parts, name]) if (self._package / f"{name}.py").is_file() else None

    def file(self, relative: str) -> str | None:
        """A file or folder of the workspace, by its path relative to it; None when there is none."""
        path = os.path.normpath(self.workspace / relative)
        return path if os.path.exists(path) else None

    def matches(self, pattern: str, recursive: bool) -> list[str]:
        """What a glob pattern relative to the workspace finds, relative to it again."""
        return sorted(glob.glob(pattern, root_dir=self.workspace, recursive=recursive))

    def name(self, path: str) -> str:
        """`path` as people call it: relative to the workspace when it is inside."""
        root = f"{self.workspace}/"
        return path[len(root) :] if path.startswith(root) else path


def installed() -> list[str]:
    """The folders of this interpreter in which packages are installed."""
    folders = [*site.getsitepackages(), site.getusersitepackages()]
    base = getattr(sys, "base_prefix", sys.prefix)
    version = f"python{sys.version_info[0]}.{sys.version_info[1]}"
    folders += [f"{base}/lib/{version}/site-packages", f"{base}/lib/python3/dist-packages"]
    others = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    return [folder for folder in dict.fromkeys([*folders, *others]) if folder and os.path.isdir(folder)]
