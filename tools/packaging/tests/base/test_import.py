"""Bases out of OCI layouts and docker archives, good ones and bad ones."""

from __future__ import annotations

import gzip
import json
import os
import random
import resource
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from image_tools.base import import_
from image_tools.base.description import Declared
from image_tools.base.errors import BaseError
from image_tools.base.import_ import from_archive, from_layout
from image_tools.base.platforms import parse
from image_tools.registry import layout as reading
from image_tools.registry.image import digest_of
from tools.packaging.tests.base import images
from tools.packaging.tests.registry import layouts

ONE, TWO = images.tar(a=b"1" * 3000), images.tar(b=random.Random(5).randbytes(3 << 20))
BLOB = gzip.compress(ONE)
AMD64 = images.config(ONE, architecture="amd64", Env=["PYTHON_VERSION=3.11.2"])
ARM64 = images.config(ONE, architecture="arm64", Labels={"dev.sematic.glibc": "2.36"})
IMAGES = {"linux/amd64": images.manifest(AMD64, BLOB), "linux/arm64": images.manifest(ARM64, BLOB)}


def declared(path: Path, platform: str = "linux/amd64") -> Declared:
    return Declared(str(path), parse(platform))


def both(folder: Path) -> Path:
    entries = [images.on(image, platform) for platform, image in IMAGES.items()]
    return images.layout(folder, BLOB, AMD64, ARM64, *IMAGES.values(), entries=entries)


# OCI layouts


@pytest.mark.parametrize("platform", IMAGES)
def test_layout_with_several_platforms(tmp_path: Path, platform: str) -> None:
    imported = from_layout(declared(both(tmp_path), platform))
    assert imported.manifest == IMAGES[platform]
    assert imported.described.platform == platform
    assert imported.described.reference == ""


@pytest.mark.parametrize("platform", IMAGES)
def test_layout_with_an_index_in_its_index(tmp_path: Path, platform: str) -> None:
    inner = images.index(*(images.on(image, platform) for platform, image in IMAGES.items()))
    both(tmp_path)
    images.layout(tmp_path, inner, entries=[images.descriptor(inner, images.INDEX)])
    assert from_layout(declared(tmp_path, platform)).manifest == IMAGES[platform]


def test_layout_whose_only_image_does_not_say_its_platform(tmp_path: Path) -> None:
    image = IMAGES["linux/amd64"]
    images.layout(tmp_path, BLOB, AMD64, image, entries=[images.descriptor(image)])
    assert from_layout(declared(tmp_path)).described.python == "3.11"


def test_layout_is_copied_on_request(tmp_path: Path) -> None:
    from_layout(declared(both(tmp_path / "a")), tmp_path / "b")
    image = reading.load(tmp_path / "b")
    assert image.manifest == IMAGES["linux/amd64"]
    assert all(blob.content for blob in image.blobs)


def test_layout_for_another_platform(tmp_path: Path) -> None:
    with pytest.raises(BaseError, match="no image for linux/s390x, only linux/amd64, linux/arm64"):
        from_layout(declared(both(tmp_path), "linux/s390x"))


def test_layout_for_another_platform_than_its_index_says(tmp_path: Path) -> None:
    image = IMAGES["linux/arm64"]
    images.layout(tmp_path, BLOB, ARM64, image, entries=[images.descriptor(image)])
    with pytest.raises(BaseError, match="is an image for linux/arm64, not for linux/amd64"):
        from_layout(declared(tmp_path))


def test_layout_with_several_images(tmp_path: Path) -> None:
    entries = [images.on(image, "linux/amd64") for image in IMAGES.values()]
    images.layout(tmp_path, BLOB, AMD64, ARM64, *IMAGES.values(), entries=entries)
    with pytest.raises(BaseError, match="holds 2 images where one is needed"):
        from_layout(declared(tmp_path))


@pytest.mark.parametrize("entries", [[], [3]])
def test_layout_without_images(tmp_path: Path, entries: list[Any]) -> None:
    with pytest.raises(BaseError, match="holds no images where one is needed"):
        from_layout(declared(images.layout(tmp_path, entries=entries)))


def test_folder_that_is_no_layout(tmp_path: Path) -> None:
    with pytest.raises(BaseError, match=r"is no OCI image layout \(No such file or directory: index.json\)"):
        from_layout(declared(tmp_path))


@pytest.mark.parametrize(("lost", "what"), [(AMD64, "lacks sha256"), (BLOB, "lacks the layer sha256")])
def test_layout_that_lacks_something(tmp_path: Path, lost: bytes, what: str) -> None:
    layouts.keep(both(tmp_path), lost).unlink()
    with pytest.raises(BaseError, match=f"{what}.*make the layout again"):
        from_layout(declared(tmp_path))


def test_layout_that_lacks_the_manifest(tmp_path: Path) -> None:
    layouts.keep(both(tmp_path), IMAGES["linux/amd64"]).unlink()
    with pytest.raises(BaseError, match="lacks sha256"):
        from_layout(declared(tmp_path))


