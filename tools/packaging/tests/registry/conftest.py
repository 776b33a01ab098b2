"""Registries and a pusher for every test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tools.packaging.tests.registry.pushing import Pusher
from tools.packaging.tests.registry.scripted import Registry


@pytest.fixture
def registry() -> Iterator[Registry]:
    made = Registry()
    yield made
    made.close()


@pytest.fixture
def other() -> Iterator[Registry]:
    made = Registry()
    yield made
    made.close()


@pytest.fixture
def pusher(tmp_path: Path) -> Pusher:
    return Pusher(tmp_path)
