"""Hostile input: paths that climb, queries that inject, commits that lie, bodies that do not end."""

from __future__ import annotations

import json
import select
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sematic.ledger.tests.samples import NONCE, ROOT, artifact, record
from sematic.server.api import ROUTES
from sematic.server.routes import COMMIT, PREFIX, Route
from sematic.server.tests.asking import ask, call, filled
from sematic.server.tests.conftest import serving
from sematic.server.tests.serving import Served
from sematic.storage.local import INLINE_LIMIT
from sematic.wire import COMMIT_LIMIT, PIECE, artifact_to_json

NAMED = [route for route in ROUTES if route.parameters()]
CLIMBING = [
    "..", "../..", "..%2f..%2fetc%2fpasswd", "%2e%2e%2fledger.db", "..%5c..%5cledger.db", "%252e%252e%252f", "/etc/passwd",
    "%2fetc%2fpasswd", "file:%2f%2f%2fetc%2fpasswd", "a%00b", ROOT + "%00", ROOT + "%0a", ROOT + ";a=b", ROOT.upper() + "A",
    "%c0%ae%c0%ae", "%ff", "%d9%a1" * 32, "x" * 5000, "'%20OR%201=1--", "*", "%", "5" * 63, "-" * 64,
]  # fmt: skip


class TestPaths:
    @pytest.mark.parametrize("route", NAMED, ids=lambda route: route.name)
    @pytest.mark.parametrize("name", CLIMBING)
    def test_names_that_are_none(self, shared: Served, route: Route, name: str) -> None:
        before = record(shared.ledger, [ROOT])
        path = PREFIX + route.path.replace("{id}", name).replace("{digest}", name)
        said = call(shared, route, path=path)
        status, kind, message = said.problem()
        assert status in (400, 404, 405) and kind in ("NotFound", "Refused", "Malformed"), said.body
        assert "root:" not in message
        assert record(shared.ledger, [ROOT]) == before
        assert not shared.uploads.exists()


class TestQueries:
    @pytest.mark.parametrize(
        ("path", "query"),
        [
            ("/pipeline-runs", "limit=1001"),
            ("/pipeline-runs", "limit=-1"),
            ("/pipeline-runs", "limit=1e3"),
            ("/pipeline-runs", "limit=1&limit=2"),
            ("/pipeline-runs", "limit=" + "9" * 30),
            ("/pipeline-runs", "limit=%D9%A1"),
            ("/pipeline-runs", "state=RESOLVED'--"),
            ("/pipeline-runs", "before_time=nan"),
            ("/pipeline-runs", "before_time=1e999"),
            ("/pipeline-runs", "before_time=1;DROP%20TABLE%20runs"),
            ("/pipeline-runs", "before_id=x'%20OR%20'1'='1"),
            ("/pipeline-runs", "order=created_at;--"),
            ("/pipeline-runs", "function=a%00b"),
            ("/pipeline-runs", "function=" + "x" * 1001),
            (f"/pipeline-runs/{ROOT}/changes", "after=-1"),
            (f"/pipeline-runs/{ROOT}/changes", f"after={1 << 63}"),
            (f"/pipeline-runs/{ROOT}/changes", "wait=31"),
            (f"/pipeline-runs/{ROOT}/changes", "limit=1001"),
            (f"/blobs/{'a' * 64}", ""),
            (f"/uploads/{'a' * 64}", "size=x"),
        ],
    )
    def test_what_is_refused(self, shared: Served, path: str, query: str) -> None:
        assert ask(shared, "GET", f"{PREFIX}{path}?{query}").problem()[:2] == (400, "Malformed")

    @pytest.mark.parametrize("function", ["m:root' OR '1'='1", "m:root'--", "%", "m_root", 'm:root" OR ""="'])
    def test_what_finds_nothing(self, shared: Served, function: str) -> None:
        from urllib.parse import quote

        assert ask(shared, "GET", f"{PREFIX}/pipeline-runs?function={quote(function)}").json() == {"items": []}
        assert len(ask(shared, "GET", f"{PREFIX}/pipeline-runs?function=m:root").json()["items"]) == 1

    @pytest.mark.parametrize("kind", ["runs", "artifacts"])
    @pytest.mark.parametrize("prefix", ["%25", "_", "'%20OR%201=1--", "0%25", "%00", "g"])
    def test_prefixes_that_are_none(self, shared: Served, kind: str, prefix: str) -> None:
        said = ask(shared, "GET", f"{PREFIX}/{kind}?prefix={prefix}")
        assert said.status == 400 or said.json() == {"items": []}


MOVE: dict[str, Any] = {"change": "RunMoved", "run_id": ROOT, "target": "RAN", "at": 1.0}
FACTS: dict[str, Any] = {
    "id": "0" * 32, "spec": ["bytes"], "codec": "raw", "digest": "a" * 64, "size": 3, "inline": True, "summary": None,
    "children": [],
}  # fmt: skip
TRUE = {**artifact_to_json(artifact(b"abc")), "children": []}


