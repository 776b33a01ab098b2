"""Every module that the user's sources import, also in functions that nobody called yet.

Sources are read, not run, beginning with main.py and going on to every module of the user's that is found.
"""

from __future__ import annotations

import ast
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from importlib.machinery import PathFinder
from typing import NamedTuple


class Import(NamedTuple):
    """A module that a line asks for."""

    name: str
    file: str
    line: int


class Closure:
    """What a program imports: modules that are `missing`, `folders` without an __init__.py that were imported as
    packages, and the `files` that were read."""

    def __init__(self, is_users: Callable[[str], bool]) -> None:
        self.missing: list[Import] = []
        self.folders: list[Import] = []
        self.files: set[str] = set()
        self._is_users = is_users

    def follow(self, file: str, module: str) -> None:
        """Read `file`, which is `module`, and what it imports of the user's."""
        todo = [(file, module)]
        while todo:
            file, module = todo.pop()
            if file in self.files:
                continue
            self.files.add(file)
            for each in _imports(file, module):
                todo += self._look(each)

    def _look(self, each: Import) -> list[tuple[str, str]]:
        """The user's files that one import leads to; a module that is not there is noted."""
        files: list[tuple[str, str]] = []
        path: Sequence[str] | None = None
        parts = each.name.split(".")
        for end in range(1, len(parts) + 1):
            name = ".".join(parts[:end])
            if end == 1 and (name in sys.builtin_module_names or name in sys.stdlib_module_names):
                return files
            # By its last part only: Python would look for the packages around it among the imported ones.
            spec = PathFinder.find_spec(parts[end - 1], path)
            if spec is None:
                self.missing.append(each)
                return files
            origin = spec.origin if spec.has_location else None
            if origin is None:
                self.folders.append(each._replace(name=name))
            if origin and self._is_users(origin) and origin.endswith(".py"):
                files.append((origin, name))
            if spec.submodule_search_locations is None:
                return files
            path = list(spec.submodule_search_locations)
            if origin and not self._is_users(origin):
                return files  # What an installed package has inside is its own affair.
        return files


def _imports(file: str, module: str) -> Iterator[Import]:
    try:
        with open(file, "rb") as source:
            tree = ast.parse(source.read())
    except (OSError, SyntaxError, ValueError):
        return  # Importing it says what is wrong.
    package = module if os.path.basename(file) == "__init__.py" else module.rpartition(".")[0]
    for node in _run(tree):
        if isinstance(node, ast.Import):
            yield from (Import(alias.name, file, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = _absolute(node, package)
            if base:
                yield Import(base, file, node.lineno)
                # A name may be a module or something in one; what is neither is found out by importing.
                yield from (Import(f"{base}.{alias.name}", file, node.lineno) for alias in node.names)


def _absolute(node: ast.ImportFrom, package: str) -> str:
    if not node.level:
        return node.module or ""
    parts = package.split(".")
    parts = parts[: len(parts) - node.level + 1]
    return ".".join([*parts, node.module] if node.module else parts)


def _run(tree: ast.AST) -> Iterator[ast.AST]:
    """All nodes but those that only type checkers look at."""
    todo: list[ast.AST] = [tree]
    while todo:
        node = todo.pop()
        yield node
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test):
            todo.extend(node.orelse)
        else:
            todo.extend(ast.iter_child_nodes(node))