@pytest.mark.parametrize("part", [AMD64, IMAGES["linux/amd64"], BLOB])
def test_layout_that_is_damaged(tmp_path: Path, part: bytes) -> None:
    path = layouts.keep(both(tmp_path), part)
    path.write_bytes(part[:-1])
    with pytest.raises(BaseError, match=r"(is damaged, .*|bytes instead of \d+): make the layout again"):
        from_layout(declared(tmp_path))


# Docker archives


def check_layout(folder: Path, *layers: bytes) -> None:
    """It is whole, and unpacks to these."""
    image = reading.load(folder)
    entries = json.loads(image.manifest)["layers"]
    assert len(entries) == len(layers)
    for entry, expected in zip(entries, layers):
        path = folder / "blobs/sha256" / entry["digest"][7:]
        assert digest_of(path.read_bytes()) == entry["digest"]
        assert path.stat().st_size == entry["size"]
        assert images.unzipped(path) == expected
    assert {path.name for path in (folder / "blobs/sha256").iterdir()} == {
        digest[7:] for digest in (image.digest, *(blob.digest for blob in image.blobs))
    }


def test_archive(tmp_path: Path) -> None:
    imported = from_archive(declared(images.saved(tmp_path / "it.tar", ONE, TWO)), tmp_path / "out")
    check_layout(tmp_path / "out", ONE, TWO)
    assert imported.config == images.config(ONE, TWO)


def test_same_archive_gives_the_same_digest(tmp_path: Path) -> None:
    made = [
        from_archive(declared(images.saved(tmp_path / "it.tar", ONE, TWO)), tmp_path / f"out{number}").manifest
        for number in range(2)
    ]
    assert made[0] == made[1]


def test_compressed_layers_stay_as_they_are(tmp_path: Path) -> None:
    path = images.saved(tmp_path / "it.tar", BLOB, configuration=images.config(ONE))
    from_archive(declared(path), tmp_path / "out")
    check_layout(tmp_path / "out", ONE)
    assert (tmp_path / "out/blobs/sha256" / digest_of(BLOB)[7:]).read_bytes() == BLOB


def test_archive_that_is_compressed_as_a_whole(tmp_path: Path) -> None:
    path = images.saved(tmp_path / "it.tar", TWO, ONE)
    (tmp_path / "it.tar.gz").write_bytes(gzip.compress(path.read_bytes()))
    from_archive(declared(tmp_path / "it.tar.gz"), tmp_path / "out")
    check_layout(tmp_path / "out", TWO, ONE)


def named(config: str, *layers: str) -> bytes:
    return images.encoded([{"Config": config, "RepoTags": None, "Layers": layers}])


def test_layer_that_is_a_link_to_another(tmp_path: Path) -> None:
    """As docker wrote them before version 25."""
    files = {"a/layer.tar": ONE, "b/layer.tar": "../a/layer.tar", "c.json": images.config(ONE, ONE)}
    path = images.packed(tmp_path / "it.tar", {**files, "manifest.json": named("c.json", "a/layer.tar", "b/layer.tar")})
    from_archive(declared(path), tmp_path / "out")
    check_layout(tmp_path / "out", ONE, ONE)


def test_names_with_a_dot_in_front(tmp_path: Path) -> None:
    """As rules_docker's tar has them."""
    files = {"./l.tar": ONE, "./c.json": images.config(ONE), "./manifest.json": named("c.json", "l.tar")}
    from_archive(declared(images.packed(tmp_path / "it.tar", files)), tmp_path / "out")
    check_layout(tmp_path / "out", ONE)


def refused(path: Path, message: str, out: Path) -> None:
    with pytest.raises(BaseError, match=message):
        from_archive(declared(path), out)


