"""A registry, a target that is pushed to it, and the shells that its launcher must run in."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tools.packaging.tests.launch.built import Built
from tools.packaging.tests.registry.scripted import Registry

_SHELLS = {"dash": ("dash",), "bash": ("bash",), "posix bash": ("bash", "--posix"), "busybox": ("busybox", "sh")}
FOUND = {"first line": (), **{name: words for name, words in _SHELLS.items() if shutil.which(words[0])}}


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
def built(tmp_path: Path, registry: Registry) -> Built:
    return Built(tmp_path / "with blanks, 'quotes' and \"more\"", registry.host)


@pytest.fixture(params=FOUND.values(), ids=FOUND)
def shell(request: pytest.FixtureRequest) -> tuple[str, ...]:
    """The words that run a script in a shell of this machine, by an absolute path."""
    words: tuple[str, ...] = request.param
    return (str(shutil.which(words[0])), *words[1:]) if words else ()
