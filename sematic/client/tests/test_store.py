"""The store of a server: what was written there comes back on any machine, or a sentence says why not."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

import pytest

from sematic.client.connection import Connection
from sematic.client.store import RemoteStore
from sematic.client.tests.relay import Relay
from sematic.errors import ArtifactError, StoreError
from sematic.server.tests.serving import Served
from sematic.storage.local import INLINE_LIMIT, LocalStore
from sematic.wire import PIECE

BIG = bytes(range(256)) * 12_000
DIGEST = hashlib.sha256(BIG).hexdigest()
Machine = Callable[..., RemoteStore]


@pytest.fixture
def machine(served: Served, tmp_path: Path) -> Machine:
    """A store as another machine has it, with nothing on it."""

    def make(name: str, address: str = "", patience: float = 5.0) -> RemoteStore:
        connection = Connection(address or served.address, served.token, patience)
        return RemoteStore(connection, LocalStore(tmp_path / name))

    return make


def place(served: Served) -> Path:
    return served.store.blobs / DIGEST[:2] / DIGEST[2:]


@pytest.mark.parametrize("size", [0, 1, INLINE_LIMIT])
def test_small_bytes_stay_in_their_blob(served: Served, machine: Machine, size: int) -> None:
    blob = machine("here").write([BIG[:size]])
    assert (blob.data, blob.size) == (BIG[:size], size)
    assert not served.store.blobs.exists()


@pytest.mark.parametrize("size", [INLINE_LIMIT + 1, len(BIG), PIECE, PIECE + 1, 2 * PIECE + 7])
def test_large_bytes_get_to_another_machine(served: Served, machine: Machine, size: int) -> None:
    data = (BIG * 7)[:size]
    blob = machine("here").write(iter([data[:100_000], data[100_000:]]))
    assert (blob.data, blob.size, blob.digest) == (None, size, hashlib.sha256(data).hexdigest())
    assert machine("elsewhere").exists(blob.digest, size)
    assert not machine("elsewhere").exists(blob.digest, size - 1)
    assert bytes(machine("elsewhere").read(blob.digest, size)) == data
    assert list(served.uploads.iterdir()) == []


def test_what_the_server_has_is_not_sent_again(served: Served, machine: Machine) -> None:
    machine("here").write([BIG])
    with Relay(served.port) as relay:
        machine("elsewhere", relay.address).write([BIG])
        assert relay.requests == 1


def test_what_was_read_once_is_here(served: Served, machine: Machine) -> None:
    machine("here").write([BIG])
    machine("elsewhere").read(DIGEST, len(BIG))
    place(served).unlink()
    assert bytes(machine("elsewhere").read(DIGEST, len(BIG))) == BIG


@pytest.mark.parametrize("number", range(1, 5))
@pytest.mark.parametrize("fault", ["cut", "refuse"])
def test_an_upload_that_is_cut_off_goes_on(served: Served, machine: Machine, fault: str, number: int) -> None:
    data = (BIG * 7)[: 2 * PIECE + 7]
    with Relay(served.port, **{fault: {number}}) as relay:
        blob = machine("here", relay.address).write([data])
        assert relay.requests == 5
    assert bytes(machine("elsewhere").read(blob.digest, blob.size)) == data


@pytest.mark.parametrize("number", range(1, 4))
def test_a_download_that_is_cut_off_goes_on(served: Served, machine: Machine, number: int) -> None:
    data = (BIG * 7)[: 2 * PIECE + 7]
    blob = machine("here").write([data])
    with Relay(served.port, cut={number}) as relay:
        assert bytes(machine("elsewhere", relay.address).read(blob.digest, blob.size)) == data


def test_another_process_goes_on_with_an_upload(served: Served, machine: Machine) -> None:
    data = (BIG * 7)[: 2 * PIECE + 7]
    with Relay(served.port, refuse=set(range(3, 100))) as relay, pytest.raises(StoreError, match="does not answer"):
        machine("here", relay.address, patience=0).write([data])
    with Relay(served.port) as relay:
        machine("here", relay.address).write([data])
        assert relay.requests == 3


class TestDamage:
    def test_missing(self, served: Served, machine: Machine) -> None:
        machine("here").write([BIG])
        place(served).unlink()
        with pytest.raises(ArtifactError, match=f"blob {DIGEST} is missing on the server {served.address}: restore it"):
            machine("elsewhere").read(DIGEST, len(BIG))

    def test_corrupt(self, served: Served, machine: Machine) -> None:
        served.store.write([BIG])
        place(served).write_bytes(b"!" + BIG[1:])
        with pytest.raises(ArtifactError, match="is corrupt"):
            machine("elsewhere").read(DIGEST, len(BIG))

    def test_away(self, served: Served, machine: Machine) -> None:
        served.close()
        with pytest.raises(StoreError, match="cannot be brought to the server: .* does not answer"):
            machine("here", patience=0).write([BIG])
        with pytest.raises(ArtifactError, match=r"cannot be fetched: .* does not answer"):
            machine("elsewhere", patience=0).read(DIGEST, len(BIG))

    @pytest.mark.parametrize("digest", ["..", "../../etc/passwd", "a" * 63, "A" * 64])
    def test_no_path_but_a_digest(self, machine: Machine, digest: str) -> None:
        with pytest.raises(ArtifactError):
            machine("here").read(digest, len(BIG))
