"""A user's monorepo, built and run by a Bazel of its own in both dependency modes, against a real registry."""

from __future__ import annotations

import gzip
import hashlib
import http.client
import io
import json
import re
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tools.packaging.tests.workspace import docker_rules
from tools.packaging.tests.workspace.nested import Workspace, checkout
from tools.testing.registry import Registry

DIAGNOSIS = """\
threshold 0.05: 0 missed, 55 false alarms, cost 55
threshold 0.2: 2 missed, 17 false alarms, cost 57
threshold 0.01: 0 missed, 101 false alarms, cost 101
threshold 0.5: 6 missed, 1 false alarms, cost 121
"""
SERVER = {"SEMATIC_API_ADDRESS": "https://sematic.example"}
OCI = "application/vnd.oci.image"
WINES = "Barolo: 30 of 30\nGrignolino: 32 of 35\nBarbera: 24 of 24\n"


@pytest.fixture(scope="session")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    with Registry(tmp_path_factory.mktemp("registry")) as started:
        yield started


@pytest.fixture(scope="session")
def base(registry: Registry) -> str:
    """An image that says it has a Python and a C library; here it is only pushed."""
    layer = gzip.compress(small_tar(), mtime=0)
    labels = {"dev.sematic.python": "3.11.2", "dev.sematic.glibc": "2.36"}
    config = {
        "architecture": "amd64",
        "os": "linux",
        "config": {"Env": ["PATH=/usr/bin:/bin"], "Labels": labels},
        "rootfs": {"type": "layers", "diff_ids": [digest(small_tar())]},
    }
    manifest = {
        "schemaVersion": 2,
        "mediaType": f"{OCI}.manifest.v1+json",
        "config": upload(registry, json.dumps(config).encode(), f"{OCI}.config.v1+json"),
        "layers": [upload(registry, layer, f"{OCI}.layer.v1.tar+gzip")],
    }
    body = json.dumps(manifest).encode()
    send(registry, "PUT", "/v2/team/base/manifests/latest", body, {"Content-Type": manifest["mediaType"]})
    return f"http://{registry.host}/team/base@{digest(body)}"


def small_tar() -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        archive.addfile(tarfile.TarInfo("base"))
    return out.getvalue()


def digest(data: bytes) -> str:
    return "sha256:" + hashlib.sha256(data).hexdigest()


def upload(registry: Registry, data: bytes, kind: str) -> dict[str, object]:
    place = send(registry, "POST", "/v2/team/base/blobs/uploads/", b"", {})
    send(registry, "PUT", f"{place}&digest={digest(data)}", data, {"Content-Type": "application/octet-stream"})
    return {"mediaType": kind, "digest": digest(data), "size": len(data)}


def send(registry: Registry, method: str, path: str, body: bytes, headers: dict[str, str]) -> str:
    """The place that the answer names."""
    connection = http.client.HTTPConnection(registry.host, timeout=60)
    connection.request(method, path, body, headers)
    answer = connection.getresponse()
    said = answer.read()
    connection.close()
    assert answer.status in (201, 202), said
    return (answer.getheader("Location") or "").removeprefix(f"http://{registry.host}")


def changes() -> dict[str, str]:
    """Another rule set that makes images, where people may have it: in WORKSPACE."""
    example = checkout() / "examples/workspace"
    return docker_rules.beside((example / "WORKSPACE").read_text(), (example / "wines/BUILD").read_text())


@pytest.fixture(scope="module", params=["bzlmod", "workspace"])
def workspace(request: pytest.FixtureRequest) -> Iterator[Workspace]:
    opened = Workspace(request.param, changes() if request.param == "workspace" else None)
    yield opened
    opened.close()


@pytest.fixture
def folders(tmp_path: Path) -> dict[str, str]:
    """A program keeps everything of its own here, and says so by what is there afterwards."""
    return {"HOME": str(tmp_path), "SEMATIC_HOME": str(tmp_path / "home"), "XDG_CACHE_HOME": str(tmp_path / "cache")}


