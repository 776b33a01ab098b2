"""What every request must bring before anything else of it is looked at: known host, own origin, a token, a size.

The same check runs twice: when the header has come, so that a body is received from nobody without a token, and
before a request is carried out.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import NamedTuple
from urllib.parse import urlsplit

from sematic.server.problems import Refused
from sematic.server.tokens import Token, Tokens
from sematic.version import __version__
from sematic.wire import VERSION_HEADER, compatible

LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
MOST_HEADERS = 50
_SCHEME = "bearer "


class Guard(NamedTuple):
    """`names`: the hosts by which clients may know this server."""

    names: frozenset[str]
    tokens: Tokens

    def admit(self, headers: Mapping[str, str], *, without_token: bool = False) -> Token | None:
        """Who asks. `headers` by lower-case name. Raises Refused."""
        if len(headers) > MOST_HEADERS:
            raise Refused(431, "Refused", f"a request has at most {MOST_HEADERS} headers")
        self._check_host(headers.get("host"))
        self._check_origin(headers.get("origin"))
        if without_token:
            return None
        token = self._token(headers.get("authorization", ""))
        _check_version(headers.get(VERSION_HEADER.lower()))
        return token

    def _check_host(self, host: str | None) -> None:
        """A page of another site whose name leads here (DNS rebinding) says that name."""
        if host is None or _host_name(f"//{host}") not in self.names:
            raise Refused(
                403, "Refused", f"this server is not known as {host!r}: start it with --name to let it be called so"
            )

    def _check_origin(self, origin: str | None) -> None:
        if origin is not None and _host_name(origin) not in self.names:
            raise Refused(403, "Refused", f"pages of {origin!r} may not speak to this server")

    def _token(self, authorization: str) -> Token:
        if not authorization.lower().startswith(_SCHEME):
            raise Refused(401, "Unauthorized", "a token is needed: send it as `Authorization: Bearer TOKEN`")
        token = self.tokens.check(authorization[len(_SCHEME) :].strip())
        if token is None:
            raise Refused(401, "Unauthorized", "this token is not known here: `sematic token create` makes one")
        problem = token.problem(time.time())
        if problem is not None:
            raise Refused(401, "Unauthorized", f"{problem}: `sematic token create` makes a new one")
        return token


def _host_name(url: str) -> str | None:
    try:
        return urlsplit(url).hostname
    except ValueError:
        return None


def _check_version(version: str | None) -> None:
    """Browsers do not say one."""
    if version is not None and not compatible(version, __version__):
        raise Refused(
            426,
            "OtherVersion",
            f"this server runs Sematic {__version__}, the program that asks {version[:20]}: install one of the same "
            "first two numbers",
        )
