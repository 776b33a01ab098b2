"""The real name of the program's entry module, which Python itself calls ``__main__``.

Functions and classes of the entry module are recorded under the name by which another process can import them.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

MAIN = "__main__"

worker_of: str | None = None
"""In a process that only runs single bodies for a driver: the program's entry module, which it imports."""


def working_folder() -> str:
    """The current folder; empty where it was removed."""
    try:
        return os.getcwd()
    except OSError:
        return ""


started_in = working_folder()
"""Where the program was started, as far as that can be known: it may go elsewhere before it resolves anything."""


def import_path() -> list[str]:
    """The parts of sys.path that Python looks at: it passes over what is no text."""
    return [entry for entry in sys.path if isinstance(entry, str)]


_found: str | None = None


def main_module_name() -> str:
    """The dotted name of the entry module: of `python -m`, else from its file; ``__main__`` in a console, and where
    the file's name is none that could be imported."""
    global _found
    if _found is None:
        name = _main_module_name()
        if name == MAIN:  # it may not be known yet: `python -m` imports packages before the module
            return MAIN
        _found = name  # sys.path may change while the program runs; the name must not
    return _found


def _main_module_name() -> str:
    module = sys.modules[MAIN]
    spec = getattr(module, "__spec__", None)
    if spec is not None and spec.name != MAIN:
        return str(spec.name)
    file = getattr(module, "__file__", None)
    return module_of(Path(file).absolute()) if file and file.endswith(".py") else MAIN


def adopt_main() -> None:
    """Make the entry module importable by its real name, as the same module: one class `Config`, not two."""
    name = main_module_name()
    package, _, last = name.rpartition(".")
    if sys.modules.setdefault(name, sys.modules[MAIN]) is sys.modules[MAIN] and package in sys.modules:
        setattr(sys.modules[package], last, sys.modules[MAIN])  # as importing it would


def real_module(name: str) -> str:
    """The importable name of a module called `name` at run time."""
    if name != MAIN:
        return name
    adopt_main()  # where importing sematic came too early for it
    return main_module_name()


def module_of(file: Path) -> str:
    """The name by which another process imports an entry module: the longest dotted name under a root of sys.path.

    Under Bazel that root is the repository's runfiles folder, which gives ``examples.digits.main``; the script's own
    folder, which Python puts there, gives only its stem.
    """
    roots = {Path(entry).absolute() for entry in import_path() if entry}
    if len(roots) > 1 and (runfiles := os.environ.get("RUNFILES_DIR")):
        roots.discard(Path(runfiles).absolute())  # Bazel puts it there too: `_main.examples.digits.main`, for nobody
    names = [_dotted(file, root) for root in roots if root in file.parents]
    # A name such as my-main is one for import_module only, and where Python looks into that folder.
    stem = file.stem if "." not in file.stem and file.parent in roots else MAIN
    return max((name for name in names if name), key=lambda name: (name.count("."), name), default=stem)


def _dotted(file: Path, root: Path) -> str:
    parts = file.relative_to(root).with_suffix("").parts
    return ".".join(parts) if all(part.isidentifier() for part in parts) else ""
