"""What another process would not find of the functions and types that a program defines."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from sematic import entry, function
from sematic.errors import ArtifactError, SematicError
from sematic.function import Function, find
from sematic.parity.problems import IsUsers, Problem, place_of
from sematic.types.base import Spec, ValueType
from sematic.types.registry import from_spec


@contextmanager
def as_worker(module: str) -> Iterator[None]:
    """While the block lasts this process is one that imports the entry module `module` to run single functions."""
    entry.worker_of = module
    try:
        yield
    finally:
        entry.worker_of = None


def module_of(file: str) -> str:
    """The name by which a worker imports the entry module; ``__main__`` when it cannot."""
    return entry.module_of(Path(file).absolute())


def count(is_users: IsUsers) -> tuple[int, int]:
    """How many functions the user's modules define, and how many types these declare."""
    known = _known(is_users)
    found = set()
    for each in known.values():
        with suppress(SematicError):
            found |= {kind.name for _, kind in _declared(each)}
    return len(known), len(found)


def check(is_users: IsUsers, called: Iterable[tuple[str, str, int]]) -> Iterator[Problem]:
    """What this process, which imported the program as a worker does, does not find.

    `called` are functions that another process of the program ran: path, file and line.
    """
    known = _known(is_users)
    for each in known.values():
        yield from _of_function(each)
    ran = [each for each in called if is_users(each[1])]
    for path, file, line in ran:
        if path not in known or place_of(known[path]) != (file, line):
            yield from _missing(path, file, line)
    yield from _not_as_written(is_users, {*known, *(path for path, _, _ in ran)})


def _known(is_users: IsUsers) -> dict[str, Function[..., Any]]:
    return {path: each for path, each in list(function._known.items()) if is_users(place_of(each)[0])}


def _declared(current: Function[..., Any]) -> list[tuple[str, ValueType]]:
    named = [(f"its parameter {each.name}", each.type) for each in current.parameters.values()]
    return [*named, ("its result", current.returns)]


def _of_function(current: Function[..., Any]) -> Iterator[Problem]:
    place = place_of(current)
    yield from _missing(current.path, *place)
    try:
        declared = _declared(current)
    except SematicError as error:
        yield Problem(str(error), *place, error=error)
        return
    for what, kind in declared:
        for problem in _of_type(kind.spec, *place):
            yield problem._replace(what=f"{current.name}: {what}: {problem.what}")


def _missing(path: str, file: str, line: int) -> Iterator[Problem]:
    """Looked up anew: a function that this process knows need not be what its module holds."""
    name = path.partition(":")[2]
    fix = f"Define {name} once, at the top level of its module, and let nothing else take its name."
    known = function._known.pop(path, None)
    try:
        found = find(path)
    except SematicError as error:
        yield Problem(f"a worker cannot import {name}: {error}", file, line, fix)
        return
    finally:
        if known is not None:
            function._known[path] = known
    if place_of(found) != (file, line):
        other = ":".join(map(str, place_of(found)))
        yield Problem(f"a worker that imports {name} gets another function, that of {other}", file, line, fix)


def _of_type(spec: Spec, file: str, line: int) -> list[Problem]:
    try:
        from_spec(spec)
    except ArtifactError as error:
        return [Problem(str(error), file, line, "Define the class at the top level of a module.")]
    return []


def _not_as_written(is_users: IsUsers, known: set[str]) -> Iterator[Problem]:
    """Functions of the sources that the imported modules do not have."""
    for name, module in list(sys.modules.items()):
        file = getattr(module, "__file__", None)
        if file and is_users(file) and file.endswith(".py") and name != entry.MAIN:
            for definition, guarded in _definitions(file, vars(module)):
                path = f"{name}:{definition.name}"
                if path not in known and guarded:
                    line = min([definition.lineno, *(each.lineno for each in definition.decorator_list)])
                    what = (
                        f"a worker cannot import {definition.name}: it is defined only where {name} is the main program"
                    )
                    fix = "Define it at the top level of the module; keep under the condition only what calls it."
                    yield Problem(what, file, line, fix)


def _definitions(file: str, names: dict[str, Any]) -> Iterator[tuple[ast.FunctionDef, bool]]:
    """The functions of a source that are decorated with ours, and whether only the main program defines them."""
    with open(file, "rb") as source:
        tree = ast.parse(source.read())
    todo: list[tuple[ast.AST, bool]] = [(tree, False)]
    while todo:
        node, guarded = todo.pop()
        guarded = guarded or (isinstance(node, ast.If) and "__name__" in ast.dump(node.test))
        if isinstance(node, ast.FunctionDef) and any(_is_ours(each, names) for each in node.decorator_list):
            yield node, guarded
        if not isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            todo.extend((child, guarded) for child in ast.iter_child_nodes(node))


def _is_ours(decorator: ast.expr, names: dict[str, Any]) -> bool:
    if isinstance(decorator, ast.Call):
        decorator = decorator.func
    if isinstance(decorator, ast.Attribute):
        return isinstance(decorator.value, ast.Name) and _is_func(
            getattr(names.get(decorator.value.id), decorator.attr, None)
        )
    return isinstance(decorator, ast.Name) and _is_func(names.get(decorator.id))


def _is_func(value: Any) -> bool:
    return value is function.func
