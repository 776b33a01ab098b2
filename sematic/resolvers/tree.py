"""A live tree on a terminal: what runs now with its time, and a line for each function that finished."""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Callable

from sematic.engine.events import Finish
from sematic.engine.states import State
from sematic.resolvers.progress import MARKS, duration

REFRESH_SECONDS = 0.1
_SPINNER = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"
_COLOURS = {State.RESOLVED: "32", State.RAN: "36", State.FAILED: "31", State.CANCELED: "33", State.RETRYING: "33"}


class Tree:
    """The branch that runs is drawn below the finished lines and redrawn in place, ten times a second at most."""

    def __init__(self, draw: Callable[[str, list[str]], None]) -> None:
        self._show = draw
        self._lock = threading.Lock()
        self._names: dict[str, tuple[str | None, str]] = {}
        self._running: dict[str, float] = {}
        self._stop = threading.Event()
        self._start = time.monotonic()
        self._thread = threading.Thread(target=self._redraw_forever, name="sematic-progress", daemon=True)

    def begin(self, text: str) -> None:
        self._show(f"\x1b[1m{text}\x1b[0m\n", [])
        self._thread.start()

    def started(self, run_id: str, parent: str | None, name: str, attempt: int) -> None:
        with self._lock:
            self._names[run_id] = (parent, name if attempt == 1 else f"{name} (attempt {attempt})")
            self._running[run_id] = time.monotonic()

    def ended(self, run_id: str, name: str, state: State, seconds: float, note: str) -> None:
        with self._lock:
            self._running.pop(run_id, None)
            indent = "  " * min(len(self._above(run_id)), 8)
            if state is not State.RAN:
                self._names.pop(run_id, None)
            mark = f"\x1b[{_COLOURS[state]}m{MARKS[state]}\x1b[0m"
            self._draw(f"{indent}{mark} {name} \x1b[2m{duration(seconds)}\x1b[0m{f' {note}' if note else ''}\n")

    def finish(self, finish: Finish, seconds: float, advice: str) -> None:
        self._stop.set()
        self._thread.join()
        words = {State.RESOLVED: "succeeded", State.FAILED: "failed", State.CANCELED: "was canceled"}
        with self._lock:
            self._running.clear()
            colour = _COLOURS[finish.state]
            self._draw(f"\x1b[{colour}m{words[finish.state]}\x1b[0m after {duration(seconds)}. {advice}\n")

    def _above(self, run_id: str) -> list[str]:
        names = []
        parent = self._names.get(run_id, (None, ""))[0]
        while parent is not None and parent in self._names:
            above, name = self._names[parent]
            names.append(name)
            parent = above
        return names[::-1]

    def _redraw_forever(self) -> None:
        while not self._stop.wait(REFRESH_SECONDS):
            with self._lock:
                self._draw("")

    def _draw(self, finished: str) -> None:
        width = shutil.get_terminal_size().columns
        now = time.monotonic()
        frame = _SPINNER[int(now * 10) % len(_SPINNER)]
        lines = []
        for run_id, start in list(self._running.items())[:8]:
            path = " › ".join([*self._above(run_id)[-3:], self._names[run_id][1]])
            lines.append(f"{frame} {path} {duration(now - start)}"[: width - 1])
        if len(self._running) > len(lines):
            lines.append(f"  and {len(self._running) - len(lines)} more")
        self._show(finished, lines)
