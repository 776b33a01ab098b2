"""Asking a server: connections that are used again, and patience with a server that is away.

Every request of the API may be repeated: commits carry a nonce, pieces of blobs their offset. So whatever happened to
a request of which no answer came, asking again is right.
"""

from __future__ import annotations

import http.client
import json
import os
import random
import sys
import time
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple
from urllib.parse import quote, urlencode, urlsplit

from sematic.errors import ArtifactError, Fenced, LedgerError, LedgerLocked, SettingsError, StoreError
from sematic.version import __version__
from sematic.wire import VERSION_HEADER, Malformed, compatible, loads

PREFIX = "/api/v1"
TIMEOUT = 60.0
"""Seconds without a byte after which a connection counts as broken."""

READERS_PATIENCE = 5.0
"""Seconds that people wait for a server that is away."""

_FIRST_WAIT, _LONGEST_WAIT = 0.1, 5.0
_QUIET_SECONDS = 2.0
_AWAY = frozenset({429, 502, 503, 504})
_KINDS = {kind.__name__: kind for kind in (ArtifactError, Fenced, LedgerError, LedgerLocked, StoreError)}


class Answer(NamedTuple):
    """What a server said."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        """Its body. Raises LedgerError when it is no JSON."""
        try:
            return loads(self.body)
        except Malformed as error:
            raise LedgerError(f"the server's answer cannot be read: {error}") from None


class _Away(Exception):
    """No answer, or none yet."""


class Connection:
    """The server at `address`, known by `token`. `patience`: how long to wait for it. Used by several threads at once.

    Raises SettingsError when the address is none.
    """

    def __init__(self, address: str, token: str, patience: float = READERS_PATIENCE) -> None:
        self.address = address.rstrip("/")
        self.patience = patience
        self._make = _maker(self.address)
        self._headers = {
            "Authorization": f"Bearer {token}",
            VERSION_HEADER: __version__,
        }
        self._idle: list[http.client.HTTPConnection] = []
        self._pid = os.getpid()

    def ask(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, Any] | None = None,
        body: bytes | memoryview | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """The answer to a request, which may be sent several times. Raises KeyError for what is not there, and what
        the server raised: LedgerError, Fenced, ArtifactError, StoreError."""
        if os.getpid() != self._pid:
            raise LedgerError(f"the connection to {self.address} is of the process this one was forked from")
        target = f"{PREFIX}{path}" + (f"?{urlencode(query, doseq=True)}" if query else "")
        answer = self._patiently(method, target, body, {**self._headers, **(headers or {})})
        self._check_version(answer)
        if answer.status >= 300:
            raise _error(answer, path)
        return answer

    def close(self) -> None:
        """Close what is open."""
        while self._idle:
            self._idle.pop().close()

    def _patiently(
        self, method: str, target: str, body: bytes | memoryview | None, headers: Mapping[str, str]
    ) -> Answer:
        began, wait, said = time.monotonic(), _FIRST_WAIT, False
        while True:
            try:
                answer = self._once(method, target, body, headers)
            except _Away as away:
                waited = time.monotonic() - began
                if waited + wait > self.patience:
                    raise LedgerError(self._no_answer(str(away), waited)) from away.__cause__
                if waited > _QUIET_SECONDS and not said:
                    said = True
                    self._say(f"does not answer ({away}): waiting for it, for up to {self.patience / 60:.0f} minutes")
                time.sleep(wait * random.uniform(0.5, 1.0))
                wait = min(2 * wait, _LONGEST_WAIT)
            else:
                if said:
                    self._say("answers again")
                return answer

    def _once(self, method: str, target: str, body: bytes | memoryview | None, headers: Mapping[str, str]) -> Answer:
        """One answer; a connection that was kept may have been closed meanwhile, and is no reason to wait."""
        while True:
            kept = self._kept()
            connection = kept or self._make()
            try:
                answer = _exchange(connection, method, target, body, headers)
            except (OSError, http.client.HTTPException) as error:
                connection.close()
                if kept is None:
                    raise _Away(_reason(error)) from error
                continue
            self._idle.append(connection)
            if answer.status in _AWAY:
                raise _Away(_message(answer) or f"status {answer.status}")
            return answer

    def _kept(self) -> http.client.HTTPConnection | None:
        try:
            return self._idle.pop()
        except IndexError:
            return None

    def _no_answer(self, reason: str, waited: float) -> str:
        return (
            f"the server {self.address} does not answer ({reason}; asked for {waited:.0f} s). Nothing that was "
            "recorded is lost: check the setting api_address, and whether the server runs"
        )

    def _say(self, text: str) -> None:
        print(f"sematic: the server {self.address} {text}", file=sys.stderr, flush=True)

    def _check_version(self, answer: Answer) -> None:
        theirs = answer.headers.get(VERSION_HEADER.lower())
        if theirs is None and answer.status < 300:
            raise LedgerError(f"what answers at {self.address} is no Sematic server: check the setting api_address")
        if theirs is not None and answer.status != 426 and not compatible(__version__, theirs):
            raise LedgerError(
                f"the server {self.address} runs Sematic {theirs}, this program {__version__}: install one of the "
                "same first two numbers"
            )


def segment(text: str) -> str:
    """`text` as one part of a path."""
    return quote(text, safe="")


def _maker(address: str) -> Callable[[], http.client.HTTPConnection]:
    """What makes connections to an address."""
    try:
        parts = urlsplit(address)
        host, port = parts.hostname, parts.port
    except ValueError:
        parts, host, port = urlsplit(""), None, None
    kinds = {"http": http.client.HTTPConnection, "https": http.client.HTTPSConnection}
    if parts.scheme not in kinds or not host or parts.path or parts.query or parts.username:
        raise SettingsError(f"api_address must be like https://sematic.example.com, not {address!r}")
    kind = kinds[parts.scheme]
    return lambda: kind(host, port, timeout=TIMEOUT)


def _exchange(
    connection: http.client.HTTPConnection,
    method: str,
    target: str,
    body: bytes | memoryview | None,
    headers: Mapping[str, str],
) -> Answer:
    try:
        connection.request(method, target, body, dict(headers))
    except (BrokenPipeError, ConnectionResetError):
        if connection.sock is None:
            raise
        # A server that refuses a body says why before it stops reading: the answer may be there.
    response = connection.getresponse()
    return Answer(response.status, {name.lower(): value for name, value in response.getheaders()}, response.read())


def _reason(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error) or type(error).__name__


def _message(answer: Answer) -> str | None:
    try:
        message = json.loads(answer.body)["error"]["message"]
    except (ValueError, KeyError, TypeError):
        return None
    return str(message)


def _error(answer: Answer, path: str) -> Exception:
    """What an answer that is none means."""
    message = _message(answer)
    if message is None:
        return LedgerError(f"the server answers {answer.status} where JSON was expected: is it a Sematic server?")
    kind = json.loads(answer.body)["error"].get("kind")
    if kind == "NotFound":
        return KeyError(message)
    return _KINDS.get(kind, LedgerError)(message)
