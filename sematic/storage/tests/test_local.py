"""The local store: what was written comes back, or a sentence says why not."""

from __future__ import annotations

import hashlib
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from sematic.errors import ArtifactError, StoreError
from sematic.storage.local import INLINE_LIMIT, LocalStore

BIG = bytes(range(256)) * 12_000
DIGEST = hashlib.sha256(BIG).hexdigest()


@pytest.fixture(params=[False, True], ids=["lazy", "fsync"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> LocalStore:
    return LocalStore(tmp_path, fsync=request.param)


@contextmanager
def mounted(folder: Path, *options: str) -> Iterator[None]:
    folder.mkdir(exist_ok=True)
    subprocess.run(["mount", *options, str(folder)], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def files(store: LocalStore) -> list[Path]:
    return sorted(path.relative_to(store.blobs) for path in store.blobs.rglob("*") if path.is_file())


def place(store: LocalStore) -> Path:
    return store.blobs / DIGEST[:2] / DIGEST[2:]


@pytest.mark.parametrize("size", [0, 1, INLINE_LIMIT])
def test_small_bytes_stay_in_their_blob(store: LocalStore, size: int) -> None:
    data = bytearray(BIG[:size])
    blob = store.write([memoryview(data)])
    data[:] = b"x" * size
    assert (blob.data, blob.size, blob.digest) == (BIG[:size], size, hashlib.sha256(BIG[:size]).hexdigest())
    assert not store.blobs.exists()


@pytest.mark.parametrize(
    "chunks", [[BIG], [BIG[:7], b"", BIG[7:100_000], bytearray(BIG[100_000:])], [BIG[:70_000], BIG[70_000:]]]
)
def test_large_bytes_go_to_a_file_and_back(store: LocalStore, chunks: list[bytes]) -> None:
    blob = store.write(iter(chunks))
    assert (blob.data, blob.size, blob.digest) == (None, len(BIG), DIGEST)
    assert files(store) == [Path(DIGEST[:2]) / DIGEST[2:]]
    assert store.exists(DIGEST, len(BIG))
    assert not store.exists(DIGEST, 1)
    for reader in (store, LocalStore(store.blobs.parent)):
        assert bytes(reader.read(DIGEST, len(BIG))) == BIG


def test_arrays_of_any_shape_are_taken_as_bytes(store: LocalStore) -> None:
    view = memoryview(BIG).cast("B", (12_000, 256))
    assert store.write([view]).digest == DIGEST
    assert store.write([memoryview(BIG).cast("I")]).digest == DIGEST


def test_a_reader_may_write_on_its_copy(store: LocalStore) -> None:
    store.write([BIG])
    first = store.read(DIGEST, len(BIG))
    assert isinstance(first, memoryview) and not first.readonly
    first[0] = 99
    assert bytes(store.read(DIGEST, len(BIG))) == BIG
    assert bytes(LocalStore(store.blobs.parent).read(DIGEST, len(BIG))) == BIG


def test_bytes_that_exist_count_as_written_now(store: LocalStore) -> None:
    store.write([BIG])
    os.utime(place(store), (1.0, 1.0))
    kept = place(store).stat().st_ino
    store.write([BIG])
    assert place(store).stat().st_mtime > 1.0
    assert (place(store).stat().st_ino, len(files(store))) == (kept, 1)


def test_a_truncated_blob_is_written_again(store: LocalStore) -> None:
    store.write([BIG])
    os.truncate(place(store), 5)
    store.write([BIG])
    assert bytes(store.read(DIGEST, len(BIG))) == BIG


class TestDamage:
    def test_missing(self, store: LocalStore) -> None:
        with pytest.raises(ArtifactError, match=f"blob {DIGEST} is missing: there is no {place(store)}. Restore"):
            store.read(DIGEST, len(BIG))

    def test_truncated(self, store: LocalStore) -> None:
        store.write([BIG])
        os.truncate(place(store), 5)
        with pytest.raises(ArtifactError, match=r"is truncated: .* has 5 bytes where 3072000 were written. Delete it"):
            store.read(DIGEST, len(BIG))

    def test_corrupt(self, store: LocalStore) -> None:
        store.write([BIG])
        with open(place(store), "r+b") as file:
            file.seek(2_000_000)
            file.write(b"!")
        other = LocalStore(store.blobs.parent)
        for _ in range(2):
            with pytest.raises(ArtifactError, match=r"is corrupt: the bytes of .* have the digest .* Delete it"):
                other.read(DIGEST, len(BIG))

    def test_corrupt_and_written_again_by_a_process_that_trusts_itself(self, store: LocalStore) -> None:
        store.write([BIG])
        place(store).write_bytes(b"!" + BIG[1:])
        other = LocalStore(store.blobs.parent)
        other.write([BIG])
        with pytest.raises(ArtifactError, match="is corrupt"):
            other.read(DIGEST, len(BIG))

    def test_unreadable(self, store: LocalStore) -> None:
        place(store).mkdir(parents=True)
        with pytest.raises(ArtifactError, match=r"cannot be read: .*: Is a directory"):
            store.read(DIGEST, len(BIG))

    @pytest.mark.parametrize("digest", ["", "../../etc/passwd", "a" * 63, "A" * 64, "a" * 64 + "\n", "/" * 64])
    def test_no_path_but_a_digest(self, store: LocalStore, digest: str) -> None:
        with pytest.raises(ArtifactError, match="is not the digest of a blob"):
            store.read(digest, 1)
        with pytest.raises(ArtifactError, match="is not the digest of a blob"):
            store.exists(digest, 1)


class TestNoRoom:
    def test_full_disk(self, tmp_path: Path) -> None:
        with mounted(tmp_path / "small", "-t", "tmpfs", "-o", "size=1m", "tmpfs"):
            store = LocalStore(tmp_path / "small")
            with pytest.raises(StoreError, match=r"cannot be stored in .*No space left on device.*: free some space"):
                store.write([BIG])
            assert files(store) == []
            store.write([BIG[:100_000]])
            assert len(files(store)) == 1

    def test_read_only_disk(self, tmp_path: Path, store: LocalStore) -> None:
        store.write([BIG])
        with mounted(store.blobs, "--bind", "-o", "ro", str(store.blobs)):
            with pytest.raises(StoreError, match="Read-only file system"):
                store.write([BIG[1:]])
            assert bytes(LocalStore(tmp_path).read(DIGEST, len(BIG))) == BIG

    def test_a_file_in_the_way(self, tmp_path: Path) -> None:
        (tmp_path / "blobs").write_text("")
        with pytest.raises(StoreError, match="check its permissions"):
            LocalStore(tmp_path).write([BIG])

    def test_a_producer_that_fails_leaves_nothing(self, store: LocalStore) -> None:
        def chunks() -> Iterator[bytes]:
            yield BIG
            raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            store.write(chunks())
        assert files(store) == []


class TestCollect:
    def test_old_and_unreferenced(self, store: LocalStore) -> None:
        digests = [store.write([BIG, bytes([number])]).digest for number in range(4)]
        paths = [store.blobs / digest[:2] / digest[2:] for digest in digests]
        for path in paths[:3]:
            os.utime(path, (1.0, 1.0))
        assert store.collect({digests[0]}) == (2, 2 * (len(BIG) + 1))
        assert [path.exists() for path in paths] == [True, False, False, True]
        assert store.collect(set(), keep_seconds=-1) == (2, 2 * (len(BIG) + 1))

    def test_what_dead_writers_left(self, store: LocalStore) -> None:
        store.blobs.mkdir()
        for name, time in (("tmp-1-a", 1.0), ("tmp-2-b", None)):
            path = store.blobs / name
            path.write_text("half")
            if time:
                os.utime(path, (time, time))
        assert store.collect(set(), keep_seconds=-1) == (0, 0)
        assert files(store) == [Path("tmp-2-b")]

    def test_nothing_there(self, store: LocalStore) -> None:
        assert store.collect(set()) == (0, 0)
