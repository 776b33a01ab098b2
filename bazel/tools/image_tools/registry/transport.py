"""HTTP requests over kept connections: each sent once, by nobody in particular.

Not named http: run as a script, this folder comes first on Python's path, and would hide the library's own http.
"""

from __future__ import annotations

import http.client
import ssl
import threading
import urllib.parse
from collections.abc import Callable

from image_tools.registry import proxies
from image_tools.registry.connection import Connection, Counts, Request
from image_tools.registry.errors import BadAnswer, Broken, Cancelled, broken, unreachable
from image_tools.registry.security import Security

_BODY_LIMIT = 16 << 20  # No manifest, token or error is larger.
_DEAD = (ConnectionError, http.client.BadStatusLine)


class Answer:
    """What a host answered. `url` is that of the request."""

    def __init__(
        self, url: str, raw: http.client.HTTPResponse, release: Callable[[bool], None], counts: Counts
    ) -> None:
        self.url = url
        self.status = raw.status
        self.headers = raw.headers
        self.body = b""
        self._raw = raw
        self._release = release
        self._counts = counts

    def header(self, name: str) -> str:
        """A header's value, or an empty text."""
        return self.headers.get(name) or ""

    def read_whole(self) -> None:
        """Takes the body, and gives the connection back for the next request."""
        self.body = self._raw.read(_BODY_LIMIT + 1)
        if len(self.body) > _BODY_LIMIT:
            raise BadAnswer(
                f"{host_of(self.url)} answered with more than {_BODY_LIMIT >> 20} MB where none has so much"
            )
        if self._raw.length:
            raise http.client.IncompleteRead(b"", self._raw.length)
        self._counts.add(received=len(self.body))
        self.close()

    def read(self, size: int) -> bytes:
        """A piece of a streamed body, empty at its end. Raises Broken."""
        try:
            piece = self._raw.read(size)
            if not piece and self._raw.length:
                raise http.client.IncompleteRead(b"", self._raw.length)
        except (OSError, http.client.HTTPException) as error:
            raise broken(host_of(self.url), "read a blob from it", error) from None
        self._counts.add(received=len(piece))
        return piece

    def close(self) -> None:
        """Gives the connection back; for good, if there is more to read."""
        self._release(self._raw.isclosed() and not self._raw.will_close)


class Transport:
    """Connections to any number of hosts, shared by threads."""

    def __init__(
        self,
        security: Security,
        counts: Counts,
        stop: threading.Event,
        connect_timeout: float = 10,
        timeout: float = 60,
    ) -> None:
        self.security = security
        self.counts = counts
        self.stop = stop
        self._connect_timeout, self._timeout = connect_timeout, timeout
        self._reached: set[str] = set()  # Origins that were there once: worth waiting for when they are not.
        self._contexts: dict[str, ssl.SSLContext] = {}
        self._idle: dict[str, list[Connection]] = {}
        self._open: set[Connection] = set()
        self._lock = threading.Lock()

    def exchange(self, request: Request) -> Answer:
        """Sends a request and hears the answer. Raises Broken, BadAnswer, Cancelled."""
        while True:
            self.check_stop()
            kept = self._take(origin(request.url))
            connection = kept or self._connect(request.url)
            answer = self._converse(connection, request)
            if answer is not None:
                return answer

    def check_stop(self) -> None:
        """Raises Cancelled once the push is to end."""
        if self.stop.is_set():
            raise Cancelled

    def abort(self) -> None:
        """Ends every connection, also under the threads that wait for one. `stop` is set already."""
        with self._lock:
            connections = list(self._open)
        for connection in connections:
            connection.shut()

    def close(self) -> None:
        """Gives back the connections that nobody uses."""
        with self._lock:
            idle = [connection for kept in self._idle.values() for connection in kept]
            self._idle.clear()
        for connection in idle:
            self._drop(connection)

    def _converse(self, connection: Connection, request: Request) -> Answer | None:
        """None when a kept connection was dead, so that the request is to be sent over another."""
        was_used, connection.used = connection.used, True
        try:
            return self._answer(connection, request)
        except BaseException as error:
            self._drop(connection)
            self.check_stop()
            # What a PATCH has added when it breaks, only its caller can ask.
            if was_used and isinstance(error, _DEAD) and request.method != "PATCH":
                return None
            if isinstance(error, (OSError, http.client.HTTPException)):
                self.counts.add(requests=1)
                raise broken(host_of(request.url), request.doing, error) from None
            raise

    def _answer(self, connection: Connection, request: Request) -> Answer:
        raw = connection.ask(request, self.stop)
        answer = Answer(request.url, raw, lambda whole: self._release(connection, request.url, whole), self.counts)
        if not request.streamed or raw.status not in (200, 206):
            answer.read_whole()
        self.counts.add(requests=1)
        return answer

    def _connect(self, url: str) -> Connection:
        try:
            connection = self._new(url)
            connection.connect(self._timeout)
        except (OSError, http.client.HTTPException) as error:
            self.check_stop()
            raise self._unreachable(url, error) from None
        with self._lock:
            self._open.add(connection)
            self._reached.add(origin(url))
        return connection

    def _new(self, url: str) -> Connection:
        context = None
        if url.startswith("https:"):
            if origin(url) not in self._contexts:
                self._contexts[origin(url)] = self.security.context(host_of(url))
            context = self._contexts[origin(url)]
        return Connection(url, proxies.find(url), context, self.counts, self._connect_timeout)

    def _unreachable(self, url: str, error: Exception) -> Broken:
        failure = unreachable(host_of(url), error)
        failure.transient = failure.transient and origin(url) in self._reached
        return failure

    def _take(self, of: str) -> Connection | None:
        with self._lock:
            idle = self._idle.get(of)
            return idle.pop() if idle else None

    def _release(self, connection: Connection, url: str, reusable: bool) -> None:
        if not reusable:
            return self._drop(connection)
        with self._lock:
            self._idle.setdefault(origin(url), []).append(connection)
        return None

    def _drop(self, connection: Connection) -> None:
        with self._lock:
            self._open.discard(connection)
        connection.close()


def origin(url: str) -> str:
    """Scheme, host and port, spelled out: what a credential is bound to."""
    parts = urllib.parse.urlsplit(url)
    return f"{parts.scheme}://{parts.hostname}:{parts.port or (443 if parts.scheme == 'https' else 80)}"


def host_of(url: str) -> str:
    """The host, with its port where the address has one. The rest of an address may be signed: never show it."""
    return urllib.parse.urlsplit(url).netloc.rpartition("@")[2]