@pytest.fixture
def flags(registry: Registry, base: str) -> list[str]:
    return [f"--@rules_sematic//:registry={registry.host}", f"--repo_env=SEMATIC_BASE_IMAGE={base}"]


def test_two_pipelines_that_share_a_library(workspace: Workspace, folders: dict[str, str], tmp_path: Path) -> None:
    done = workspace.bazel("run", "//diagnosis:main_local", "--", "--resolver=silent", **folders)
    assert (done.returncode, done.stdout) == (0, DIAGNOSIS), done.stderr
    assert list(tmp_path.iterdir()) == []
    done = workspace.bazel("run", "//wines:main_local", "--", "--neighbours=5", "--seed", "0", **folders)
    assert (done.returncode, done.stdout) == (0, WINES), done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["home"]


def test_the_local_target_has_no_image(workspace: Workspace, folders: dict[str, str]) -> None:
    done = workspace.bazel("run", "//diagnosis:main_local", "--", "--resolver=cloud", **folders)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.splitlines()[-1] == (
        "remote jobs need an image of this program, and none was made: this is //diagnosis:main_local, which makes none. "
        "Start it by `bazel run //diagnosis:main`"
    )


def test_the_image_is_pushed_while_the_program_runs(
    workspace: Workspace, flags: list[str], folders: dict[str, str]
) -> None:
    done = workspace.bazel("run", *flags, "//diagnosis:main", "--", "--resolver=cloud", **folders, **SERVER)
    assert (done.returncode, done.stdout) == (1, ""), done.stderr
    assert "the image is in its registry, but this version of Sematic cannot submit" in done.stderr
    done = workspace.bazel("run", *flags, "//diagnosis:main", "--", "--resolver=silent", **folders)
    assert (done.returncode, done.stdout) == (0, DIAGNOSIS), done.stderr


def test_pipelines_share_the_layers_of_wheels(
    workspace: Workspace, registry: Registry, flags: list[str], folders: dict[str, str]
) -> None:
    layers = []
    for name in ("diagnosis", "wines"):
        done = workspace.bazel("run", *flags, f"//{name}:main_push", **folders)
        assert done.returncode == 0, done.stderr
        (reference,) = done.stdout.splitlines()
        image, _, pushed = reference.partition("@")
        assert image == f"{registry.host}/monorepo/{name}"
        manifest = registry.get(f"/v2/monorepo/{name}/manifests/{pushed}", accept=f"{OCI}.manifest.v1+json")
        assert digest(manifest) == pushed
        layers.append([layer["digest"] for layer in json.loads(manifest)["layers"]])
        for layer in layers[-1]:
            assert registry.ask("HEAD", f"/v2/monorepo/{name}/blobs/{layer}")[0] == 200
    assert len(set(layers[0]) & set(layers[1])) >= 4, "the base, numpy, scipy, scikit-learn at least"
    assert layers[0][-1] != layers[1][-1]


def test_what_is_in_an_image(workspace: Workspace, flags: list[str], folders: dict[str, str]) -> None:
    done = workspace.bazel("run", *flags, "//diagnosis:main_image_explain", **folders)
    assert done.returncode == 0, done.stderr
    for name in ("sematic", "scikit-learn", "numpy"):
        assert re.search(rf"\b{name}\b", done.stdout), done.stdout


def test_everything_builds_and_passes_its_tests(workspace: Workspace) -> None:
    """Without a registry, and without a base: what makes images is manual. Each pipeline has a test by the macro."""
    done = workspace.bazel("test", "--test_output=errors", "//...")
    assert done.returncode == 0, done.stdout + done.stderr
    assert len(re.findall(r"^//(?:diagnosis|wines):main_test .*PASSED", done.stdout + done.stderr, re.MULTILINE)) == 2


def test_beside_the_docker_rules() -> None:
    """What the stand-ins are worth: the workspace mode above has built everything with them in the same files."""
    changed = changes()
    assert changed["WORKSPACE"].index("@io_bazel_rules_docker") < changed["WORKSPACE"].index('"rules_sematic"')
    assert changed["wines/BUILD"].count("load(") == 5
