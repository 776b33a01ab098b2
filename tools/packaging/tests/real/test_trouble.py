"""Pushes to a real registry that go wrong: each ends in a sentence, and no tag names half an image."""

from __future__ import annotations

import hashlib
import json
import signal
import threading
from pathlib import Path

import pytest

from image_tools.registry.errors import RegistryError
from image_tools.registry.image import digest_of
from image_tools.registry.push import Target, push
from image_tools.registry.reference import Reference
from tools.packaging.tests.real.pusher import Pusher, ended, refusal, succeeded
from tools.packaging.tests.registry import pushing
from tools.packaging.tests.registry.layouts import index, keep, write
from tools.packaging.tests.registry.pushing import LARGE, data, image
from tools.testing.registry import TESTER, Registry
from tools.testing.way import Connection, Way

SMALL, LARGER = data(1), data(2, LARGE)


@pytest.fixture
def layout(tmp_path: Path) -> Path:
    return write(tmp_path / "layout", SMALL, LARGER)


def tags(registry: Registry) -> bytes:
    """As it tells them; a repository without a tag may not exist for it."""
    status, body = registry.ask("GET", "/v2/team/app/tags/list")
    return b"" if status == 404 else body


def holds(registry: Registry, *parts: bytes) -> None:
    """The tag is there, and its blobs are these."""
    assert b'"v1"' in tags(registry)
    for part in (*parts, image(*parts).manifest):
        kind = "manifests" if part.startswith(b'{"schemaVersion"') else "blobs"
        accept = "application/vnd.oci.image.manifest.v1+json" if kind == "manifests" else "*/*"
        assert registry.get(f"/v2/team/app/{kind}/{digest_of(part)}", accept) == part


def test_a_registry_that_is_down(tmp_path: Path, layout: Path) -> None:
    with Registry(tmp_path / "registry") as registry:
        pass
    assert f"{registry.host} refuses connections" in refusal(Pusher(tmp_path / "pusher", registry).push(layout))


def test_a_registry_that_asks_for_a_password(tmp_path: Path, layout: Path) -> None:
    with Registry(tmp_path / "registry", login=TESTER) as registry:
        pusher = Pusher(tmp_path / "pusher", registry)
        registry.login = None  # Nobody tells the pusher.
        sentence = refusal(pusher.push(layout))
        registry.login = TESTER
        assert "no rights, asked without credentials" in sentence
        assert f"docker login {registry.host}" in sentence
        assert tags(registry) == b""


def test_a_registry_that_refuses_to_be_written_to(tmp_path: Path, layout: Path) -> None:
    with Registry(tmp_path / "registry", read_only=True) as registry:
        sentence = refusal(Pusher(tmp_path / "pusher", registry).push(layout))
        assert "the registry refused (405" in sentence
        assert tags(registry) == b""


def test_two_pushes_of_one_image_at_once(tmp_path: Path, layout: Path) -> None:
    with Registry(tmp_path / "registry") as registry:
        pusher = Pusher(tmp_path / "pusher", registry)
        both = [pusher.start(layout) for _ in range(2)]
        references = {succeeded(ended(process)) for process in both}
        assert references == {registry.reference("team/app", image(SMALL, LARGER).digest)}
        holds(registry, SMALL, LARGER)
        again = pusher.push(layout)
        assert "0 blobs uploaded, 0 mounted, 1 requests" in again.stderr


@pytest.mark.parametrize("gone", ["repositories/**/_layers/sha256/{}/link", "blobs/sha256/*/{}/data"])
def test_a_blob_that_vanished_from_the_storage(tmp_path: Path, layout: Path, gone: str) -> None:
    """The receipts say that the registry has it."""
    with Registry(tmp_path / "registry") as registry:
        pusher = Pusher(tmp_path / "pusher", registry)
        succeeded(pusher.push(layout))
        removed = list(registry.storage.glob(f"docker/registry/v2/{gone.format(digest_of(LARGER)[7:])}"))
        for path in removed:
            path.unlink()
        assert len(removed) == 1
        done = pusher.push(layout)
        succeeded(done)
        assert "1 blobs uploaded" in done.stderr
        holds(registry, SMALL, LARGER)


