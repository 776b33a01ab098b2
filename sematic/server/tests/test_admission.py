"""Every route, asked by those who may not: nothing is answered, and nothing is received from them."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from sematic.ledger.tests.samples import ROOT, record
from sematic.server.api import ROUTES
from sematic.server.routes import PREFIX, Route
from sematic.server.tests.asking import ask, call
from sematic.server.tests.serving import Served
from sematic.server.tokens import Tokens

CLOSED = [route for route in ROUTES if not route.without_token]
every = pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.name)
closed = pytest.mark.parametrize("route", CLOSED, ids=lambda route: route.name)


def _revoked(tokens: Tokens) -> str:
    text = tokens.create("old")
    tokens.revoke("old")
    return text


WRONG: dict[str, Callable[[Tokens], str | None]] = {
    "none": lambda tokens: None,
    "unknown": lambda tokens: "sematic_" + "x" * 43,
    "nothing": lambda tokens: " ",
    "a word": lambda tokens: "nothing",
    "a hash": lambda tokens: tokens.listed()[0].hash,
    "revoked": _revoked,
    "expired": lambda tokens: tokens.create("late", days=1e-9),
}


def test_only_health_is_open() -> None:
    assert [route.name for route in ROUTES if route.without_token] == ["health"]


@closed
@pytest.mark.parametrize("kind", WRONG)
def test_without_a_token_that_counts(shared: Served, route: Route, kind: str) -> None:
    before = record(shared.ledger, [ROOT])
    said = call(shared, route, token=WRONG[kind](shared.tokens))
    status, what, message = said.problem()
    assert (status, what) == (401, "Unauthorized")
    assert "sematic token create" in message or "Authorization: Bearer TOKEN" in message
    assert record(shared.ledger, [ROOT]) == before
    assert not shared.uploads.exists()


@closed
@pytest.mark.parametrize("scheme", ["", "Basic ", "Token "])
def test_a_token_under_another_scheme(shared: Served, route: Route, scheme: str) -> None:
    assert call(shared, route, token=None, headers={"Authorization": scheme + shared.token}).status == 401


@pytest.mark.parametrize("path", ["/", "/nothing", PREFIX, f"{PREFIX}/nothing", f"{PREFIX}/health/../version"])
def test_what_is_not_there_needs_a_token_too(shared: Served, path: str) -> None:
    assert ask(shared, "GET", path, token=None).status == 401
    assert ask(shared, "GET", path).problem()[:2] == (404, "Refused")


@closed
@pytest.mark.parametrize("method", ["GET", "PUT", "POST", "DELETE", "PATCH", "OPTIONS", "TRACE"])
def test_no_method_goes_without(shared: Served, route: Route, method: str) -> None:
    assert call(shared, route._replace(method=method), token=None).status == 401


@every
@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1.evil.example", "", "localhost, evil.example", "[", "a@b:c"]
)
def test_under_a_name_that_is_not_ours(shared: Served, route: Route, host: str) -> None:
    assert call(shared, route, headers={"Host": host}).problem()[:2] == (403, "Refused")


@every
@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:99", "127.0.0.1", "[::1]:80"])
def test_under_our_own_names(shared: Served, route: Route, host: str) -> None:
    assert call(shared, route, headers={"Host": host}).status in (200, 400, 404, 422)


@every
@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://localhost.evil.example", "http://["])
def test_from_a_page_of_somebody_else(shared: Served, route: Route, origin: str) -> None:
    assert call(shared, route, headers={"Origin": origin}).problem()[:2] == (403, "Refused")


@every
def test_from_our_own_page(shared: Served, route: Route) -> None:
    said = call(shared, route, headers={"Origin": shared.address})
    assert said.status in (200, 400, 404, 422)
    assert "access-control-allow-origin" not in said.headers


@closed
def test_of_another_version(shared: Served, route: Route) -> None:
    status, kind, message = call(shared, route, headers={"Sematic-Version": "99.1.0"}).problem()
    assert (status, kind) == (426, "OtherVersion")
    assert "99.1.0" in message


@every
def test_what_every_answer_says(shared: Served, route: Route) -> None:
    headers = call(shared, route).headers
    assert headers["sematic-version"]
    assert headers["cache-control"] == "no-store"
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["content-security-policy"].startswith("default-src 'none'")
    assert "server" not in headers


class TestTokens:
    def test_it_is_nowhere_on_the_disk(self, tmp_path: Path) -> None:
        text = Tokens(tmp_path / "tokens.json").create("me")
        assert len(text) >= len("sematic_") + 43
        for path in tmp_path.iterdir():
            assert text not in path.read_text()

    def test_its_file_is_its_users_alone(self, tmp_path: Path) -> None:
        Tokens(tmp_path / "tokens.json").create("me")
        assert (tmp_path / "tokens.json").stat().st_mode & 0o777 == 0o600

    def test_another_process_may_revoke_it(self, tmp_path: Path) -> None:
        here, there = Tokens(tmp_path / "tokens.json"), Tokens(tmp_path / "tokens.json")
        text = there.create("me")
        found = here.check(text)
        assert found is not None and found.problem(time.time()) is None
        there.revoke(found.id)
        found = here.check(text)
        assert found is not None and found.problem(time.time()) == "the token 'me' was revoked"
