"""One HTTP connection: sends a request, hears the answer, counts what goes over it."""

from __future__ import annotations

import contextlib
import http.client
import select
import socket
import ssl
import threading
import urllib.parse
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from image_tools.registry.errors import BadAnswer, Cancelled
from image_tools.registry.proxies import Proxy

PIECE = 1 << 17
"""How many bytes of a blob are in memory at a time, for each thread."""


@dataclass(frozen=True)
class Request:
    """`body` is called for each attempt and yields `length` bytes. `doing` completes "while we …"."""

    method: str
    url: str
    doing: str
    headers: dict[str, str] = field(default_factory=dict, repr=False)
    body: Callable[[], Iterable[bytes]] | None = None
    length: int = 0
    streamed: bool = False  # The caller reads the answer's body, and closes it.


class Counts:
    """What a push cost. Bytes are those of HTTP, before TLS; of what was received only the bodies."""

    def __init__(self) -> None:
        self.requests = 0
        self.authentication = 0
        self.sent = 0
        self.received = 0
        self._lock = threading.Lock()

    def add(self, requests: int = 0, authentication: int = 0, sent: int = 0, received: int = 0) -> None:
        """Adds to each."""
        with self._lock:
            self.requests += requests
            self.authentication += authentication
            self.sent += sent
            self.received += received


class _Counting(http.client.HTTPConnection):
    counts: Counts

    def send(self, data: Any) -> None:
        super().send(data)
        self.counts.add(sent=len(data))


class _Secure(_Counting, http.client.HTTPSConnection):
    pass


class Connection:
    """Used by one thread at a time; `shut` may be called by any."""

    def __init__(
        self, url: str, proxy: Proxy | None, context: ssl.SSLContext | None, counts: Counts, timeout: float
    ) -> None:
        parts = urllib.parse.urlsplit(url)
        host, port = (proxy.host, proxy.port) if proxy else (parts.hostname or "", parts.port)
        self.http: _Counting
        if context is not None:
            self.http = _Secure(host, port, timeout=timeout, context=context)
            if proxy:
                self.http.set_tunnel(parts.hostname or "", parts.port or 443, headers=proxy.headers)
        else:
            self.http = _Counting(host, port, timeout=timeout)
        self.http.counts = counts
        self.proxy = proxy if context is None else None  # Inside a tunnel nothing more is said to the proxy.
        self.used = False

    def connect(self, timeout: float) -> None:
        """Connects; from then on, each wait takes at most `timeout` seconds."""
        self.http.connect()
        self.http.sock.settimeout(timeout)

    def ask(self, request: Request, stop: threading.Event) -> http.client.HTTPResponse:
        """Sends a request and reads the head of its answer. Raises OSError or HTTPException."""
        whole = self._send(request, stop)
        answer = self.http.getresponse()
        answer.will_close = answer.will_close or not whole
        return answer

    def shut(self) -> None:
        """Ends whatever a thread is waiting for on this connection."""
        sock = self.http.sock
        if isinstance(sock, socket.socket):
            with contextlib.suppress(OSError):  # Not connected any more.
                socket.socket.shutdown(sock, socket.SHUT_RDWR)  # An SSLSocket's own is not for other threads.

    def close(self) -> None:
        """Gives the socket back."""
        self.http.close()

    def _send(self, request: Request, stop: threading.Event) -> bool:
        """Whether all of the request was sent: who refuses it may answer, and close, before its end."""
        self._send_head(request)
        if request.body is None:
            return True
        for piece in request.body():
            if stop.is_set():
                raise Cancelled
            if self._has_answered():
                return False
            try:
                self.http.send(piece)
            except (BrokenPipeError, ConnectionResetError):
                return False  # The answer, if there is one, still lies there to be read.
        return True

    def _send_head(self, request: Request) -> None:
        parts = urllib.parse.urlsplit(request.url)
        path = urllib.parse.urlunsplit(("", "", parts.path or "/", parts.query, ""))
        try:
            self.http.putrequest(request.method, request.url if self.proxy else path, skip_accept_encoding=True)
            for name, value in self._headers(request).items():
                self.http.putheader(name, value)
        except (ValueError, http.client.InvalidURL):  # Their texts quote what may be a credential.
            raise BadAnswer(f"{parts.hostname} gave an address or a token that no request can hold") from None
        self.http.endheaders()

    def _headers(self, request: Request) -> dict[str, str]:
        sized = request.body is not None or request.method in ("POST", "PUT", "PATCH")
        length = {"Content-Length": str(request.length)} if sized else {}
        return {"User-Agent": "sematic", **(self.proxy.headers if self.proxy else {}), **request.headers, **length}

    def _has_answered(self) -> bool:
        """Under TLS what lies there may be a session ticket only: there we learn of it when sending fails."""
        if isinstance(self.http.sock, ssl.SSLSocket):
            return False
        poll = select.poll()  # Not select: that takes no descriptor above 1023.
        poll.register(self.http.sock, select.POLLIN)
        return bool(poll.poll(0))
