"""The program of the sample prints the same here, by Bazel's own means, and from the layers of its image."""

import json
import os
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tools.packaging.tests.rules.listing import HERE, RUNFILES, config, image

_FOREIGN = {"PYTHONPATH", "RUNFILES_DIR", "RUNFILES_MANIFEST_FILE", "PYTHONSAFEPATH"}
_FURTHER = "/opt/further"  # Of the sample's own PYTHONPATH, which is only for the image.
_CLEAN = {name: value for name, value in os.environ.items() if name not in _FOREIGN}


def printed(*command: str | Path, env: dict[str, str], cwd: Path | None = None) -> dict[str, Any]:
    done = subprocess.run(command, env=env, cwd=cwd, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return dict(json.loads(done.stdout))


def is_ours(folder: str) -> bool:
    """Not of the interpreter, nor above a wheel's site-packages, nor of this test, whose runfiles Bazel's starter takes."""
    return "/lib/python" not in folder and not re.search(r"/[^/]*pypi_\w+$|/rules_sematic~?$", folder)


def image_path(folder: str) -> str:
    """Where a folder of the runfiles is in an image."""
    if folder.endswith("/site-packages"):
        return "/app/site-packages"
    return folder.replace(str(RUNFILES), "/app/src").replace(str(RUNFILES.resolve()), "/app/src")


@pytest.fixture(scope="module")
def here() -> dict[str, Any]:
    return printed(HERE / "sample" / "main_local", env=_CLEAN)


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The image's layers, unpacked by tar."""
    root = tmp_path_factory.mktemp("root")
    for layer in image("main_image").layers:
        subprocess.run(["tar", "-xzf", layer.blob, "-C", root, "--no-same-owner"], check=True)
    return root


@pytest.fixture(scope="module")
def there(root: Path) -> dict[str, Any]:
    started = config(image("main_image"))
    env = dict(variable.split("=", 1) for variable in started["Env"])
    env["PATH"] = f"{env['PATH']}:{os.environ['PATH']}"
    placed = {name: value.replace("/app/", f"{root}/app/") for name, value in env.items()}
    command = [word.replace("/app/", f"{root}/app/") for word in started["Entrypoint"]]
    return printed(*command, env=placed, cwd=root / started["WorkingDir"].lstrip("/"))


def test_it_finds_the_same(here: dict[str, Any], there: dict[str, Any]) -> None:
    assert {**here, "path": None} == {**there, "path": None}
    assert there["odd"] == ["a blank.txt", "it's [1] $x & y.txt", "~100% #1 @home +.txt"]


def test_it_imports_in_the_same_order(root: Path, here: dict[str, Any], there: dict[str, Any]) -> None:
    ours = [folder for folder in map(image_path, here["path"]) if is_ours(folder)]
    theirs = [folder.removeprefix(str(root)) for folder in there["path"] if is_ours(folder)]
    assert [folder for folder in theirs if folder != _FURTHER] == list(dict.fromkeys(ours))


def test_console_scripts_start(root: Path, there: dict[str, Any]) -> None:
    env = {**_CLEAN, "PYTHONPATH": str(root / "app/site-packages")}
    done = subprocess.run([root / "app/bin/pytest", "--version"], env=env, capture_output=True, text=True)
    assert done.stdout.startswith("pytest "), done.stderr
