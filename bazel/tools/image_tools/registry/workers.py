"""A few threads that do what they are given. Unlike an executor's they hold up no exit: a push can be left at once."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

_Task = tuple["Future[Any]", Callable[[], Any]]


class Workers:
    """`count` threads, started as they are needed."""

    def __init__(self, count: int, name: str) -> None:
        self._tasks: queue.SimpleQueue[_Task | None] = queue.SimpleQueue()
        self._count, self._name = count, name
        self._started = 0
        self._lock = threading.Lock()

    def submit(self, task: Callable[[], Any]) -> Future[Any]:
        """Queues a task."""
        future: Future[Any] = Future()
        self._tasks.put((future, task))
        with self._lock:
            if self._started < self._count:
                self._started += 1
                threading.Thread(target=self._run, name=f"{self._name}-{self._started}", daemon=True).start()
        return future

    def close(self) -> None:
        """Lets the threads end when nothing is left to do."""
        for _ in range(self._started):
            self._tasks.put(None)

    def _run(self) -> None:
        while (entry := self._tasks.get()) is not None:
            future, task = entry
            try:
                future.set_result(task())
            except BaseException as error:  # Whoever waits for the future raises it.
                future.set_exception(error)
