"""A way to a server that counts what passes, and on which things happen."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from contextlib import suppress


class Connection:
    """One client's way to the server."""

    def __init__(self, client: socket.socket, server: socket.socket) -> None:
        self.client, self.server = client, server
        self.passed = 0

    def cut(self) -> None:
        """Ends it in both directions at once."""
        for end in (self.client, self.server):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)


class Way:
    """Passes connections on to `target`, as a context manager; a client uses `host` instead.

    `received` counts the bytes that clients have sent. When a connection has sent more than `after` bytes, `happens`
    is called with it, `times` times in all.
    """

    def __init__(
        self,
        target: str,
        after: int = 0,
        happens: Callable[[Connection], None] = lambda connection: None,
        times: int = 1,
    ) -> None:
        name, _, port = target.rpartition(":")
        self._target = (name, int(port))
        self._after, self._happens, self._times = after, happens, times
        self._lock = threading.Lock()
        self.received = 0
        self.happened = 0
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.host = f"127.0.0.1:{self._listener.getsockname()[1]}"

    def __enter__(self) -> Way:
        threading.Thread(target=self._serve, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)  # Closing alone does not wake a thread that accepts.
        self._listener.close()

    def _serve(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                threading.Thread(target=self._connect, args=(client,), daemon=True).start()

    def _connect(self, client: socket.socket) -> None:
        try:
            server = socket.create_connection(self._target)
        except OSError:
            client.close()  # What a client of a server that is away sees of it.
            return
        connection = Connection(client, server)
        back = threading.Thread(target=self._pass_back, args=(connection,), daemon=True)
        back.start()
        self._pass_on(connection)
        connection.cut()
        back.join()
        client.close()
        server.close()

    def _pass_on(self, connection: Connection) -> None:
        with suppress(OSError):
            while piece := connection.client.recv(1 << 18):
                self._count(connection, len(piece))
                connection.server.sendall(piece)

    def _count(self, connection: Connection, size: int) -> None:
        connection.passed += size
        with self._lock:
            self.received += size
            now = connection.passed > self._after and self.happened < self._times
            self.happened += now
        if now:
            self._happens(connection)

    @staticmethod
    def _pass_back(connection: Connection) -> None:
        with suppress(OSError):
            while piece := connection.server.recv(1 << 18):
                connection.client.sendall(piece)
        connection.cut()
