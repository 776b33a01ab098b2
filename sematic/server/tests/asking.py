"""Requests as anybody could send them."""

from __future__ import annotations

import http.client
import json
from typing import Any, NamedTuple

from sematic.server.routes import PREFIX, Route
from sematic.server.tests.serving import Served

ID = "0" * 31 + "1"
DIGEST = "5" * 64
QUERIES = {"size": "100000", "offset": "0"}


class Said(NamedTuple):
    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)

    def problem(self) -> tuple[int, str, str]:
        """Status, kind and sentence."""
        error = self.json()["error"]
        assert error.keys() == {"kind", "message"}
        return self.status, error["kind"], error["message"]


def ask(
    served: Served,
    method: str,
    path: str,
    *,
    token: str | None = "",
    body: bytes | None = None,
    headers: dict[str, str] | None = None,
) -> Said:
    """With the served token, unless another one, or none, is given."""
    sent = dict(headers or {})
    if token is not None:
        sent.setdefault("Authorization", f"Bearer {token or served.token}")
    connection = http.client.HTTPConnection("127.0.0.1", served.port, timeout=30)
    try:
        connection.request(method, path, body, sent)
        answer = connection.getresponse()
        return Said(answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read())
    finally:
        connection.close()


def call(served: Served, route: Route, *, path: str | None = None, **given: Any) -> Said:
    """A route as it is meant to be asked, with what is given otherwise."""
    query = "&".join(f"{each.name}={QUERIES[each.name]}" for each in route.query if each.needed)
    headers = {**({"Content-Type": route.body.type} if route.body else {}), **given.pop("headers", {})}
    target = filled(route) if path is None else path
    given.setdefault("body", b"x" if route.body else None)
    return ask(served, route.method, f"{target}?{query}" if query else target, headers=headers, **given)


def filled(route: Route, **values: str) -> str:
    """Its path with values for what is in braces."""
    return PREFIX + route.path.format(**{"id": ID, "digest": DIGEST, **values})
