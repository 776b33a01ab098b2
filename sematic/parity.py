"""What the parity test needs to know inside of a program: ``:main_test`` runs it from the files of the image.

`every_resolver` runs whatever the program resolves here and now, as SilentResolver does, and looks closer; `check` says
what another process would not find of the functions and types that were defined.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias, TypeVar, cast

from sematic import entry, function, future
from sematic.engine.engine import Live
from sematic.engine.events import Event, ReturnedValue, RunInline, Submit
from sematic.engine.states import State
from sematic.errors import ArtifactError, SematicError
from sematic.function import Function, find
from sematic.future import Future
from sematic.parity_values import lost
from sematic.resolvers.base import Loop, function_of
from sematic.resolvers.outcome import path_of, result
from sematic.resolvers.silent import run_silently
from sematic.types.artifact import Artifact
from sematic.types.base import Spec, ValueType
from sematic.types.registry import from_spec

T = TypeVar("T")
IsUsers: TypeAlias = Callable[[str], bool]
"""Whether a source file is the user's own."""


class Problem(NamedTuple):
    """Something that would fail in the cluster; `error` is the exception where there is one."""

    what: str
    file: str
    line: int
    fix: str = ""
    error: BaseException | None = None


class Observer:
    """Told what a program runs: problems, and in which pod the next body would run."""

    def __init__(
        self,
        problem: Callable[[Problem], None],
        enter: Callable[[str, str], None],
    ) -> None:
        self.problem = problem
        self.enter = enter
        self.runs = 0
        self.values = 0
        self.called: set[tuple[str, str, int]] = set()
        """Functions whose bodies ran: path, file and line."""
        self.unreadable: set[str] = set()
        """What was said of values that cannot be read back,"""
        self.explained: list[BaseException] = []
        """and the exceptions that these led to."""


@contextmanager
def every_resolver(observer: Observer) -> Iterator[None]:
    """While the block lasts every graph is run here and now, whatever resolver the program asks for."""
    previous, future.every_resolver = future.every_resolver, _Watched(observer)
    try:
        yield
    finally:
        future.every_resolver = previous


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
        if path not in known or _place(known[path]) != (file, line):
            yield from _missing(path, file, line)
    yield from _not_as_written(is_users, {*known, *(path for path, _, _ in ran)})


class _Watched:
    """SilentResolver, watched."""

    def __init__(self, observer: Observer) -> None:
        self._observer = observer

    def resolve(self, future: Future[T]) -> T:
        observer = self._observer
        finish, loop = run_silently(future, _Watcher(observer))
        observer.enter("main.py", "")
        if finish.state is State.FAILED and finish.failed is not None:
            problem = _failed(loop, finish.failed)
            if problem.error is not None and str(problem.error) in observer.unreadable:
                observer.explained.append(problem.error)
            else:
                observer.problem(problem)
        return cast(T, result(finish, loop))


class _Watcher:
    """Keeps what each body returns until it was stored, to compare it with what its consumers get."""

    def __init__(self, observer: Observer) -> None:
        self._observer = observer
        self._function: Function[..., Any] | None = None
        self._body: Any = None
        self._returned: Any = None

    def started(self, instruction: RunInline | Submit) -> None:
        node = instruction.node
        self._function = current = function_of(node)
        self._body = body = current.body
        self._observer.runs += 1
        self._observer.called.add((current.path, *_place(current)))
        name = node.options.name or current.name
        self._observer.enter(*(("driver", "") if node.options.inline else (name, instruction.run_id)))

        def keeping(*args: Any, **kwargs: Any) -> Any:
            self._returned = body(*args, **kwargs)
            return self._returned

        keeping.__wrapped__ = body  # type: ignore[attr-defined]
        current.body = keeping

    def ended(self, event: Event) -> None:
        current, value = self._function, self._returned
        if current is None:
            return
        current.body, self._function, self._returned = self._body, None, None
        self._observer.enter("driver", "")
        if isinstance(event, ReturnedValue):
            self._compare(current, value, event.output)

    def _compare(self, current: Function[..., Any], value: Any, artifact: Artifact) -> None:
        self._observer.values += 1
        difference = lost(artifact.type, value, artifact)
        if difference:
            self._observer.unreadable.add(difference)
            what = f"the result of {current.name} does not survive being stored: {difference}"
            fix = "Declare a type that is stored field by field (a dataclass), or correct its __getstate__ or __reduce__."
            self._observer.problem(Problem(what, *_place(current), fix))


