"""One image from end to end: built by a Bazel, pushed to a registry, pulled by others, run in a container."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from image_tools.layer.records import Record, read_index
from tools.base_image.__main__ import ensure
from tools.packaging.tests.workspace.nested import HOME, Workspace, checkout
from tools.testing import containers, images
from tools.testing.containerd import Containerd
from tools.testing.listing import Entry, listing
from tools.testing.registry import Registry, Request

WINES = ["--resolver=silent", "--neighbours=7"]

# Prints what it was given; its exit code is 7.
PROBE = """\
import json, os, sys

try:
    child = os.waitpid(-1, os.WNOHANG)
except ChildProcessError:
    child = None
print(json.dumps({
    "argv": sys.argv[1:],
    "child": child,
    "from": os.environ["BUILD_WORKING_DIRECTORY"],
    "image": os.environ["SEMATIC_CONTAINER_IMAGE"],
    "mine": os.environ["OF_THIS_MACHINE"],
    "stdin": sys.stdin.read(),
}))
sys.exit(7)
"""
PROBE_BUILD = """\
load("@rules_sematic//:pipeline.bzl", "sematic_pipeline")

sematic_pipeline(
    name = "probe",
    bases = {
        "gpu": "@sematic_bases//:gpu",
        "same": "REFERENCE",
    },
    env = {"OF_THE_IMAGE": "a b"},
    local_env = {"OF_THIS_MACHINE": "x y"},
    registry = "unused.example",
    repository = "team/probe",
)

sematic_pipeline(
    name = "homeless",
    main = "probe.py",
)
"""

MODULES = """
base_images = use_extension("@rules_sematic//:extensions.bzl", "base_images")
base_images.image(
    name = "gpu",
    reference = "http://REFERENCE",
)
use_repo(base_images, "sematic_bases")
"""

# In the image: imports all there is, first-party modules by the path of their files.
IMPORT_ALL = """
import importlib, json, os, sys
first = []
for folder, _, files in os.walk(os.getcwd()):
    for file in files:
        if file.endswith(".py"):
            path = os.path.relpath(os.path.join(folder, file), os.getcwd())
            first.append(path[:-3].replace("/", ".").removesuffix(".__init__"))
wheels = {entry.partition(".")[0] for entry in os.listdir("/app/site-packages") if entry.endswith((".py", ".so"))}
wheels |= {entry for entry in os.listdir("/app/site-packages") if entry.isidentifier()}
for name in [*first, *wheels]:
    importlib.import_module(name)
places = {name: getattr(sys.modules[name], "__file__", None) for name in [*first, *wheels]}
print(json.dumps({"first": sorted(first), "wheels": sorted(wheels), "places": places}))
"""


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    with Registry(tmp_path_factory.mktemp("registry")) as started:
        yield started


@pytest.fixture(scope="module")
def base(registry: Registry) -> str:
    """The Python base that is made here, kept for this machine."""
    layout = ensure(Path(os.environ.get("XDG_CACHE_HOME") or f"{HOME}/.cache") / "sematic/base-images")
    push = [sys.executable, "-m", "image_tools.registry", layout, f"{registry.host}/team/python", "--insecure=http"]
    path = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run([*map(str, push)], env=path, check=True, capture_output=True, text=True)
    return done.stdout.strip()


@pytest.fixture(scope="module")
def workspace(base: str) -> Iterator[Workspace]:
    modules = (checkout() / "examples/workspace/MODULE.bazel").read_text() + MODULES
    own = {"MODULE.bazel": modules, "probe/BUILD": PROBE_BUILD, "probe/probe.py": PROBE}
    opened = Workspace("bzlmod", {path: text.replace("REFERENCE", base) for path, text in own.items()})
    yield opened
    opened.close()


class User:
    """Somebody at a terminal."""

    def __init__(self, workspace: Workspace, registry: Registry, base: str, folder: Path) -> None:
        self._workspace, self._registry = workspace, registry
        self._flags = [f"--@rules_sematic//:registry={registry.host}", f"--repo_env=SEMATIC_BASE_IMAGE=http://{base}"]
        self._folders = {"XDG_CACHE_HOME": str(folder / "cache"), "SEMATIC_HOME": str(folder / "home")}

    def run(self, target: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        """`bazel run`, whatever comes of it."""
        return self._workspace.bazel("run", *self._flags, target, "--", *arguments, **self._folders)

    def costs(self, target: str, *arguments: str) -> tuple[list[Request], str]:
        """What the registry was asked by a run that has to succeed, and what was said of it."""
        before = len(self._registry.requests())
        done = self.run(target, *arguments)
        assert done.returncode == 0, done.stderr
        return self._registry.requests()[before:], done.stderr


@pytest.fixture(scope="module")
def user(workspace: Workspace, registry: Registry, base: str, tmp_path_factory: pytest.TempPathFactory) -> User:
    return User(workspace, registry, base, tmp_path_factory.mktemp("user"))


@pytest.fixture(scope="module")
def pushed(user: User) -> str:
    """The digest of the image of //wines:main."""
    done = user.run("//wines:main_push")
    assert done.returncode == 0, done.stderr
    return done.stdout.strip().partition("@")[2]


