"""Headers and glue, read back by the standard library."""

import gzip
import io
import tarfile
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from image_tools.layer import deflate, gzip_members, tar
from image_tools.layer.errors import LayerError

names = st.text(st.characters(blacklist_categories=["Cs"], blacklist_characters="/\0"), min_size=1, max_size=120)
paths = st.lists(names.filter(lambda name: name not in (".", "..")), min_size=1, max_size=6).map("/".join)


def read(blocks: bytes) -> tarfile.TarInfo:
    with tarfile.open(fileobj=io.BytesIO(blocks + tar.END), mode="r:") as archive:
        member = archive.next()
    assert member is not None
    return member


@given(paths, st.integers(0, 1 << 40), st.sampled_from([0o644, 0o755]))
def test_a_file_header_says_what_it_was_given(path: str, size: int, mode: int) -> None:
    member = read(tar.header(path, tar.FILE, size=size, mode=mode))
    assert (member.name, member.size, member.mode, member.isreg()) == (path, size, mode, True)
    assert (member.uid, member.gid, member.uname, member.gname, member.mtime) == (0, 0, "", "", tar.MTIME)


@given(paths, paths)
def test_a_link_header_says_what_it_was_given(path: str, target: str) -> None:
    for kind, test in ((tar.SYMLINK, tarfile.TarInfo.issym), (tar.HARD_LINK, tarfile.TarInfo.islnk)):
        member = read(tar.header(path, kind, target=target))
        assert (member.name, member.linkname, test(member)) == (path, target, True)


@given(paths)
def test_a_folder_is_one(path: str) -> None:
    member = read(tar.header(path, tar.DIRECTORY, mode=0o755))
    assert (member.name, member.isdir()) == (path, True)


@pytest.mark.parametrize("length", [1, 99, 100, 101, 154, 155, 156, 255, 256, 257, 1000])
@pytest.mark.parametrize("slash", [None, 1, 50, 100, 154, 155, 156])
def test_names_at_the_limits_of_ustar(length: int, slash: int | None) -> None:
    path = "n" * length
    if slash is not None and slash < length - 1:
        path = path[:slash] + "/" + path[slash + 1 :]
    assert read(tar.header(path, tar.FILE)).name == path


@pytest.mark.parametrize("size", [(1 << 33) - 1, 1 << 33, (1 << 33) + 1, 1 << 45])
def test_sizes_from_8_gib_need_a_pax_record(size: int) -> None:
    blocks = tar.header("big", tar.FILE, size=size)
    assert len(blocks) == (tar.BLOCK if size < 1 << 33 else 3 * tar.BLOCK)
    assert read(blocks).size == size


def test_a_name_that_is_not_utf8_is_refused() -> None:
    with pytest.raises(LayerError, match="UTF-8"):
        tar.header("bad\udcff", tar.FILE)


@given(st.binary(max_size=3000) | st.lists(st.binary(max_size=9) | st.integers(0, 1500).map(bytes)).map(b"".join))
def test_any_decoder_reads_our_deflate(data: bytes) -> None:
    assert zlib.decompress(deflate.encode(data), -15) == data
    assert gzip.decompress(gzip_members.glue(data)) == data


@pytest.mark.parametrize("count", [*range(12), *range(255, 270), 512, 515, 516, 517, 518, 519, 1034, 1 << 20])
def test_runs_of_zeros_of_every_awkward_length(count: int) -> None:
    assert zlib.decompress(deflate.encode(bytes(count)), -15) == bytes(count)


def test_a_header_takes_about_130_bytes() -> None:
    assert len(gzip_members.glue(tar.header("app/site-packages/numpy/linalg/_linalg.py", tar.FILE, size=123456))) < 140


def test_the_bytes_of_our_encoder_never_change() -> None:
    assert deflate.encode(b"a\0\0\0\0\0\xe9").hex() == "4b6400819700"