def test_archive_cut_off_anywhere(tmp_path: Path) -> None:
    whole = images.saved(tmp_path / "it.tar", ONE, TWO).read_bytes()
    end = len(whole.rstrip(b"\0"))
    for length in range(0, end, max(1, end // 40)):
        (tmp_path / "cut.tar").write_bytes(whole[:length])
        refused(tmp_path / "cut.tar", "cut off or damaged|no archive of `docker save`", tmp_path / f"out{length}")


def test_compressed_archive_cut_off(tmp_path: Path) -> None:
    whole = gzip.compress(images.saved(tmp_path / "it.tar", ONE, TWO).read_bytes())
    for length in range(20, len(whole) - 1, len(whole) // 7):
        (tmp_path / "cut.tar.gz").write_bytes(whole[:length])
        refused(tmp_path / "cut.tar.gz", "cut off or damaged", tmp_path / f"out{length}")


@pytest.mark.parametrize("blob", [BLOB[:-9], BLOB[:40] + b"\0\0\0\0" + BLOB[44:], BLOB[:8]])
def test_compressed_layer_that_is_damaged(tmp_path: Path, blob: bytes) -> None:
    path = images.saved(tmp_path / "it.tar", blob, configuration=images.config(ONE))
    refused(path, "cut off or damaged at l0/layer.tar", tmp_path / "out")


def test_layer_that_is_another(tmp_path: Path) -> None:
    path = images.saved(tmp_path / "it.tar", ONE, configuration=images.config(TWO))
    refused(path, "layer l0/layer.tar is sha256:.*, its configuration says sha256:", tmp_path / "out")


def test_number_of_layers(tmp_path: Path) -> None:
    path = images.saved(tmp_path / "it.tar", ONE, configuration=images.config(ONE, TWO))
    refused(path, "has 1 layers, its configuration knows 2", tmp_path / "out")


def test_layer_that_is_compressed_by_zstd(tmp_path: Path) -> None:
    path = images.saved(tmp_path / "it.tar", b"\x28\xb5\x2f\xfd rest", configuration=images.config(ONE))
    refused(path, "is compressed by zstd: save the image with gzip layers", tmp_path / "out")


@pytest.mark.parametrize(
    ("layer", "message"),
    [
        ("../../etc/passwd", "leads out of the archive"),
        ("/etc/passwd", "leads out of the archive"),
        ("evil", "leads out of the archive"),
        ("absolute", "leads out of the archive"),
        ("round", "leads in a circle"),
        ("gone", "lacks gone, which its manifest.json names"),
        ("lost", "lacks lost, which"),
    ],
)
def test_paths_that_play_tricks(tmp_path: Path, layer: str, message: str) -> None:
    links: dict[str, bytes | str] = {
        "evil": "../outside",
        "absolute": "/etc/passwd",
        "round": "round",
        "lost": "nowhere",
        "c.json": images.config(ONE),
    }
    path = images.packed(tmp_path / "it.tar", {**links, "manifest.json": named("c.json", layer)})
    refused(path, message, tmp_path / "out")
    assert not (tmp_path / "outside").exists()


@pytest.mark.parametrize(
    ("manifest", "message"),
    [
        ([], "holds no image where one image is needed"),
        ({}, "holds no image"),
        ([{"RepoTags": ["a:1"]}, {"RepoTags": ["b:2"]}], r"holds 2 images \(a:1, b:2\) where one image is needed"),
        ([{}, {}], r"holds 2 images \(without names\)"),
        ([{"Config": 3, "Layers": []}], "names no Config and Layers"),
        ([{"Config": "c", "Layers": [3]}], "names no Config and Layers"),
        (["x"], "names no Config and Layers"),
    ],
)
def test_manifest_that_names_no_image(tmp_path: Path, manifest: Any, message: str) -> None:
    path = images.packed(tmp_path / "it.tar", {"manifest.json": images.encoded(manifest)})
    refused(path, message, tmp_path / "out")


def test_manifest_that_is_no_json(tmp_path: Path) -> None:
    refused(images.packed(tmp_path / "it.tar", {"manifest.json": b"["}), "its manifest.json is no JSON", tmp_path / "o")


def test_archive_of_an_oci_layout(tmp_path: Path) -> None:
    path = images.packed(tmp_path / "it.tar", {"index.json": b"{}"})
    refused(path, "it has no manifest.json: it is an OCI layout; unpack it", tmp_path / "out")


def test_file_that_is_no_archive(tmp_path: Path) -> None:
    (tmp_path / "it.tar").write_bytes(b"text " * 1000)
    refused(tmp_path / "it.tar", "cut off or damaged", tmp_path / "out")


def test_file_that_is_missing(tmp_path: Path) -> None:
    refused(tmp_path / "it.tar", "cannot be read: No such file or directory", tmp_path / "out")


# As a program


def run(source: Path, folder: Path, *more: str) -> int:
    outputs = [f"--{name}={folder}/{name}.json" for name in ("manifest", "config", "description")]
    return import_.main(["--from", str(source), *outputs, *more])


def test_program(tmp_path: Path) -> None:
    path = images.saved(tmp_path / "it.tar", ONE)
    assert run(path, tmp_path, f"--layout={tmp_path}/out", "--python=3.12", "--glibc=") == 0
    image = reading.load(tmp_path / "out")
    assert (tmp_path / "manifest.json").read_bytes() == image.manifest
    assert digest_of((tmp_path / "config.json").read_bytes()) == image.blobs[0].digest
    assert json.loads((tmp_path / "description.json").read_text())["python"] == "3.12"


def test_program_says_a_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(images.saved(tmp_path / "it.tar", ONE), tmp_path) == 1
    assert capsys.readouterr().err == (
        f"base image: {tmp_path}/it.tar is an archive: name a folder for its layers with --layout.\n"
    )


def test_disk_that_is_full(tmp_path: Path) -> None:
    path = images.saved(tmp_path / "it.tar", TWO)
    outputs = [f"--{name}={tmp_path}/{name}" for name in ("manifest", "config", "description", "layout")]
    done = subprocess.run(
        [sys.executable, "-m", "image_tools.base.import_", "--from", str(path), *outputs],
        env={**os.environ, "PYTHONPATH": ":".join(sys.path), "PYTHONDONTWRITEBYTECODE": "1"},
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, 1 << 20)),
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (1, f"base image: {tmp_path}/layout: File too large.\n")
