"""A real registry, docker-registry 2.8: with passwords, with TLS, through connections that break."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from image_tools.registry.credentials import Credentials
from image_tools.registry.errors import NoRights
from image_tools.registry.image import Image, digest_of
from image_tools.registry.push import Target, push
from image_tools.registry.reference import Reference
from image_tools.registry.security import Security
from tools.packaging.tests.registry.pushing import LARGE, Pusher, data, image
from tools.testing.registry import TESTER, Registry
from tools.testing.tools import program
from tools.testing.way import Connection, Way

LAYERS = [data(number) for number in range(61)]


def holds(registry: Registry, pushed: Image, name: str, repository: str = "team/app") -> None:
    assert registry.get(f"/v2/{repository}/manifests/{name}", pushed.media_type) == pushed.manifest
    for blob in pushed.blobs:
        assert blob.content is not None
        kept = registry.get(f"/v2/{repository}/blobs/{blob.digest}")
        assert kept == blob.content(0).read(blob.size)


@pytest.fixture(params=["http", "tls"])
def real(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Registry]:
    with Registry(tmp_path / "real", login=TESTER, secure=request.param == "tls") as made:
        yield made


@pytest.fixture
def own(real: Registry, pusher: Pusher) -> Pusher:
    pusher.security = Security(ca=real.ca) if real.ca else Security("http")
    pusher.credentials[real.host] = Credentials("a file", TESTER.user, TESTER.password)
    return pusher


def aim(real: Registry, pushed: Image, repository: str = "team/app") -> list[Target]:
    return [Target(pushed, Reference(real.host, repository), ("v1",))]


def test_life_of_an_image(real: Registry, own: Pusher) -> None:
    pushed = image(*LAYERS, data(100, LARGE), b"print(1)\n")
    first = push(aim(real, pushed), own.session(), own.receipts)
    holds(real, pushed, "v1")
    assert first.counts.requests == 1 + 2 * 63 + 3 + 1
    unchanged = push(aim(real, pushed), own.session(), own.receipts)
    assert (unchanged.counts.requests, unchanged.uploaded) == (1, ())
    edited = image(*LAYERS, data(100, LARGE), b"print(2)\n")
    edit = push(aim(real, edited), own.session(), own.receipts)
    holds(real, edited, "v1")
    assert edit.counts.requests == 5
    assert edit.counts.sent < 32_000
    moved = push(aim(real, edited, "team/second"), own.session(), own.receipts)
    holds(real, edited, "v1", "team/second")
    assert moved.uploaded == ()
    assert len(moved.mounted) == 64


def test_blob_that_vanished(real: Registry, own: Pusher) -> None:
    pushed = image(*LAYERS[:3])
    push(aim(real, pushed), own.session(), own.receipts)
    for link in (real.storage).rglob(f"_layers/sha256/{digest_of(LAYERS[1])[7:]}/link"):
        link.unlink()
    again = push(aim(real, pushed), own.session(), own.receipts)
    assert again.uploaded == (digest_of(LAYERS[1]),)
    holds(real, pushed, "v1")


def test_wrong_password(real: Registry, own: Pusher) -> None:
    own.credentials[real.host] = Credentials("a file", TESTER.user, "wrong")
    with pytest.raises(NoRights, match="credentials of a file"):
        push(aim(real, image(data(1))), own.session())


def test_connections_that_break_inside_a_blob(real: Registry, own: Pusher) -> None:
    pushed = image(data(200, 20 << 20))
    with Way(real.host, after=5 << 20, happens=Connection.cut, times=3) as way:
        own.credentials[way.host] = own.credentials[real.host]
        push([Target(pushed, Reference(way.host, "team/app"), ("v1",))], own.session(), own.receipts)
    holds(real, pushed, "v1")  # Version 2.8 cannot go on inside a blob: it came there by beginning anew.
    assert way.happened == 3


def test_skopeo_reads_it(real: Registry, own: Pusher, tmp_path: Path) -> None:
    pushed = image(*LAYERS[:3])
    push(aim(real, pushed), own.session(), own.receipts)
    (tmp_path / "auth.json").write_text(json.dumps({"auths": {real.host: {"auth": TESTER.basic}}}))
    copy = [*program("skopeo"), "copy", "--insecure-policy", "--src-tls-verify=false"]
    source = ["--authfile", str(tmp_path / "auth.json"), "docker://" + real.reference("team/app", "v1")]
    subprocess.run([*copy, *source, f"dir:{tmp_path}/back"], check=True)
    for blob in pushed.blobs:
        assert digest_of((tmp_path / "back" / blob.digest[7:]).read_bytes()) == blob.digest
