"""Watches a process of the tested program: what it looks for and the image does not have.

Runs in every Python process of the program, before any of its own code. What is seen goes to a journal, a JSON object
a line. Files of this machine that no container would have cannot be opened, so that the program goes the way that it
would go in one.
"""

from __future__ import annotations

import errno
import json
import os
import re
import shutil
import sys
from collections.abc import Callable, Sequence
from typing import Any

Place = tuple[str, int]

# What every base image has of its own; which of it a base has is not for this machine to know.
SYSTEM = ("/usr", "/lib", "/lib64", "/bin", "/sbin", "/etc", "/dev", "/proc", "/sys", "/run", "/System", "/Library")
# Folders that every container has too, but empty.
SHARED = ("/tmp", "/private/tmp", "/var/tmp", "/private/var/tmp", "/dev/shm")
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT
_MAIN = "main.py"
_PATH = re.compile(r"[^-\s][^\n]{0,500}[./][^\n]{0,500}|/[^\n]{0,1000}")  # A word of a command line that may be one.


class Watch:
    """What one process does. `pod` is where its current function would run; a program starts outside of any."""

    def __init__(self, settings: dict[str, Any]) -> None:
        self.root: str = settings["root"]
        self.source = settings["root"] + "/app/src"
        self.pod = (_MAIN, "")
        self._scratch: str = settings["scratch"]
        self._begun_ns: int = settings["begun_ns"]
        self._ours = (settings["scratch"], sys.base_prefix, sys.base_exec_prefix)
        self._libraries = tuple(settings["libraries"])
        self._journal = os.open(settings["journal"], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        self._stat = os.stat
        self._written: dict[str, tuple[str, str]] = {}
        self._busy = False
        self._handlers: dict[str, Callable[..., None]] = {
            "open": self._open,
            "os.listdir": self._read,
            "os.scandir": self._read,
            "os.rename": self._rename,
            "os.mkdir": lambda path, *_: self._makes(os.path.abspath(os.fsdecode(path))),
            "sqlite3.connect": self._read,
            "glob.glob": self._glob,
            "pathlib.Path.glob": lambda folder, pattern: self._glob(os.path.join(str(folder), str(pattern)), True),
            "pathlib.Path.rglob": lambda folder, pattern: self._glob(os.path.join(str(folder), "**", pattern), True),
            "subprocess.Popen": self._program,
        }

    def note(self, kind: str, **fields: object) -> None:
        """A line of the journal."""
        os.write(self._journal, (json.dumps({"kind": kind, **fields}) + "\n").encode())

    def place(self, through_packages: bool = True) -> Place | None:
        """The user's line that the current call comes from; None for what Python does by itself to import, and, where
        `through_packages` is false, for what a package that the user calls does of its own accord."""
        frame: Any = sys._getframe(1)
        while frame is not None:
            file = frame.f_code.co_filename
            if self.is_users(file):
                return file, frame.f_lineno
            if frame.f_code.co_name == "_find_and_load" and file.startswith("<frozen importlib"):
                return None
            if not through_packages and file.startswith(self.root):
                return None
            frame = frame.f_back
        return None

    def is_users(self, file: str) -> bool:
        """Whether a source file is the user's own: not an installed package, not Python's, not Sematic's."""
        return file.startswith(self.source) and not file.startswith(self._libraries)

    # The import system: asked last, so only for what nobody else has.
    def find_spec(self, name: str, path: object = None, target: object = None) -> None:
        """Note a module that does not exist."""
        frame: Any = sys._getframe(1)
        while frame is not None and _imports(frame.f_code.co_filename):
            frame = frame.f_back
        if frame is not None and self.is_users(frame.f_code.co_filename):
            self.note("module", name=name, file=frame.f_code.co_filename, line=frame.f_lineno)

    def hook(self, event: str, arguments: tuple[Any, ...]) -> None:
        """Python's audit hook."""
        handler = self._handlers.get(event)
        if handler is None or self._busy:
            return
        self._busy = True
        try:
            handler(*arguments)
        finally:
            self._busy = False

    def stat(self, path: Any, *arguments: Any, **options: Any) -> os.stat_result:
        """In the place of os.stat, of which no audit hook is told: `exists()` asks it."""
        try:
            return self._stat(path, *arguments, **options)
        except FileNotFoundError:
            if not self._busy and "dir_fd" not in options and (text := _text(path)) is not None:
                self._missing(os.path.abspath(text), self.place(through_packages=False))
            raise

    def _open(self, path: Any, mode: Any, flags: int) -> None:
        text = _text(path)
        if text is None or text == os.devnull or (mode is None and not os.path.isabs(text)):
            return  # What os.open is given may be relative to a folder that the event does not name.
        path = os.path.abspath(text)
        if flags & _WRITING:
            self._writes(path, bool(flags & os.O_CREAT))
        else:
            self._reads(path)

    def _read(self, path: Any = None, *_: object) -> None:
        text = _text(path)
        if text is not None and not text.startswith(("file:", ":memory:")):
            self._reads(os.path.abspath(text))

    def _reads(self, path: str) -> None:
        if not self._exists(path):
            self._missing(path, self.place())
        elif self._is_laptops(path):
            self._refuse(path)
        elif self._is_handed(path) and (place := self.place()) is not None:
            self.note("handed", path=path, writer=self._written[path], reader=self.pod, file=place[0], line=place[1])

    def _is_handed(self, path: str) -> bool:
        """Whether another pod wrote a file. What is in the home are caches, which every pod fills for itself."""
        return self._written.get(path, self.pod) != self.pod and not _is_in(path, (f"{self._scratch}/home",))

    def _writes(self, path: str, makes_it: bool) -> None:
        if _is_in(path, SYSTEM):
            return
        if self._is_laptops(os.path.dirname(path)) or (self._is_laptops(path) and not makes_it):
            self._refuse(path)
        self._written[path] = self.pod
        self._makes(path)

    def _makes(self, path: str) -> None:
        """What a program makes for itself it need not have been given."""
        if _is_in(path, (self.root,)) and "/__pycache__" not in path:
            self.note("made", path=path)

    def _rename(self, source: Any, target: Any, *_: object) -> None:
        old, new = _text(source), _text(target)
        if old is not None and new is not None and (pod := self._written.pop(os.path.abspath(old), None)):
            self._written[os.path.abspath(new)] = pod

    def _glob(self, pattern: Any, recursive: bool, *_: object) -> None:
        path = os.path.abspath(os.fspath(pattern))
        if _is_in(path, (self.source,)) and (place := self.place()) is not None:
            self.note("glob", pattern=path, recursive=bool(recursive), file=place[0], line=place[1])

    def _program(self, executable: Any, arguments: Any, cwd: Any, env: Any) -> None:
        folder = os.path.abspath(_text(cwd) or os.curdir)
        words = [arguments] if isinstance(arguments, (str, bytes)) else list(arguments)
        for word in (_text(executable), *map(_text, words)):
            if word is None or not _PATH.fullmatch(word):
                continue
            path = os.path.normpath(os.path.join(folder, word))
            if not self._exists(path):
                self._missing(path, self.place())
            elif self._is_laptops(path):
                self._refuse(path)
        name = shutil.which(_text(executable) or "", path=(env or os.environ).get("PATH"))
        if name is not None and _is_in(name, SYSTEM) and (place := self.place()) is not None:
            self.note("program", name=name, file=place[0], line=place[1])

    def _missing(self, path: str, place: Place | None) -> None:
        """Note a file of the image that is none."""
        if place is not None and _is_in(path, (self.root,)) and not self._exists(path):
            self.note("missing", path=path, file=place[0], line=place[1])

    def _refuse(self, path: str) -> None:
        """As if the file were not there, which is how it will be."""
        if (place := self.place()) is not None:
            self.note("laptop", path=path, file=place[0], line=place[1])
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), path)

    def _is_laptops(self, path: str) -> bool:
        """Whether a path was there before the program began, and neither image nor base image have it."""
        if _is_in(path, self._ours) or _is_in(path, SYSTEM) or path in ("/", *SHARED):
            return False
        try:
            found = self._stat(path)
        except (OSError, ValueError):
            return False
        return found.st_ctime_ns < self._begun_ns and path not in self._written

    def _exists(self, path: str) -> bool:
        try:
            self._stat(path)
        except (OSError, ValueError):
            return False
        return True


watch: Watch | None = None


def start(settings: str) -> None:
    """Watch this process from now on; `settings` is a JSON file."""
    global watch
    with open(settings) as file:
        watch = Watch(json.load(file))
    sys.meta_path.append(watch)
    sys.addaudithook(watch.hook)
    _replace_stat(watch)


def _replace_stat(watch: Watch) -> None:
    """os.stat is also a member of sets that say what it can do."""
    known: list[Any] = [os.supports_dir_fd, os.supports_effective_ids, os.supports_fd, os.supports_follow_symlinks]
    for able in known:
        if os.stat in able:
            able.add(watch.stat)
    os.stat = watch.stat


def _imports(file: str) -> bool:
    return file.startswith("<frozen importlib") or file.replace("\\", "/").endswith("/importlib/__init__.py")


def _is_in(path: str, folders: Sequence[str]) -> bool:
    return any(path == folder or path.startswith(folder + "/") for folder in folders)


def _text(path: Any) -> str | None:
    """A path as text; None for a descriptor."""
    if isinstance(path, (str, bytes)) or hasattr(path, "__fspath__"):
        text = os.fsdecode(path)
        return None if "\0" in text else text
    return None
