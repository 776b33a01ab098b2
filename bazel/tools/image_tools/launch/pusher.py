"""Pushes the images of a target: alone, or beside the program that is made of them.

push --plan PUSH.JSON --runfiles FOLDER                              prints the references, by digest
push --plan PUSH.JSON --runfiles FOLDER --program PID --state FILE   says in FILE how far it is, and stays for as
                                                                     long as the program
"""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from image_tools.launch import plan as planning
from image_tools.launch import program, words
from image_tools.launch.plan import Plan
from image_tools.launch.state import State, sweep
from image_tools.launch.stop import Stop
from image_tools.launch.words import Failed
from image_tools.registry import receipts
from image_tools.registry.errors import Cancelled, RegistryError
from image_tools.registry.progress import Snapshot, renderer
from image_tools.registry.push import Pushed, push
from image_tools.registry.session import Session, Settings


@dataclass(frozen=True)
class Given:
    """The command line. `pid` and `state` are those of the program beside, if there is one."""

    plan: Path
    runfiles: Path
    pid: int = 0
    state: Path | None = None


def main(arguments: Sequence[str], settings: Settings | None = None) -> int:
    """The exit code: 0, 1 when it failed, 128 and the signal's number when that ended it, 2 for other arguments."""
    given = _parse(arguments)
    if given is None:
        print(__doc__, file=sys.stderr)
        return 2
    stop = Stop()
    stop.listen()
    pusher = _Pusher(given, settings or Settings(), stop)
    return pusher.alone() if given.state is None else pusher.beside(given.state)


def _parse(arguments: Sequence[str]) -> Given | None:
    """By hand: a parser costs each run's start ten milliseconds, and it is a launcher that writes the arguments."""
    values = dict(zip(arguments[::2], arguments[1::2]))
    names = ["--plan", "--runfiles"] + (["--program", "--state"] if len(arguments) > 4 else [])
    if len(arguments) % 2 or list(values) != names:
        return None
    plan, runfiles = Path(values["--plan"]), Path(values["--runfiles"])
    if "--state" not in values:
        return Given(plan, runfiles)
    return Given(plan, runfiles, int(values["--program"]), Path(values["--state"]))


class _Pusher:
    def __init__(self, given: Given, settings: Settings, stop: Stop) -> None:
        self._given, self._settings, self._stop = given, settings, stop

    def alone(self) -> int:
        """Shows how it goes, and prints the references."""
        shown = renderer(sys.stderr)

        def say(line: str) -> None:
            shown.end()
            _say(line)

        began = time.monotonic()
        try:
            pushed = self._push(shown.show, say)
        except Failed as failed:
            say(f"push: {failed}.")
            return self._stop.code
        say(words.summary(pushed, time.monotonic() - began))
        print(*pushed.references, sep="\n")
        return 0

    def beside(self, path: Path) -> int:
        """Says in the state file how it goes, and leaves with the program."""
        _leave_to_program()
        try:
            state = State(path)
        except OSError as error:
            _say(f"push: {path} cannot be opened and locked ({error.strerror}). {words.GOES_ON}")
            return 1
        gone = self._watch(state)
        try:
            code = self._tell(state, gone)
        except OSError as error:  # Whoever reads the file sees that nobody holds its lock any more.
            _say(f"push: {path} cannot be written ({error.strerror}). {words.GOES_ON}")
            return 1
        sweep(path.parent)
        gone.wait()
        return code

    def _tell(self, state: State, gone: threading.Event) -> int:
        began = time.monotonic()
        state.pushing(0, 0, 0)

        def report(at: Snapshot) -> None:
            with suppress(OSError):
                state.pushing(at.sent, at.total, at.rate)

        try:
            pushed = self._push(report, _say)
        except Failed as failed:
            state.failed(failed.why)
            if not gone.is_set():
                _say(f"push: {failed}. {words.GOES_ON}")
            return self._stop.code
        state.pushed()
        if pushed.uploaded or pushed.mounted:
            _say(words.summary(pushed, time.monotonic() - began))
        return 0

    def _watch(self, state: State) -> threading.Event:
        """Set when the program is gone: then nobody waits for the push, and its file is of no use."""
        gone = threading.Event()

        def watch() -> None:
            program.wait(self._given.pid)
            state.remove()
            gone.set()
            self._stop.event.set()

        threading.Thread(target=watch, name="watch", daemon=True).start()
        return gone

    def _push(self, report: Callable[[Snapshot], None], say: Callable[[str], None]) -> Pushed:
        patience = replace(self._settings.patience, told=words.Complaints(say).hear)
        try:
            return self._pushed(self._plan(), replace(self._settings, patience=patience), report)
        except Failed:
            raise
        except Exception as error:
            raise words.unexpected(error) from None

    def _plan(self) -> Plan:
        try:
            return planning.read(self._given.plan, self._given.runfiles)
        except RegistryError as error:
            raise words.unreadable(error) from None

    def _pushed(self, plan: Plan, settings: Settings, report: Callable[[Snapshot], None]) -> Pushed:
        session = Session(replace(settings, others=plan.security))
        try:
            return push(plan.targets, session, receipts.folder(), cancel=self._stop.event, report=report)
        except Cancelled:
            raise words.stopped(plan, self._stop.signal) from None
        except RegistryError as error:
            raise words.refused(plan, error) from None


def _leave_to_program() -> None:
    """What the program was given open is the program's alone to close: whoever waits for that shall not wait for us."""
    for name in os.listdir("/dev/fd"):
        if int(name) > 2:
            with suppress(OSError):  # That of the listing.
                os.close(int(name))


def _say(line: str) -> None:
    """In one piece, since the program writes there too. Who hears nothing has the state file."""
    with suppress(OSError, ValueError):
        if sys.stderr is not None:
            sys.stderr.write(line + "\n")
            sys.stderr.flush()
