"""CloudResolver makes sure of what a submission needs, and leaves nothing behind when it is not there."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import sematic
from sematic import CloudResolver, NoImage, NoServer, SettingsError
from sematic.images import PUSH, TARGET, VARIABLE
from sematic.resolvers.tests.steps import add, number

IMAGE = f"registry.example/team/churn@sha256:{'0a' * 32}"


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in (VARIABLE, PUSH, TARGET, "SEMATIC_API_ADDRESS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("SEMATIC_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def pushed(tmp_path: Path, text: str = '{"state": "pushed"}\n') -> str:
    (tmp_path / "state").write_text(text)
    return str(tmp_path / "state")


def test_no_image(home: Path) -> None:
    with pytest.raises(NoImage, match="none was made"):
        sematic.resolve(add(1, 2), CloudResolver())
    assert not home.exists()


def test_no_image_on_the_base_that_a_function_asks_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, f"default={IMAGE} gpu={IMAGE}")
    wanted = sematic.options(number(1), base_image_tag="tpu", inline=False, name="train")
    with pytest.raises(NoImage) as refused:
        sematic.resolve(add(wanted, 2), CloudResolver())
    assert str(refused.value).startswith("function train: there is no image with the tag 'tpu', only default, gpu:")


def test_no_server_is_known_before_the_push_ends(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, home: Path) -> None:
    monkeypatch.setenv(VARIABLE, f"default={IMAGE} gpu={IMAGE}")
    monkeypatch.setenv(PUSH, pushed(tmp_path, ""))
    with pytest.raises(NoServer, match=r"`sematic settings set api_address https://…`, or SEMATIC_API_ADDRESS"):
        sematic.resolve(sematic.options(number(1), base_image_tag="gpu"), CloudResolver())
    assert not home.exists()


def test_a_failed_push(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, home: Path) -> None:
    monkeypatch.setenv(VARIABLE, IMAGE)
    monkeypatch.setenv("SEMATIC_API_ADDRESS", "https://sematic.example")
    monkeypatch.setenv(PUSH, pushed(tmp_path, '{"state": "failed", "reason": "the registry is down"}\n'))
    with pytest.raises(NoImage, match=r"not pushed: the registry is down\. Nothing was submitted"):
        sematic.resolve(number(1), CloudResolver())
    assert not home.exists()


def test_everything_is_there(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, home: Path) -> None:
    monkeypatch.setenv(VARIABLE, IMAGE)
    monkeypatch.setenv("SEMATIC_API_ADDRESS", "https://sematic.example")
    monkeypatch.setenv(PUSH, pushed(tmp_path))
    with pytest.raises(NoServer, match=r"cannot submit a pipeline to a server \(https://sematic\.example\) yet"):
        number(1).resolve(CloudResolver(detach=False))
    assert not home.exists()


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"detach": 1}, "detach must be True or False, got 1"),
        ({"max_parallelism": 0}, "max_parallelism must be 1 or more, got 0"),
        ({"max_parallelism": True}, "max_parallelism must be 1 or more, got True"),
        ({"max_parallelism": 1.5}, "max_parallelism must be 1 or more, got 1.5"),
        ({"resources": "1 cpu"}, "resources must be a ResourceRequirements, got '1 cpu'"),
        ({"detach": False, "resources": sematic.ResourceRequirements()}, "with detach=False it has none"),
    ],
)
def test_options_that_make_no_sense(options: dict[str, Any], problem: str) -> None:
    with pytest.raises(SettingsError, match=problem):
        CloudResolver(**options)


def test_options_are_kept() -> None:
    resources = sematic.ResourceRequirements(sematic.KubernetesRequirements(requests={"cpu": "2"}))
    resolver = CloudResolver(max_parallelism=3, resources=resources)
    assert (resolver.detach, resolver.max_parallelism, resolver.resources) == (True, 3, resources)


def test_it_imports_no_database() -> None:
    code = "import sys, sematic; sematic.CloudResolver(); print('sqlalchemy' in sys.modules, 'sqlite3' in sys.modules)"
    environment = {**os.environ, "PYTHONPATH": ":".join(sys.path)}
    done = subprocess.run([sys.executable, "-c", code], env=environment, text=True, capture_output=True, timeout=60)
    assert (done.stdout, done.stderr) == ("False False\n", "")
