"""Waiting for the next commit of a pipeline run, for many at once: what the server's long poll stands on.

One thread asks the ledger, once a second and whenever it is given a hint, for those pipeline runs that somebody waits
for. Who waits holds no connection.
"""

from __future__ import annotations

import threading
from collections import Counter

from sematic.errors import LedgerError
from sematic.ledger.sql.ledger import SqlLedger

_POLL_SECONDS = 1.0
_GONE = -1


class Feed:
    """The commits of one ledger, by whatever process they are made. Close it before the ledger."""

    def __init__(self, ledger: SqlLedger) -> None:
        self._ledger = ledger
        lock = threading.Lock()
        self._answered, self._asked = threading.Condition(lock), threading.Condition(lock)
        self._waiting: Counter[str] = Counter()
        self._stale: set[str] = set()
        self._seen: dict[str, int] = {}
        self._closed = False
        self._thread = threading.Thread(target=self._run, name="sematic-feed", daemon=True)
        self._thread.start()
        ledger.subscribe(self.hint)

    def wait(self, pipeline_run_id: str, after: int, seconds: float) -> bool:
        """Whether there is a commit after `after`, as soon as there is one or when the time is up.

        Raises KeyError for a pipeline run that is not there, or not any more.
        """
        with self._asked:
            self._waiting[pipeline_run_id] += 1
            self._stale.add(pipeline_run_id)
            self._asked.notify()
            try:
                self._answered.wait_for(lambda: self._is_over(pipeline_run_id, after), seconds)
                seen = self._seen.get(pipeline_run_id, 0)
            finally:
                self._leave(pipeline_run_id)
        if seen == _GONE:
            raise KeyError(pipeline_run_id)
        return seen > after

    def hint(self, pipeline_run_id: str) -> None:
        """There may have been a commit."""
        with self._asked:
            if pipeline_run_id in self._waiting:
                self._stale.add(pipeline_run_id)
                self._asked.notify()

    def close(self) -> None:
        """Whoever waits is told that nothing has come."""
        with self._asked:
            self._closed = True
            self._asked.notify()
            self._answered.notify_all()
        self._thread.join()

    def _is_over(self, id: str, after: int) -> bool:
        seen = self._seen.get(id, 0)
        return self._closed or seen == _GONE or seen > after

    def _leave(self, id: str) -> None:
        self._waiting[id] -= 1
        if not self._waiting[id]:
            del self._waiting[id]
            self._seen.pop(id, None)

    def _run(self) -> None:
        while True:
            with self._asked:
                if not self._asked.wait_for(lambda: self._closed or self._stale, _POLL_SECONDS):
                    self._stale.update(self._waiting)
                if self._closed:
                    return
                stale, self._stale = self._stale, set()
            for id in stale:
                self._look(id)

    def _look(self, id: str) -> None:
        try:
            seq = self._ledger.pipeline_run(id).seq
        except KeyError:
            seq = _GONE
        except LedgerError:
            return  # It is away: asked again in a second.
        with self._answered:
            if id in self._waiting:
                self._seen[id] = seq
                self._answered.notify_all()