def commit(changes: Any = (), artifacts: Any = (), after: bytes = b"", **more: Any) -> bytes:
    head = {"nonce": NONCE, "changes": list(changes), "artifacts": list(artifacts), **more}
    return json.dumps(head).encode() + b"\n" + after


MALFORMED = {
    "nothing": b"",
    "no JSON": b"hello\n",
    "a list": b"[]\n",
    "not UTF-8": b'{"nonce": "\xff"}\n',
    "twice": b'{"nonce": "a", "nonce": "b", "changes": [], "artifacts": []}\n',
    "NaN": b'{"nonce": "a", "changes": [{"change": "RestCanceled", "at": NaN}], "artifacts": []}\n',
    "infinity": b'{"nonce": "a", "changes": [{"change": "RestCanceled", "at": 1e999}], "artifacts": []}\n',
    "deep": b'{"nonce": ' + b"[" * 200_000 + b"\n",
    "digits": b'{"nonce": "a", "changes": [{"change": "RestCanceled", "at": ' + b"9" * 5000 + b'}], "artifacts": []}\n',
    "lacking": b'{"nonce": "a"}\n',
    "more": commit(extra=1),
    "an empty nonce": commit(nonce=""),
    "a long nonce": commit(nonce="n" * 65),
    "no such change": commit([{"change": "Exec"}]),
    "a class of Python": commit([{"change": "__class__"}]),
    "a change that is none": commit(["RunMoved"]),
    "a field too many": commit([{**MOVE, "state": "RAN"}]),
    "a field too few": commit([{"change": "RunMoved", "run_id": ROOT}]),
    "a state that is none": commit([{**MOVE, "target": "DONE"}]),
    "a state that is a list": commit([{**MOVE, "target": ["RAN"]}]),
    "a time that is a text": commit([{**MOVE, "at": "1"}]),
    "a time that is true": commit([{**MOVE, "at": True}]),
    "an attempt beyond 64 bits": commit([{**MOVE, "attempt": 1 << 64}]),
    "an attempt that is a fraction": commit([{**MOVE, "attempt": 1.5}]),
    "a run's id that is none": commit([{**MOVE, "run_id": "../../x"}]),
    "a run's id with a comma": commit([{**MOVE, "run_id": ROOT + ",*"}]),
    "runs that are none": commit([{"change": "RunsAdded", "runs": {}}]),
    "an artifact that is not there": commit([{"change": "ArtifactsAdded", "artifacts": [0]}]),
    "an artifact before the first": commit([{"change": "ArtifactsAdded", "artifacts": [-1]}], [TRUE], b"abc"),
    "a child of itself": commit(artifacts=[{**TRUE, "children": [0]}], after=b"abc"),
    "too few bytes": commit(artifacts=[FACTS], after=b"ab"),
    "too many bytes": commit(artifacts=[], after=b"ab"),
    "a negative size": commit(artifacts=[{**FACTS, "size": -1}]),
    "a digest that is a path": commit(artifacts=[{**FACTS, "digest": "../" * 20}], after=b"abc"),
    "large bytes that were not uploaded": commit(
        artifacts=[{**FACTS, "size": INLINE_LIMIT + 1}], after=b"x" * (INLINE_LIMIT + 1)
    ),
}
LYING = {
    "bytes of another digest": commit(artifacts=[FACTS], after=b"abc"),
    "facts of another id": commit(artifacts=[{**FACTS, "inline": False}]),
}


class TestCommits:
    def send(self, served: Served, body: bytes) -> tuple[int, str, str]:
        path = f"{PREFIX}/pipeline-runs/{ROOT}/commits"
        return ask(served, "POST", path, body=body, headers={"Content-Type": COMMIT}).problem()

    @pytest.mark.parametrize("kind", MALFORMED)
    def test_what_is_malformed(self, shared: Served, kind: str) -> None:
        before = record(shared.ledger, [ROOT])
        assert self.send(shared, MALFORMED[kind])[:2] == (400, "Malformed")
        assert record(shared.ledger, [ROOT]) == before

    @pytest.mark.parametrize("kind", LYING)
    def test_what_lies(self, shared: Served, kind: str) -> None:
        before = record(shared.ledger, [ROOT])
        assert self.send(shared, LYING[kind])[:2] == (422, "ArtifactError")
        assert record(shared.ledger, [ROOT]) == before

    def test_a_graph_of_another_pipeline_run(self, shared: Served) -> None:
        run = {"id": "a" * 32, "pipeline_run_id": "b" * 32, "function": "m:f", "arguments": "{}"}
        assert self.send(shared, commit([{"change": "RunsAdded", "runs": [run]}]))[:2] == (422, "LedgerError")

    def test_a_text_that_no_database_keeps(self, shared: Served) -> None:
        note = {"change": "GitNoted", "git": "\ud800"}
        assert self.send(shared, commit([note]))[:2] == (422, "LedgerError")

    def test_another_type_than_it_says(self, shared: Served) -> None:
        path = f"{PREFIX}/pipeline-runs/{ROOT}/commits"
        assert ask(shared, "POST", path, body=commit(), headers={"Content-Type": "text/plain"}).status == 415


