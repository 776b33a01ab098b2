"""What comes of an image: pushed to a real registry, pulled by skopeo and by containerd, unpacked, run."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tools.packaging.tests.real.building import Made, make
from tools.packaging.tests.real.pusher import Pusher, succeeded
from tools.testing import containers, images
from tools.testing.containerd import Containerd
from tools.testing.listing import Entry, listing
from tools.testing.registry import TESTER, Registry


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    return make(tmp_path_factory.mktemp("made"))


@pytest.fixture(scope="module", params=["http", "tls"])
def registry(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, made: Made
) -> Iterator[Registry]:
    """Holds the image; one of the two is plain and asks for nothing."""
    secure = request.param == "tls"
    folder = tmp_path_factory.mktemp("registry")
    with Registry(folder / "own", login=TESTER if secure else None, secure=secure) as own:
        reference = succeeded(Pusher(folder / "pusher", own).push(made.layout))
        assert reference == own.reference("team/app", made.digest)
        yield own


@pytest.fixture(scope="module")
def pulled(registry: Registry, made: Made, tmp_path_factory: pytest.TempPathFactory) -> images.Image:
    return images.fetch(registry, "team/app", made.digest, tmp_path_factory.mktemp("pulled"))


def differences(found: dict[str, Entry], expected: dict[str, Entry]) -> dict[str, tuple[Entry | None, Entry | None]]:
    """A failing test shows these alone."""
    paths = found.keys() | expected.keys()
    return {path: (found.get(path), expected.get(path)) for path in paths if found.get(path) != expected.get(path)}


def test_what_skopeo_pulls_is_what_was_built(pulled: images.Image, made: Made) -> None:
    assert differences(listing(pulled.root), made.expected) == {}


def test_what_containerd_unpacks_is_what_was_built(registry: Registry, made: Made) -> None:
    with Containerd() as containerd:
        assert differences(listing(containerd.pull(registry, "team/app", "v1")), made.expected) == {}


def test_the_indexes_of_the_layers_tell_the_truth(pulled: images.Image, made: Made) -> None:
    found = listing(pulled.root)
    for built in made.layers:
        for record in built.records:
            entry = found[record.path]
            if record.kind == "hardlink":
                assert entry == found[record.target]
            else:
                assert (entry.kind, entry.mode, entry.size, entry.target) == (
                    record.kind,
                    0 if record.kind == "symlink" else record.mode,
                    record.size,
                    record.target,
                )


def test_a_command_runs_in_it(pulled: images.Image) -> None:
    script = 'cat /app/bin/run /app/bin/kept; echo " $FROM, $OWN, $GIVEN, $PWD"; echo aside >&2; exit 7'
    result = containers.run(pulled, ["/bin/sh", "-c", script], {"GIVEN": "given  here"})
    assert result == containers.Result(7, "0 a blankkept base, of the image, given  here, /app/src\n", "aside\n")


def test_its_own_command_runs(pulled: images.Image) -> None:
    assert containers.run(pulled) == containers.Result(0, "/app/src\n", "")


def test_what_a_container_writes_is_not_in_the_next(pulled: images.Image) -> None:
    before = listing(pulled.root)
    script = "echo changed >/etc/kept; echo new >/app/new; cat /etc/kept /app/new"
    assert containers.run(pulled, ["/bin/sh", "-c", script]).out == "changed\nnew\n"
    assert containers.run(pulled, ["/bin/cat", "/etc/kept"]).out == "kept"
    assert listing(pulled.root) == before
