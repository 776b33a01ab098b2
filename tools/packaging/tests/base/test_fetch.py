"""Fetching a base: two documents and no layer, from where it is said, and checked."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from image_tools.base import mirrors
from image_tools.base.description import Declared, Fetched
from image_tools.base.errors import BaseError
from image_tools.base.fetch import fetch
from image_tools.base.platforms import parse
from image_tools.registry.errors import BadAnswer, BadImage, RegistryError
from image_tools.registry.image import digest_of
from tools.packaging.tests.base import images
from tools.packaging.tests.base.images import Served
from tools.packaging.tests.registry.pushing import Pusher
from tools.packaging.tests.registry.scripted import Login, Registry, answer, basic, say, truncated

AMD64 = images.config(b"amd", architecture="amd64", Env=["PATH=/bin", "PYTHON_VERSION=3.11.9"])
ARM64 = images.config(b"arm", architecture="arm64", variant="v8", Labels={"dev.sematic.python": "3.12.4"})


@pytest.fixture
def served(registry: Registry) -> Served:
    return Served(registry)


def get(
    served: Served, name: str, pusher: Pusher, platform: str = "linux/amd64", mirror: str = "", **declared: str
) -> Fetched:
    reference = served.at(name)
    source = mirrors.source(reference, mirrors.mirrors(mirror))
    return fetch(source, Declared(reference, parse(platform), **declared), pusher.session())


def both(served: Served, *tags: str) -> str:
    """An index as Docker Hub has them: with images of two machines, and attestations."""
    amd, arm = served.image(AMD64), served.image(ARM64)
    entries = [images.on(amd, "linux/amd64"), images.on(arm, "linux/arm64/v8"), images.on(b"{}", "unknown/unknown")]
    return served.manifest(images.index(*entries), *tags)


@pytest.mark.parametrize(
    ("platform", "expected"),
    [("linux/amd64", AMD64), ("linux/arm64", ARM64), ("linux/arm64/v8", ARM64)],
)
def test_image_of_the_platform(served: Served, pusher: Pusher, platform: str, expected: bytes) -> None:
    fetched = get(served, both(served), pusher, platform)
    assert fetched.config == expected
    digest = digest_of(fetched.manifest)
    assert fetched.described.reference == f"{served.registry.host}/team/base@{digest}"
    assert fetched.described.platform == platform
    assert fetched.described.insecure == "http"
    assert fetched.described.pin == ""


def test_no_layer_is_asked_for(served: Served, pusher: Pusher) -> None:
    name = both(served)
    fetched = get(served, name, pusher)
    assert served.registry.asked() == [
        f"GET /v2/team/base/manifests/{name}",
        f"GET /v2/team/base/manifests/{digest_of(fetched.manifest)}",
        f"GET /v2/team/base/blobs/{digest_of(AMD64)}",
    ]


def test_single_image_needs_no_index(served: Served, pusher: Pusher) -> None:
    image = served.image(AMD64)
    assert get(served, digest_of(image), pusher).manifest == image


def test_tag_says_what_to_pin(served: Served, pusher: Pusher) -> None:
    digest = both(served, "v1")
    assert get(served, "v1", pusher).described.pin == f"{served.at('v1')}@{digest}"


@pytest.mark.parametrize(
    ("process", "declared", "python", "glibc"),
    [
        ({}, {}, "", ""),
        ({"Env": None, "Labels": None}, {}, "", ""),
        ({"Env": ["PYTHON_VERSION=3.11.9"]}, {}, "3.11", ""),
        ({"Env": ["PYTHON_VERSION=3.14.0rc2"]}, {}, "3.14", ""),
        ({"Env": ["PYTHON_VERSION=3.11.9"], "Labels": {"dev.sematic.python": "3.12"}}, {}, "3.12", ""),
        ({"Labels": {"dev.sematic.glibc": "2.36-9+deb12u10"}}, {}, "", "2.36"),
        ({"Labels": {"dev.sematic.python": "the newest"}}, {"python": "3.13"}, "3.13", ""),
        ({}, {"python": "3.11", "glibc": "2.31"}, "3.11", "2.31"),
        ({"Env": ["PYTHON_VERSION=3.11.9"]}, {"python": "3.11"}, "3.11", ""),
    ],
)
def test_versions(
    served: Served, pusher: Pusher, process: dict[str, Any], declared: dict[str, str], python: str, glibc: str
) -> None:
    image = served.image(images.config(b"x", **process))
    described = get(served, digest_of(image), pusher, **declared).described
    assert (described.python, described.glibc) == (python, glibc)


def test_declaration_that_the_image_denies(served: Served, pusher: Pusher) -> None:
    image = served.image(AMD64)
    with pytest.raises(BaseError, match="declared to have Python 3.12, but the image says 3.11.9: correct"):
        get(served, digest_of(image), pusher, python="3.12")


def test_declaration_that_is_no_version(served: Served, pusher: Pusher) -> None:
    image = served.image(AMD64)
    with pytest.raises(BaseError, match="'new' is no version of glibc"):
        get(served, digest_of(image), pusher, glibc="new")


def test_platform_that_an_index_lacks(served: Served, pusher: Pusher) -> None:
    with pytest.raises(BaseError, match="no image for linux/s390x, only linux/amd64, linux/arm64/v8: take"):
        get(served, both(served), pusher, "linux/s390x")


def test_single_image_of_another_platform(served: Served, pusher: Pusher) -> None:
    image = served.image(ARM64)
    with pytest.raises(BaseError, match="is an image for linux/arm64/v8, not for linux/amd64"):
        get(served, digest_of(image), pusher)


def test_unknown_image(served: Served, pusher: Pusher) -> None:
    with pytest.raises(BaseError, match=r"team/base:v7 is unknown to 127.* \(404\): correct the reference"):
        get(served, "v7", pusher)


def test_config_that_is_gone(served: Served, pusher: Pusher) -> None:
    image = served.image(AMD64)
    served.registry.blobs.clear()
    with pytest.raises(BaseError, match="is unknown to"):
        get(served, digest_of(image), pusher)


def test_no_rights(served: Served, pusher: Pusher) -> None:
    served.registry.login = Login("bearer", password="c4nary")
    with pytest.raises(BaseError, match=r"no rights, asked without credentials.*docker login.*does not exist"):
        get(served, "v1", pusher)


def test_other_bytes_than_the_digest_says(served: Served, pusher: Pusher) -> None:
    name = digest_of(served.image(AMD64))
    served.registry.manifests["team/base", name] = served.image(ARM64)
    with pytest.raises(BadAnswer, match=f"manifest {name}.*: what came has the digest sha256:.*a mirror, changed it"):
        get(served, name, pusher)


def test_other_config_than_the_manifest_says(served: Served, pusher: Pusher) -> None:
    image = served.image(AMD64)
    served.registry.blobs["team/base", digest_of(AMD64)] = ARM64
    with pytest.raises(BadAnswer, match="what came has the digest"):
        get(served, digest_of(image), pusher)


@pytest.mark.parametrize("document", [b"[]", b"no JSON", b'"x"'])
def test_manifest_that_is_none(served: Served, pusher: Pusher, document: bytes) -> None:
    served.manifest(document, "v1")
    with pytest.raises(BadImage, match="is not a JSON object"):
        get(served, "v1", pusher)


@pytest.mark.parametrize(
    "document",
    [
        {"schemaVersion": 1, "fsLayers": [], "history": []},
        {"schemaVersion": 2, "config": None, "layers": []},
        {"schemaVersion": 2, "config": {}, "layers": None},
    ],
)
def test_manifest_of_another_kind(served: Served, pusher: Pusher, document: dict[str, Any]) -> None:
    served.manifest(images.encoded(document), "v1")
    with pytest.raises(BaseError, match="is no image with a configuration and layers"):
        get(served, "v1", pusher)


def test_index_that_lists_nothing(served: Served, pusher: Pusher) -> None:
    served.manifest(images.encoded({"mediaType": images.INDEX, "manifests": None}), "v1")
    with pytest.raises(BaseError, match="no image for linux/amd64"):
        get(served, "v1", pusher)


@pytest.mark.parametrize("document", [b"{}", b"[]", b"chart: 1", b'{"rootfs": []}'])
def test_something_else_than_an_image(served: Served, pusher: Pusher, document: bytes) -> None:
    served.image(document, "v1")
    with pytest.raises(BaseError, match="is no container image: its configuration names no layers"):
        get(served, "v1", pusher)


def test_failures_that_pass(served: Served, pusher: Pusher) -> None:
    name = both(served)
    served.registry.fault("GET .*/manifests/", answer(503))
    served.registry.fault("GET .*/manifests/", truncated(200, b"{", 500))
    served.registry.fault("GET .*/blobs/", answer(429, headers={"Retry-After": "7"}))
    assert get(served, name, pusher).config == AMD64
    assert 7 in pusher.waits


@pytest.mark.parametrize("status", [429, 503])
def test_failures_that_do_not_pass(served: Served, pusher: Pusher, status: int) -> None:
    served.registry.fault("GET", answer(status), times=99)
    with pytest.raises(BaseError, match=f"cannot be fetched: .*{status}.*set SEMATIC_BASE_MIRROR=127"):
        get(served, "v1", pusher)


def test_answer_that_is_too_large(served: Served, pusher: Pusher) -> None:
    served.registry.fault("GET", say(200, bytes((16 << 20) + 1)))
    with pytest.raises(RegistryError, match="more than 16 MB"):
        get(served, "v1", pusher)


# Mirrors


def test_mirror_is_asked_and_recorded(served: Served, other: Registry, pusher: Pusher) -> None:
    there = Served(other, "hub/team/base")
    digest = both(there, "v1")
    mirror = f"{served.registry.host}=http://{other.host}/hub"
    described = get(served, "v1", pusher, mirror=mirror).described
    assert served.registry.log == []
    assert described.reference.startswith(f"{other.host}/hub/team/base@sha256:")
    assert described.pin == f"{served.at('v1').removeprefix('http://')}@{digest}"


def test_mirror_that_lies(served: Served, other: Registry, pusher: Pusher) -> None:
    name = digest_of(served.image(AMD64))
    there = Served(other)
    other.manifests["team/base", name] = there.image(ARM64)
    with pytest.raises(BadAnswer, match="a mirror, changed it"):
        get(served, name, pusher, mirror=f"{served.registry.host}=http://{other.host}")


HUB = "docker.io/library/python:3.11"


@pytest.mark.parametrize(
    ("text", "image", "expected", "insecure"),
    [
        ("", "python:3.11", HUB, ""),
        ("", "python", "docker.io/library/python:latest", ""),
        ("", "http://localhost:5000/python", "localhost:5000/python:latest", "http"),
        ("", "https://localhost:5000/python", "localhost:5000/python:latest", ""),
        ("mirror.test", "python:3.11", "mirror.test/library/python:3.11", ""),
        ("mirror.test/hub/", HUB, "mirror.test/hub/library/python:3.11", ""),
        ("http://localhost:5000", HUB, "localhost:5000/library/python:3.11", "http"),
        ("mirror.test/hub", "ghcr.io/a/b:1", "ghcr.io/a/b:1", ""),
        ("ghcr.io=mirror.test/g, mirror.test/hub", "ghcr.io/a/b:1", "mirror.test/g/a/b:1", ""),
        ("ghcr.io=mirror.test/g,mirror.test/hub", HUB, "mirror.test/hub/library/python:3.11", ""),
        ("docker.io=mirror.test:5000", HUB, "mirror.test:5000/library/python:3.11", ""),
    ],
)
def test_where_an_image_comes_from(text: str, image: str, expected: str, insecure: str) -> None:
    source = mirrors.source(image, mirrors.mirrors(text))
    assert (str(source.image), source.insecure) == (expected, insecure)


@pytest.mark.parametrize("text", ["/hub", "docker.io=", "mirror.test:99999", "a b"])
def test_mirror_that_is_none(text: str) -> None:
    with pytest.raises(BaseError, match=r"a mirror \(SEMATIC_BASE_MIRROR\) is host"):
        mirrors.mirrors(text)


@pytest.mark.parametrize("text", ["Python", "python@sha256:12", "python:a b", ""])
def test_reference_that_is_none(text: str) -> None:
    with pytest.raises(BaseError, match="a base image is written registry/repository@sha256"):
        mirrors.source(text, {})


# As a program


def program(folder: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "image_tools.base.fetch", *arguments, "--out", str(folder / "out")]
    own = {**os.environ, "PYTHONPATH": ":".join(sys.path), "HOME": str(folder), **environment}
    return subprocess.run(command, env=own, capture_output=True, text=True, check=False)


def test_program_writes_what_the_rules_read(served: Served, tmp_path: Path) -> None:
    name = both(served)
    done = program(tmp_path, served.at(name), "--platform", "linux/arm64")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert (tmp_path / "out" / "config.json").read_bytes() == ARM64
    manifest = (tmp_path / "out" / "manifest.json").read_bytes()
    assert json.loads((tmp_path / "out" / "base.json").read_text()) == {
        "reference": f"{served.registry.host}/team/base@{digest_of(manifest)}",
        "platform": "linux/arm64",
        "python": "3.12",
        "glibc": "",
        "pin": "",
        "insecure": "http",
    }


def test_program_says_what_to_pin(served: Served, tmp_path: Path) -> None:
    digest = both(served, "v1")
    done = program(tmp_path, served.at("v1"))
    assert done.stdout == (
        f"{served.at('v1')} is now {served.at('v1')}@{digest}: write that instead, to build the same every time.\n"
    )


def test_program_logs_in_as_docker_does(served: Served, tmp_path: Path) -> None:
    served.registry.login = Login("basic", password="c4nary")
    auth = basic("tester", "c4nary").removeprefix("Basic ")
    (tmp_path / ".docker").mkdir()
    (tmp_path / ".docker/config.json").write_text(json.dumps({"auths": {served.registry.host: {"auth": auth}}}))
    done = program(tmp_path, served.at(both(served)), DOCKER_CONFIG="", REGISTRY_AUTH_FILE="", XDG_CONFIG_HOME="")
    assert (done.returncode, done.stderr) == (0, "")


def test_variable_comes_before_the_argument(served: Served, other: Registry, tmp_path: Path) -> None:
    name = both(Served(other))
    done = program(
        tmp_path,
        served.at(name),
        "--mirror=nowhere.invalid",
        SEMATIC_BASE_MIRROR=f"{served.registry.host}=http://{other.host}",
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_registry_that_is_not_there(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        host = f"127.0.0.1:{free.getsockname()[1]}"
    done = program(tmp_path, f"http://{host}/x:1")
    assert done.returncode == 1
    assert done.stderr == (
        f"base image: http://{host}/x:1 cannot be fetched: {host} refuses connections: check that the registry runs "
        f"there, and its port; to fetch it from a mirror, set SEMATIC_BASE_MIRROR={host}=host/path.\n"
    )


def test_folder_that_cannot_be_written(served: Served, tmp_path: Path) -> None:
    (tmp_path / "out").write_text("")
    done = program(tmp_path, served.at(both(served)))
    assert (done.returncode, done.stderr) == (1, f"base image: {tmp_path}/out: File exists.\n")