class TestBodies:
    @pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.name)
    def test_more_than_a_route_takes(self, shared: Served, route: Route) -> None:
        limit = route.body.limit if route.body else 0
        if route.without_token:
            assert call(shared, route, body=b"x").problem()[:2] == (413, "TooLarge")
        elif limit < COMMIT_LIMIT:
            assert call(shared, route, body=b"x" * (limit + 1)).problem()[:2] == (413, "TooLarge")
        else:
            assert self.declared(shared, route, limit + 1).startswith(b"HTTP/1.1 413 ")

    @pytest.mark.parametrize("size", [PIECE + (COMMIT_LIMIT * 2), 1 << 50, 1 << 64])
    def test_more_than_any_takes_is_not_received(self, shared: Served, size: int) -> None:
        for route in ROUTES:
            if route.body is not None:
                assert self.declared(shared, route, size).startswith(b"HTTP/1.1 413 ")

    def test_nothing_is_received_from_who_has_no_token(self, shared: Served) -> None:
        for route in ROUTES:
            if route.body is not None:
                assert self.declared(shared, route, 1000, token="x").startswith(b"HTTP/1.1 401 ")

    def test_a_body_without_end(self, shared: Served) -> None:
        for token, expected in (("x", b"HTTP/1.1 401 "), (shared.token, b"HTTP/1.1 413 ")):
            head = _head(shared, "PUT", filled(ROUTES[-1]), token, "Transfer-Encoding: chunked")
            chunk = b"100000\r\n" + b"x" * 0x100000 + b"\r\n"
            assert b"".join(_said(shared, head, chunk)).startswith(expected)

    @pytest.mark.parametrize("length", ["-1", "1, 1", "0x10", "+5", "\u0661", "1e3", " "])
    def test_lengths_that_are_none(self, shared: Served, length: str) -> None:
        head = _head(shared, "PUT", filled(ROUTES[-1]), shared.token, f"Content-Length: {length}")
        assert b"".join(_said(shared, head)).startswith(b"HTTP/1.1 4")

    def declared(self, served: Served, route: Route, size: int, token: str = "") -> bytes:
        """What is said to a header alone: the body is still to come."""
        head = _head(served, route.method, filled(route), token or served.token, f"Content-Length: {size}")
        return b"".join(_said(served, head))

    def test_headers_without_end(self, shared: Served) -> None:
        head = f"GET {PREFIX}/health HTTP/1.1\r\nHost: localhost\r\n".encode()
        assert b" 431 " in b"".join(_said(shared, head, b"X-More: " + b"x" * 4000 + b"\r\n"))[:20]

    def test_many_headers(self, shared: Served) -> None:
        more = {f"X-More-{number}": "x" for number in range(60)}
        assert ask(shared, "GET", f"{PREFIX}/health", headers=more).status == 431


class TestSlowness:
    @pytest.fixture
    def hasty(self, tmp_path: Path, cache: Path) -> Iterator[Served]:
        with serving(tmp_path, cache, patience=0.2) as server:
            yield server

    def test_a_header_that_drips(self, hasty: Served) -> None:
        head = b"GET /api/v1/version HTTP/1.1\r\nHost: localhost\r\nX-Slow: "
        assert b"".join(_said(hasty, head, b"x")).startswith(b"HTTP/1.0 408 ")

    def test_a_body_that_drips(self, hasty: Served) -> None:
        head = _head(hasty, "PUT", filled(ROUTES[-1]) + "?size=70000&offset=0", hasty.token, "Content-Length: 70000")
        assert b"".join(_said(hasty, head, b"x")).startswith(b"HTTP/1.1 408 ")
        assert ask(hasty, "GET", f"{PREFIX}/health").status == 200


def _head(served: Served, method: str, path: str, token: str, *more: str) -> bytes:
    lines = [f"{method} {path} HTTP/1.1", "Host: localhost", f"Authorization: Bearer {token}", *more, "", ""]
    return "\r\n".join(lines).encode()


def _said(served: Served, head: bytes, again: bytes = b"") -> Iterator[bytes]:
    """What comes back to `head` and then `again`, again and again, until the server has had enough."""
    with socket.create_connection(("127.0.0.1", served.port), timeout=30) as connection:
        connection.sendall(head)
        while again and not select.select([connection], [], [], 0.02)[0]:
            try:
                connection.sendall(again)
            except (BrokenPipeError, ConnectionResetError):
                break
        try:
            while data := connection.recv(65536):
                yield data
                if not again and b"\r\n\r\n" in data:
                    return
        except ConnectionResetError:
            return
