"""The WSGI server (waitress), made to refuse early: by its header alone, and when a request takes too long to arrive.

waitress receives a request whole before it starts the application. Left alone, it would do so for anybody.
"""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Callable
from typing import Any

from flask import Flask
from waitress.channel import HTTPChannel
from waitress.parser import HTTPRequestParser
from waitress.server import create_server

from sematic.errors import SettingsError
from sematic.server.guard import Guard
from sematic.server.problems import Refused, problem_of
from sematic.wire import COMMIT_LIMIT

THREADS = 16
_HEADER_LIMIT = 32768
_IDLE_SECONDS = 60
_CONNECTIONS = 500

PATIENCE = 20.0
"""Seconds a request may take to arrive."""

SLOWEST = 65536
"""Bytes of a body that give it a second more."""


def bind(host: str, port: int) -> socket.socket:
    """A socket that listens. Raises SettingsError."""
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
        listening = socket.socket(family, socket.SOCK_STREAM)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(address)
        listening.listen(128)
    except OSError as error:
        raise SettingsError(
            f"port {port} of {host} cannot be listened on ({error.strerror}): choose another with --port"
        ) from error
    return listening


def serve(app: Flask, guard: Guard, listening: socket.socket, patience: float = PATIENCE) -> Any:
    """A server on a socket; its `run` serves until the process is told to end."""
    server = create_server(
        app,
        sockets=[listening],
        threads=THREADS,
        ident="",
        max_request_header_size=_HEADER_LIMIT,
        max_request_body_size=COMMIT_LIMIT + 1,
        channel_timeout=_IDLE_SECONDS,
        cleanup_interval=10,
        connection_limit=_CONNECTIONS,
        clear_untrusted_proxy_headers=True,
    )
    server.channel_class = _channels(guard, patience)
    return server


def _channels(guard: Guard, patience: float) -> Callable[..., HTTPChannel]:
    def channel(*arguments: Any, **named: Any) -> HTTPChannel:
        made = HTTPChannel(*arguments, **named)
        made.parser_class = lambda settings: _parser(settings, guard, patience)
        return made

    return channel


def _parser(settings: Any, guard: Guard, patience: float) -> HTTPRequestParser:
    """A parser of one request, that does not go on when the request is refused."""
    parser = HTTPRequestParser(settings)
    parse_header, receive = parser.parse_header, parser.received
    began = time.monotonic()

    def parsed(header: bytes) -> None:
        parse_header(header)
        if parser.content_length or parser.chunked:
            try:
                _check_size(parser)
                guard.admit({name.lower().replace("_", "-"): value for name, value in parser.headers.items()})
            except Refused as refused:
                _stop(parser, refused)

    def received(data: bytes) -> int:
        if time.monotonic() - began > patience + parser.content_length / SLOWEST:
            _stop(parser, Refused(408, "Refused", "the request took too long to arrive"))
        if parser.error is not None:
            parser.completed = True
            return len(data)  # the rest of a refused body is nobody's
        return int(receive(data))

    parser.parse_header, parser.received = parsed, received
    return parser


def _stop(parser: HTTPRequestParser, refused: Refused) -> None:
    parser.error = _Refusal(refused)
    parser.completed = True
    parser.expect_continue = False
    parser.content_length = 0  # else waitress compares it with its own limit, and has the last word


def _check_size(parser: HTTPRequestParser) -> None:
    if parser.content_length > COMMIT_LIMIT:
        size = parser.content_length
        raise Refused(413, "TooLarge", f"{size} bytes are too many for one request: at most {COMMIT_LIMIT}")


class _Refusal:
    """What waitress's task for errors asks an error for."""

    def __init__(self, refused: Refused) -> None:
        self._problem = problem_of(refused)
        self.code = self._problem.status
        self.reason = self._problem.kind

    def to_response(self, ident: str | None = None) -> tuple[str, list[tuple[str, str]], bytes]:
        """Status, headers and body; the connection is closed."""
        body = json.dumps(self._problem.to_json()).encode()
        headers = [("Content-Type", "application/json"), ("Content-Length", str(len(body)))]
        return f"{self.code} {self.reason}", headers, body
