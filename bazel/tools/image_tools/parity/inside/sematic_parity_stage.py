"""One process of the test: runs main.py as a program, or imports it as a worker does.

python3 sematic_parity_stage.py REQUEST    with REQUEST a JSON file
"""

from __future__ import annotations

import importlib
import json
import os
import re
import sys
import types
from contextlib import suppress
from typing import Any

import sematic_parity_imports
import sematic_parity_watch

_WANTED = re.compile(r"cannot import name '(\w+)'")


class Stage:
    """What both kinds of process share."""

    def __init__(self, request: dict[str, Any], watch: sematic_parity_watch.Watch) -> None:
        self.request = request
        self.watch = watch
        self.main: str = request["main"]
        self._told: dict[int, BaseException] = {}

    def run(self) -> None:
        """Run main.py with its arguments, every resolver replaced."""
        module = types.ModuleType("__main__")
        module.__dict__.update(__file__=self.main, __builtins__=__builtins__, __annotations__={})
        sys.modules["__main__"] = module
        parity = self._sematic()
        if parity is None:
            return
        observer = parity.Observer(self._problem, self._enter, self._keep)
        with parity.every_resolver(observer):
            try:
                with open(self.main, "rb") as file:
                    code = compile(file.read(), self.main, "exec", dont_inherit=True)
                exec(code, module.__dict__)
            except BaseException as error:
                if not any(error is each for each in observer.explained):
                    self._ended(error)
        self.watch.note("ran", values=observer.values, runs=observer.runs, called=sorted(observer.called))
        self._modules()

    def import_it(self) -> None:
        """Import main.py under its real name, and check what a worker would have to find."""
        parity = self._sematic()
        if parity is None:
            return
        name = parity.module_of(self.main)
        closure = sematic_parity_imports.Closure(self.watch.is_users)
        closure.follow(self.main, name)
        for kind, found in {"module": closure.missing, "folder": closure.folders}.items():
            for each in found:
                self.watch.note(kind, name=each.name, file=each.file, line=each.line)
        with parity.as_worker(name):
            try:
                if name != "__main__":  # Such as my-main.py: then functions cannot be in it.
                    importlib.import_module(name)
            except BaseException as error:
                self._ended(error)
                return
            self._load_flags()
            for problem in parity.check(self.watch.is_users, map(tuple, self.request["called"])):
                self._problem(problem)
            functions, types = parity.count(self.watch.is_users)
            self.watch.note("checked", functions=functions, types=types)
            self._modules()
            self._replay(parity)

    def work(self) -> None:
        """Import main.py as a worker does, and only run functions."""
        parity = self._sematic()
        assert parity is not None
        name = parity.module_of(self.main)
        with parity.as_worker(name):
            if name != "__main__":
                importlib.import_module(name)
            self._load_flags()
            self._replay(parity)

    def _replay(self, parity: Any) -> None:
        for path, file in self.request["calls"]:
            with open(file, "rb") as arguments:
                problem = parity.replay(path, arguments.read())
            if problem is not None:
                self._problem(problem)
        self.watch.note("replayed", calls=len(self.request["calls"]))

    def _sematic(self) -> Any:
        try:
            return importlib.import_module("sematic.parity")
        except ImportError as error:
            self.watch.note("no sematic", message=str(error))
            return None

    def _load_flags(self) -> None:
        flags = sys.modules.get("absl.flags")
        if flags is not None:
            flags.FLAGS(sys.argv, known_only=True)

    def _modules(self) -> None:
        """How many of the user's modules were imported."""
        files = {getattr(module, "__file__", None) for module in list(sys.modules.values())}
        self.watch.note("modules", users=sum(1 for file in files if file and self.watch.is_users(file)))

    def _enter(self, kind: str, name: str) -> None:
        self.watch.pod = (kind, name)

    def _keep(self, path: str, inline: bool, arguments: bytes) -> None:
        file = f"{self.request['calls_folder']}/{path.replace(':', '.')}"
        with open(file, "wb") as target:
            target.write(arguments)
        self.watch.note("call", path=path, inline=inline, file=file)

    def _problem(self, problem: Any) -> None:
        error = problem.error
        if error is not None and id(error) not in self._told:
            self._told[id(error)] = error
            self._error(error, (problem.file, problem.line), problem.what)
        elif error is None:
            self.watch.note("problem", what=problem.what, file=problem.file, line=problem.line, fix=problem.fix)

    def _ended(self, error: BaseException) -> None:
        if id(error) in self._told:
            return
        if self.request["stage"] == "run" and isinstance(error, SystemExit) and (not error.code or self._told):
            return  # It ended well, or with a code that says what was told already.
        self._error(error, None, "")

    def _error(self, error: BaseException, default: tuple[str, int] | None, what: str) -> None:
        file, line = self._place(error) or default or (self.main, 1)
        chain = _chain(error)
        deepest = next((each for each in chain if _detail(each)), error)
        self.watch.note(
            "error",
            stage=self.request["stage"],
            what=what,
            type=type(error).__name__,
            message=_message(error),
            notes=list(getattr(error, "__notes__", [])),
            file=file,
            line=line,
            **_detail(deepest),
        )

    def _place(self, error: BaseException) -> tuple[str, int] | None:
        """The user's innermost line; of a source that Python cannot read, the line in it."""
        if isinstance(error, SyntaxError) and error.filename and self.watch.is_users(error.filename):
            return error.filename, error.lineno or 1
        place = None
        traceback = error.__traceback__
        while traceback is not None:
            if self.watch.is_users(traceback.tb_frame.f_code.co_filename):
                place = traceback.tb_frame.f_code.co_filename, traceback.tb_lineno
            traceback = traceback.tb_next
        return place