def _failed(loop: Loop, run_id: str) -> Problem:
    run: Live = loop.engine.runs[run_id]
    current = function_of(run.node)
    error = loop.errors.get(run_id)
    return Problem(f"{path_of(run)} failed", *_place(current), error=error)


def _known(is_users: IsUsers) -> dict[str, Function[..., Any]]:
    return {path: each for path, each in list(function._known.items()) if is_users(_place(each)[0])}


def _place(current: Function[..., Any]) -> tuple[str, int]:
    """Where a function is written; the decorator's line, as tracebacks have it."""
    body: Any = current.body
    while hasattr(body, "__wrapped__"):
        body = body.__wrapped__
    code = body.__code__
    return code.co_filename, code.co_firstlineno


def _declared(current: Function[..., Any]) -> list[tuple[str, ValueType]]:
    named = [(f"its parameter {each.name}", each.type) for each in current.parameters.values()]
    return [*named, ("its result", current.returns)]


def _of_function(current: Function[..., Any]) -> Iterator[Problem]:
    place = _place(current)
    yield from _missing(current.path, *place)
    try:
        declared = _declared(current)
    except SematicError as error:
        yield Problem(str(error), *place, error=error)
        return
    for what, kind in declared:
        for problem in _of_type(kind.spec, *place) or _of_fields(kind, *place):
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
    if _place(found) != (file, line):
        other = ":".join(map(str, _place(found)))
        yield Problem(f"a worker that imports {name} gets another function, that of {other}", file, line, fix)


def _of_type(spec: Spec, file: str, line: int) -> list[Problem]:
    try:
        from_spec(spec)
    except ArtifactError as error:
        return [Problem(str(error), file, line, "Define the class at the top level of a module.")]
    return []


def _of_fields(kind: ValueType, file: str, line: int) -> list[Problem]:
    """Fields of classes are looked at late, for classes may refer to themselves: a wrong one would be met late."""
    seen: set[str] = set()
    todo = [kind]
    while todo:
        each = todo.pop()
        if each.name in seen:
            continue
        seen.add(each.name)
        try:
            todo += _inside(each)
        except (SematicError, NameError) as error:
            where = _class_place(each) or (file, line)
            said = str(error) if isinstance(error, SematicError) else f"an annotation of {each.name}: {error}"
            return [Problem(said, *where, "Import what the annotation names at run time too, not for type checkers only.")]
    return []


def _inside(kind: ValueType) -> list[ValueType]:
    fields = getattr(kind, "fields", {})
    values = [*vars(kind).values(), *(fields.values() if isinstance(fields, dict) else ())]
    found = []
    for value in values:
        found += [each for each in (value if isinstance(value, (list, tuple)) else [value]) if isinstance(each, ValueType)]
    return found


def _class_place(kind: ValueType) -> tuple[str, int] | None:
    import inspect

    cls = getattr(kind, "python", None)
    with suppress(OSError, TypeError):
        return inspect.getsourcefile(cls) or "", inspect.getsourcelines(cls)[1]  # type: ignore[arg-type]
    return None


def _not_as_written(is_users: IsUsers, known: set[str]) -> Iterator[Problem]:
    """Functions of the sources that the imported modules do not have."""
    for name, module in list(sys.modules.items()):
        file = getattr(module, "__file__", None)
        if file and is_users(file) and file.endswith(".py") and name != entry.MAIN:
            for definition, guarded in _definitions(file, vars(module)):
                path = f"{name}:{definition.name}"
                if path not in known and guarded:
                    line = min([definition.lineno, *(each.lineno for each in definition.decorator_list)])
                    what = f"a worker cannot import {definition.name}: it is defined only where {name} is the main program"
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
        return isinstance(decorator.value, ast.Name) and _is_func(getattr(names.get(decorator.value.id), decorator.attr, None))
    return isinstance(decorator, ast.Name) and _is_func(names.get(decorator.id))


def _is_func(value: Any) -> bool:
    return value is function.func
