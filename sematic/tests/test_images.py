"""What a program learns of its images from the environment."""

from __future__ import annotations

import pytest

from sematic.errors import NoImage, SettingsError
from sematic.images import TARGET, VARIABLE, images, parse

DIGEST = "sha256:" + "0a" * 32
CPU = f"registry.example:5000/team/churn@{DIGEST}"
GPU = f"registry.example:5000/team/churn@sha256:{'1b' * 32}"


@pytest.fixture(autouse=True)
def bare(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (VARIABLE, TARGET):
        monkeypatch.delenv(name, raising=False)


def test_one_image(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, CPU)
    assert images().tags == ["default"]
    assert images().for_tag(None) == images().for_tag("default") == CPU


def test_an_image_for_each_base() -> None:
    both = parse(f"default={CPU} gpu={GPU}")
    assert both.tags == ["default", "gpu"]
    assert (both.for_tag(None), both.for_tag("gpu")) == (CPU, GPU)


def test_a_tag_that_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(TARGET, "//churn:main")
    with pytest.raises(NoImage) as refused:
        parse(f"gpu={GPU} default={CPU}").for_tag("tpu")
    assert (
        str(refused.value)
        == "there is no image with the tag 'tpu', only default, gpu: add it to `bases` of //churn:main"
    )


@pytest.mark.parametrize("empty", [None, "", " "])
def test_the_local_target_makes_none(monkeypatch: pytest.MonkeyPatch, empty: str | None) -> None:
    monkeypatch.setenv(TARGET, "//churn:main")
    if empty is not None:
        monkeypatch.setenv(VARIABLE, empty)
    with pytest.raises(NoImage) as refused:
        images()
    assert str(refused.value) == (
        "remote jobs need an image of this program, and none was made: this is //churn:main_local, which makes none. "
        "Start it by `bazel run //churn:main`"
    )


def test_plain_python_makes_none() -> None:
    with pytest.raises(NoImage, match=r"not started by the target of a sematic_pipeline.*docs/guide/workspace\.md"):
        images()


@pytest.mark.parametrize(
    "text",
    [
        "registry.example/churn",
        "registry.example/churn:latest",
        f"registry.example/churn@{DIGEST[:-1]}",
        f"churn@{DIGEST}",
        f"default={CPU} {GPU}",
        f"default={CPU} gpu=",
        f"={CPU}",
        f"gpu={CPU} gpu={GPU}",
        f"{CPU},{GPU}",
    ],
)
def test_what_is_no_image(text: str) -> None:
    with pytest.raises(SettingsError, match=r"SEMATIC_CONTAINER_IMAGE must be registry/repository@sha256:"):
        parse(text)