def _chain(error: BaseException) -> list[BaseException]:
    chain = [error]
    while chain[-1].__cause__ is not None and len(chain) < 20:
        chain.append(chain[-1].__cause__)
    return chain


def _detail(error: BaseException) -> dict[str, Any]:
    """What an exception is about, where it says so."""
    if isinstance(error, ImportError) and error.name:
        wanted = _WANTED.match(str(error))
        return {"module": f"{error.name}.{wanted.group(1)}" if wanted else error.name}
    if isinstance(error, FileNotFoundError) and isinstance(error.filename, (str, bytes)):
        return {"path": os.path.abspath(os.fsdecode(error.filename))}
    if isinstance(error, KeyError) and error.args and _innermost(error) == ("__getitem__", os.__file__):
        return {"variable": str(error.args[0])}
    return {}


def _innermost(error: BaseException) -> tuple[str, str]:
    traceback = error.__traceback__
    while traceback is not None and traceback.tb_next is not None:
        traceback = traceback.tb_next
    code = traceback.tb_frame.f_code if traceback is not None else None
    file = {"<frozen os>": os.__file__}.get(code.co_filename, code.co_filename) if code else ""
    return (code.co_name if code else "", file)


def _message(error: BaseException) -> str:
    with suppress(Exception):  # A user's __str__ may raise anything.
        return str(error)
    return "(its message cannot be shown)"


def main(request_file: str) -> None:
    """Run the stage that the request asks for."""
    with open(request_file) as file:
        request = json.load(file)
    watch = sematic_parity_watch.watch
    assert watch is not None
    if not getattr(sys.flags, "safe_path", False):  # Since Python 3.11: our own folder, which main.py's replaces here.
        sys.path[0] = os.path.dirname(request["main"])
    sys.argv = [request["main"], *request["arguments"]]
    stage = Stage(request, watch)
    {"run": stage.run, "import": stage.import_it, "work": stage.work}[request["stage"]]()
    watch.note("end", stage=request["stage"])


if __name__ == "__main__":
    main(sys.argv[1])
