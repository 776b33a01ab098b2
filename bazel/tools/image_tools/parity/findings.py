"""From what was seen in the image's files and what this machine has to a list of mistakes. Pure, but for the laptop."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from image_tools.parity.laptop import Laptop
from image_tools.parity.plan import Plan
from image_tools.parity.rootfs import Root

Line = dict[str, Any]


@dataclass(frozen=True)
class Mistake:
    """One mistake: what is wrong, the line it is on, why it fails remotely, what to do. `about` tells two ways of
    meeting one mistake from two mistakes on a line."""

    file: str
    line: int
    what: str
    why: str
    fix: str
    about: str


class Findings:
    """Reads the journal of a test."""

    def __init__(self, plan: Plan, root: Root, laptop: Laptop) -> None:
        self._plan = plan
        self._root = root
        self._laptop = laptop
        self._made: set[str] = set()
        self._of: dict[str, Callable[[Line], Iterator[Mistake]]] = {
            "module": self._module,
            "folder": self._folder,
            "missing": self._missing,
            "laptop": self._laptops,
            "glob": self._glob,
            "handed": self._handed,
            "error": self._error,
            "problem": self._problem,
            "died": self._died,
            "no sematic": self._no_sematic,
        }

    def mistakes(self, journal: Iterable[Line]) -> list[Mistake]:
        """Each mistake once, in the order in which they were met."""
        journal = list(journal)
        self._made = {line["path"] for line in journal if line["kind"] == "made"}
        return [line[1] for line in sorted(self._distinct(journal), key=lambda numbered: numbered[0])]

    def _distinct(self, journal: list[Line]) -> Iterator[tuple[int, Mistake]]:
        """Causes first: the exception that one leads to on the same line says nothing more."""
        seen: set[tuple[str, int, str]] = set()
        explained: set[tuple[str, int]] = set()
        for number, line in sorted(enumerate(journal), key=lambda numbered: numbered[1]["kind"] == "error"):
            for mistake in self._of.get(line["kind"], _nothing)(line):
                place = (mistake.file, mistake.line)
                if (*place, mistake.about) in seen or (line["kind"] == "error" and place in explained):
                    continue
                seen.add((*place, mistake.about))
                if line["kind"] != "error":
                    explained.add(place)
                yield number, mistake

    def _module(self, line: Line) -> Iterator[Mistake]:
        """A module that was looked for in vain is a mistake where this machine has it."""
        here = self._laptop.module(line["name"])
        if here is not None:
            yield self._absent_module(line, line["name"], here)

    def _folder(self, line: Line) -> Iterator[Mistake]:
        """A package without its __init__.py is one that has none, or one whose __init__.py nobody declared."""
        here = self._laptop.module(line["name"])
        if here is not None and here.startswith(f"{self._laptop.workspace}/"):
            yield self._absent_module(line, line["name"], here)

    def _absent_module(self, line: Line, name: str, here: str | None) -> Mistake:
        what = f"the module {name} is not in the image"
        if here is None:
            why = "The import fails there; on this machine it is not installed either."
            fix = f"Add what provides {name} to the deps of the library that imports it."
            if full := self._laptop.beside_main(name):
                why = "The folder of main.py is no place that Python imports from, here as there."
                fix = f"Import it as {full}, and add it to the srcs of a library in deps."
        elif here.startswith(f"{self._laptop.workspace}/"):
            where = self._laptop.name(here)
            why = f"It is {where} here, which no target that main depends on has in its srcs."
            fix = f"Add {where} to the srcs of a py_library, and that library to deps."
        else:
            why = f"It comes from {here} here, which is installed on this machine and which the build knows nothing of."
            fix = f"Add the package to the requirements, and requirement(…) for {name} to deps."
        return self._mistake(line, what, why, fix, name)

    def _missing(self, line: Line) -> Iterator[Mistake]:
        relative = self._relative(line["path"])
        if self._laptop.file(relative) is not None and not self._is_made(line["path"]):
            yield self._absent_file(line, line["path"], relative)

    def _is_made(self, path: str) -> bool:
        """Whether the program made a file or folder, or a folder around it, that was not there at first."""
        return any(path == made or path.startswith(made + "/") for made in self._made)

    def _absent_file(self, line: Line, path: str, relative: str | None) -> Mistake:
        if relative is None or self._laptop.file(relative) is None:
            fix = "Create it first, or add it to data where it belongs to the sources."
            return self._mistake(line, f"the file {self._named(path)} does not exist", "", fix, path)
        what = f"{os.path.normpath(relative)} is not in the image"
        why = "The program looks for it; it is in the workspace, but no target that main depends on has it in its data."
        fix = f"Add {os.path.basename(path)} to the data of the library that reads it."
        return self._mistake(line, what, why, fix, path)

    def _laptops(self, line: Line) -> Iterator[Mistake]:
        path = line["path"]
        name = self._laptop.name(path)
        if name != path:
            what = f"{name} is looked for by its absolute path on this machine"
            fix = (
                "Add it to data, and find it beside the module: pathlib.Path(__file__).parent, or importlib.resources."
            )
        else:
            what = f"{path} is a file of this machine"
            fix = "Read it from the build (data) or from shared storage; pass the place as an argument or env."
        yield self._mistake(line, what, "A container has no such file.", fix, path)

    def _glob(self, line: Line) -> Iterator[Mistake]:
        pattern = self._relative(line["pattern"])
        base = self._root.source / self._plan.repository
        for match in self._laptop.matches(pattern, line["recursive"]):
            if not os.path.exists(base / match):
                yield self._absent_file(line, str(base / match), match)

    def _handed(self, line: Line) -> Iterator[Mistake]:
        path, writer, reader = self._named(line["path"]), line["writer"][0], line["reader"][0]
        what = f"{path} is written in one place and read in another: by {_pod(writer)}, then by {_pod(reader)}"
        fix = "Return what the file holds instead of its path, or keep it in storage that both can reach."
        yield self._mistake(line, what, "Their file systems are not the same there.", fix, path)

    def _error(self, line: Line) -> Iterator[Mistake]:
        here = self._laptop.module(line["module"]) if "module" in line else None
        if "module" in line and (here or line["type"] == "ModuleNotFoundError"):
            yield self._absent_module(line, line["module"], here)
        elif "path" in line and not self._is_refused(line["path"]):
            inside = line["path"].startswith(str(self._root.root))
            yield self._absent_file(line, line["path"], self._relative(line["path"]) if inside else None)
        elif "path" in line:
            yield from self._laptops(line)
        elif "variable" in line:
            name = line["variable"]
            what = f"the environment variable {name} is not set in the image"
            fix = f'Give it a value in env = {{"{name}": …}}, or read it with a default.'
            yield self._mistake(line, what, "A container has what the image sets, not what your shell sets.", fix, name)
        else:
            yield self._other_error(line)

    def _other_error(self, line: Line) -> Mistake:
        text = "\n".join([f"{line['type']}: {self._root.there(line['message'])}", *line["notes"]])
        return self._mistake(line, text, *_reason(line), line["message"])

    def _is_refused(self, path: str) -> bool:
        return not path.startswith(str(self._root.scratch)) and os.path.exists(path)

    def _problem(self, line: Line) -> Iterator[Mistake]:
        what = self._root.there(line["what"])
        yield self._mistake(line, what, "", line["fix"], what)

    def _died(self, line: Line) -> Iterator[Mistake]:
        what = f"the process of main.py ended with exit code {line['code']} before the test was done"
        yield self._mistake(line, what, "", "See what it printed above.", "died")

    def _no_sematic(self, line: Line) -> Iterator[Mistake]:
        place = {"file": str(self._root.source / self._plan.main), "line": 1}
        fix = 'Add requirement("sematic") to deps, in the version that these rules are of.'
        yield self._mistake(
            place, f"the image has no Sematic that can be tested: {line['message']}", "", fix, "sematic"
        )

    def _mistake(self, line: Line, what: str, why: str, fix: str, about: str) -> Mistake:
        return Mistake(self._named(line["file"]), line["line"], what, why, fix, about)

    def _relative(self, path: str) -> str:
        """Where a path of the image would be in the workspace, relative to it."""
        return os.path.relpath(path, self._root.source / self._plan.repository)

    def _named(self, path: str) -> str:
        """As the user knows a file: relative to the workspace, or its path in the image."""
        inside = f"{self._root.source}/{self._plan.repository}/"
        return path[len(inside) :] if path.startswith(inside) else self._root.there(path)


def _reason(line: Line) -> tuple[str, str]:
    """Why an exception is one there, and what to do."""
    if line["stage"] == "run":
        return "The program fails in the image's files.", ""
    if not line["what"]:
        return "A worker imports main.py, and cannot.", ""
    why = (
        f"{line['what']}, which only imported main.py: what main.py or another function put into modules, flags or "
        "the environment is not there."
    )
    return why, "Pass what it needs as an argument."


def _nothing(line: Line) -> Iterator[Mistake]:
    return iter(())


def _pod(name: str) -> str:
    if name == "main.py":
        return "main.py on your machine"
    return "a function in the driver" if name == "driver" else f"{name} in a pod of its own"
