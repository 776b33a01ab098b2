"""A real server on loopback, in a thread of the test's process."""

from __future__ import annotations

import threading
from contextlib import suppress
from pathlib import Path
from types import TracebackType

from sematic.client.connection import Connection
from sematic.ledger.base import Ledger
from sematic.server.app import create_app
from sematic.server.guard import LOOPBACK, Guard
from sematic.server.listening import PATIENCE, THREADS, bind, serve
from sematic.server.routes import Service
from sematic.server.tokens import Tokens
from sematic.server.uploads import Uploads
from sematic.server.waiting import Waiters
from sematic.storage.local import LocalStore


class Served:
    """What it serves, where, and a token for it. A context manager."""

    def __init__(self, ledger: Ledger, folder: Path, patience: float = PATIENCE, threads: int = THREADS) -> None:
        self.ledger = ledger
        self.store = LocalStore(folder)
        self.tokens = Tokens(folder / "tokens.json")
        self.token = self.tokens.create("test")
        self.waiters = Waiters(threads // 2)
        self.uploads = folder / "uploads"
        listening = bind("127.0.0.1", 0)
        self.port = listening.getsockname()[1]
        self.address = f"http://127.0.0.1:{self.port}"
        guard = Guard(LOOPBACK, self.tokens)
        service = Service(ledger, self.store, Uploads(self.uploads, self.store), self.waiters)
        self._server = serve(create_app(service, guard), guard, listening, patience)
        self._thread = threading.Thread(target=self._server.run, name="test-server")
        self._thread.start()

    def connection(self, patience: float = 5.0) -> Connection:
        return Connection(self.address, self.token, patience)

    def close(self) -> None:
        self.waiters.close()
        with suppress(OSError):  # its loop was awake, and is through with it already
            self._server.trigger.pull_trigger(lambda: self._server.asyncore.close_all(self._server._map))
        self._thread.join()
        self._server.task_dispatcher.shutdown()

    def __enter__(self) -> Served:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()