def test_a_disk_that_is_full(tmp_path: Path) -> None:
    pusher = pushing.Pusher(tmp_path)
    large = image(SMALL, data(3, 12 << 20))
    with Registry(tmp_path / "registry", disk="8m") as registry:
        with pytest.raises(RegistryError, match=r"the registry failed \(500") as raised:
            push([Target(large, Reference(registry.host, "team/app"), ("v1",))], pusher.session())
        assert "look at its log" in str(raised.value)
        assert "no space left on device" in registry.log
        assert tags(registry) == b""


def test_a_registry_that_restarts_inside_an_upload(tmp_path: Path, layout: Path) -> None:
    with Registry(tmp_path / "registry") as registry:
        with Way(registry.host, after=1 << 20, happens=lambda _: registry.restart()) as way:
            succeeded(Pusher(tmp_path / "pusher", registry).push(layout, host=way.host))
        assert way.happened == 1
        holds(registry, SMALL, LARGER)


def test_an_interrupted_push_leaves_no_tag_and_a_later_one_goes_on(tmp_path: Path, layout: Path) -> None:
    reached, proceed = threading.Event(), threading.Event()

    def stop(_: Connection) -> None:
        reached.set()
        proceed.wait()

    with Registry(tmp_path / "registry") as registry:
        pusher = Pusher(tmp_path / "pusher", registry)
        with Way(registry.host, after=1 << 20, happens=stop) as way:
            process = pusher.start(layout, host=way.host)
            reached.wait()
            process.send_signal(signal.SIGINT)
            done = ended(process)
            proceed.set()
        assert done.returncode == 130
        assert done.stderr.splitlines()[-1] == "push: interrupted before the registry had confirmed it"
        assert tags(registry) == b""
        succeeded(pusher.push(layout))
        holds(registry, SMALL, LARGER)


def test_the_pusher_killed_leaves_no_tag(tmp_path: Path, layout: Path) -> None:
    processes = []
    with Registry(tmp_path / "registry") as registry:
        pusher = Pusher(tmp_path / "pusher", registry)
        with Way(registry.host, after=1 << 20, happens=lambda _: processes[0].kill()) as way:
            processes.append(pusher.start(layout, host=way.host))
            assert ended(processes[0]).returncode == -signal.SIGKILL
        assert tags(registry) == b""
        succeeded(pusher.push(layout))
        holds(registry, SMALL, LARGER)


def test_a_blob_of_2_gb_needs_little_memory(tmp_path: Path) -> None:
    layout, digest = _of_zeros(tmp_path / "layout", 2 << 30)
    with Registry(tmp_path / "registry") as registry:
        assert Pusher(tmp_path / "pusher", registry).peak_megabytes(layout) <= 100
        (kept,) = registry.storage.glob(f"docker/registry/v2/blobs/sha256/*/{digest[7:]}/data")
        assert kept.stat().st_size == 2 << 30
        kept.unlink()  # pytest keeps folders.
        assert b'"v1"' in tags(registry)


def _of_zeros(folder: Path, size: int) -> tuple[Path, str]:
    """A layout of one layer, which takes no room, and the layer's digest."""
    blobs = folder / "blobs/sha256"
    blobs.mkdir(parents=True)
    with (blobs / "sparse").open("wb+") as file:
        file.truncate(size)
        digest = "sha256:" + hashlib.file_digest(file, "sha256").hexdigest()
    (blobs / "sparse").rename(blobs / digest[7:])
    document = json.loads(image(b"").manifest)
    document["layers"][0] |= {"digest": digest, "size": size}
    manifest = json.dumps(document).encode()
    for part in (manifest, image(b"").blobs[0]):
        keep(folder, part if isinstance(part, bytes) else part.content(0).read(part.size))
    index(folder, [{"digest": digest_of(manifest), "size": len(manifest), "mediaType": document["mediaType"]}])
    return folder, digest
