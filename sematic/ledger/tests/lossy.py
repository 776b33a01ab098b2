"""A way to a PostgreSQL on which a COMMIT or the answer to it is lost."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress
from urllib.parse import urlsplit


class Lossy:
    """Passes connections on to the server of `url`, as a context manager; clients use its own `url`."""

    def __init__(self, url: str) -> None:
        target = urlsplit(url)
        assert target.hostname is not None
        self._target = (target.hostname, target.port)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = url.replace(f":{target.port}/", f":{self._listener.getsockname()[1]}/")
        self._when: str | None = None
        self._refuses = False
        self._then_refuses = False
        self.lost = 0

    def __enter__(self) -> Lossy:
        threading.Thread(target=self._serve, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)  # Closing alone does not wake a thread that accepts.
        self._listener.close()

    def lose(self, when: str, and_then_refuse: bool = False) -> None:
        """Cut the connection of the next COMMIT: "before" the server gets it, or "after" it has carried it out."""
        self._when, self._then_refuses = when, and_then_refuse

    def _serve(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                threading.Thread(target=self._connect, args=(client,), daemon=True).start()

    def _connect(self, client: socket.socket) -> None:
        with client, suppress(OSError):
            if self._refuses:
                return
            with socket.create_connection(self._target) as server:
                threading.Thread(target=self._answer, args=(server, client), daemon=True).start()
                self._ask(client, server)

    def _ask(self, client: socket.socket, server: socket.socket) -> None:
        """What clients say, until one is to be cut off. A statement of ours arrives in one piece."""
        while piece := client.recv(1 << 16):
            if b"COMMIT\0" in piece and self._when is not None:
                when, self._when = self._when, None
                self.lost += 1
                self._refuses = self._then_refuses
                client.shutdown(socket.SHUT_RDWR)
                if when == "after":
                    server.sendall(piece)  # The server carries out what it has got, then finds the end.
                server.shutdown(socket.SHUT_WR)
                return
            server.sendall(piece)

    @staticmethod
    def _answer(server: socket.socket, client: socket.socket) -> None:
        with suppress(OSError):
            while piece := server.recv(1 << 16):
                client.sendall(piece)
        with suppress(OSError):
            client.shutdown(socket.SHUT_RDWR)
