"""What a push costs, as the registry counts it: its own log, and the bytes that came to its port."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tools.packaging.tests.real.pusher import Pusher, succeeded
from tools.packaging.tests.registry.layouts import write
from tools.packaging.tests.registry.pushing import data
from tools.testing.registry import TESTER, Registry
from tools.testing.way import Way

LAYERS = [data(number, 100_000) for number in range(30)]


@pytest.fixture(params=["http", "tls"])
def registry(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Registry]:
    with Registry(tmp_path / "registry", login=TESTER, secure=request.param == "tls") as own:
        yield own


def test_an_edit_of_one_line_is_few_requests_and_few_bytes(registry: Registry, tmp_path: Path) -> None:
    pusher = Pusher(tmp_path / "pusher", registry)
    with Way(registry.host) as way:
        succeeded(pusher.push(write(tmp_path / "first", *LAYERS, b"print(1)\n"), host=way.host))
        for number, (requests, received) in enumerate([(1, 8_000), (6, 32_000)], 1):
            asked, before = len(registry.requests()), way.received
            succeeded(pusher.push(write(tmp_path / f"{number}", *LAYERS, b"print(%d)\n" % number), host=way.host))
            answered = [request for request in registry.requests()[asked:] if request.status != 401]
            assert len(answered) <= requests
            assert way.received - before <= received