@pytest.fixture(scope="module")
def unpacked(registry: Registry, pushed: str, tmp_path_factory: pytest.TempPathFactory) -> images.Image:
    folder = tmp_path_factory.mktemp("unpacked")
    return images.unpack(images.pull(registry, "monorepo/wines", pushed, folder), folder / "root")


def test_a_container_gives_the_result_of_the_laptop(user: User, unpacked: images.Image) -> None:
    here = user.run("//wines:main_local", *WINES)
    assert (here.returncode, here.stdout.count("\n")) == (0, 3), here.stderr
    inside = containers.run(unpacked, [*unpacked.setting("Entrypoint", []), *WINES])
    assert (inside.code, inside.out) == (0, here.stdout), inside.err


def test_everything_in_an_image_can_be_imported(unpacked: images.Image) -> None:
    done = containers.run(unpacked, ["python3", "-c", IMPORT_ALL])
    assert done.code == 0, done.err
    found = json.loads(done.out)
    assert found["first"] == ["lib.learning", "lib.running", "wines.main", "wines.pipeline"]
    assert {"sematic", "numpy", "scipy", "sklearn", "joblib", "absl", "cloudpickle"} <= {*found["wheels"]}
    outside = {name: place for name, place in found["places"].items() if place and not place.startswith("/app/")}
    assert outside == {}


def test_console_scripts_are_programs(unpacked: images.Image) -> None:
    assert containers.run(unpacked, ["sematic", "version"]).code == 0
    assert containers.run(unpacked, ["f2py", "-v"]).code == 0


def test_what_was_built_is_what_others_unpack(
    workspace: Workspace, registry: Registry, pushed: str, unpacked: images.Image
) -> None:
    found = ours(listing(unpacked.root))
    with Containerd() as containerd:
        assert ours(listing(containerd.pull(registry, "monorepo/wines", pushed))) == found
    described = json.loads((workspace.tree / "bazel-bin/wines/main_image/image.json").read_bytes())
    assert described["digest"] == pushed
    built = {record.path: record for layer in described["layers"] for record in indexed(workspace, layer["index"])}
    assert {path: shown(built[path]) for path in built} == {path: seen(entry) for path, entry in found.items()}


def ours(found: dict[str, Entry]) -> dict[str, Entry]:
    return {path: entry for path, entry in found.items() if path.partition("/")[0] == "app"}


def indexed(workspace: Workspace, place: str) -> Iterator[Record]:
    """The records of a layer, by its place in the runfiles."""
    repository, _, path = place.partition("/")
    outputs = workspace.tree / "bazel-bin"
    return read_index(str(outputs / path if repository == "_main" else outputs / "external" / place))


def shown(record: Record) -> tuple[str, int, int, str]:
    return record.kind, 0 if record.kind == "symlink" else record.mode, record.size, record.target


def seen(entry: Entry) -> tuple[str, int, int, str]:
    return entry.kind, entry.mode, entry.size if entry.kind == "file" else 0, entry.target


def test_an_image_that_is_there_costs_one_request(user: User, pushed: str) -> None:
    asked, said = user.costs("//wines:main", *WINES)
    assert [request.method for request in asked] == ["PUT"]
    assert asked[0].path == f"/v2/monorepo/wines/manifests/{pushed}"
    assert "pushed" not in said


def test_an_edit_of_a_line_costs_six_requests_and_32_kb(workspace: Workspace, user: User, pushed: str) -> None:
    with (workspace.tree / "wines/pipeline.py").open("a") as file:
        file.write("# one line more\n")
    asked, said = user.costs("//wines:main", *WINES)
    assert len(asked) <= 6
    (sent,) = re.findall(r"pushed \S+: 2 blobs, ([\d.]+) kB", said)
    assert float(sent) <= 32


def test_the_program_gets_what_was_typed(workspace: Workspace, user: User, registry: Registry) -> None:
    arguments = ["--flag", "a b", "", "it's", 'say "x"', "two\nlines", "back\\slash", "--", "$HOME", "*", "ä"]
    done = user.run("//probe", *arguments)
    assert done.returncode == 7, done.stderr
    told = json.loads(done.stdout)
    assert (told["argv"], told["stdin"], told["child"]) == (arguments, "", None)
    assert (told["from"], told["mine"]) == (str(workspace.tree), "x y")
    reference = rf"{registry.host}/team/probe@sha256:[0-9a-f]{{64}}"
    assert re.fullmatch(f"default={reference} gpu={reference} same={reference}", told["image"])


def test_without_a_repository_only_the_push_fails(user: User) -> None:
    done = user.run("//probe:homeless")
    assert done.returncode != 0
    assert 'there is no repository to push to. Give sematic_pipeline(registry = "host[:port]"' in done.stderr
    assert "or run //probe:homeless_local, which needs none" in done.stderr


def test_a_registry_that_is_down_stops_what_is_remote(user: User, registry: Registry, pushed: str) -> None:
    registry.stop()
    try:
        local, remote = user.run("//wines:main", *WINES), user.run("//wines:main", "--resolver=cloud")
    finally:
        registry.start()
    assert (local.returncode, local.stdout.count("\n")) == (0, 3), local.stderr
    assert remote.returncode == 1
    assert "needs the address of your team's server" in remote.stderr
