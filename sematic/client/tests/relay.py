"""A network between client and server that can be told to fail: it passes on what comes, and cuts what it is told to."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress
from types import TracebackType


class Relay:
    """Listens on a port of its own. `cut`: numbers (from 1) of the answers that get lost; `refuse`: of the requests."""

    def __init__(self, port: int, cut: set[int] | None = None, refuse: set[int] | None = None) -> None:
        self._port = port
        self._cut, self._refuse = cut or set(), refuse or set()
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.address = f"http://127.0.0.1:{self._listening.getsockname()[1]}"
        self.requests = 0
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._accept)
        self._thread.start()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client = self._listening.accept()[0]
                threading.Thread(target=self._pass_on, args=(client,), daemon=True).start()

    def _pass_on(self, client: socket.socket) -> None:
        """One request after the other, each with its answer."""
        with client, socket.create_connection(("127.0.0.1", self._port)) as server, suppress(OSError):
            while request := _message(client):
                with self._lock:
                    self.requests += 1
                    number = self.requests
                if number in self._refuse:
                    return
                server.sendall(request)
                answer = _message(server)
                if number in self._cut:
                    return
                client.sendall(answer)

    def __enter__(self) -> Relay:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        with suppress(OSError):
            self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        self._thread.join()


def _message(connection: socket.socket) -> bytes:
    """One HTTP message with its body; nothing at the end."""
    data = b""
    while b"\r\n\r\n" not in data:
        more = connection.recv(1 << 16)
        if not more:
            return b""
        data += more
    head = data.partition(b"\r\n\r\n")[0]
    lengths = [int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")]
    size = len(head) + 4 + (lengths[0] if lengths else 0)
    while len(data) < size:
        data += connection.recv(1 << 16)
    return data
