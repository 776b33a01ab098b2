import json
from difflib import unified_diff
from typing import Any

import pytest

from tools.packaging.tests.rules.listing import GOLDEN, HERE, RENEW, config, image, listing


def summary(name: str) -> tuple[str, list[dict[str, Any]]]:
    """An image's digest, and the metadata of its layers."""
    lines = (HERE / f"{name}.metadata").read_text().splitlines()
    return (HERE / f"{name}.digest").read_text(), [json.loads(line) for line in lines]


def wheels(name: str) -> dict[str, dict[str, Any]]:
    return {layer["name"]: layer for layer in summary(name)[1] if layer["role"] == "wheel"}


def test_the_sample_is_packed_as_listed() -> None:
    expected, found = GOLDEN.read_text(), listing(image("main_image"))
    difference = "\n".join(unified_diff(expected.splitlines(), found.splitlines(), "listed", "built", lineterm="", n=1))
    assert found == expected, f"If this is how it should be, run `{RENEW}`:\n{difference}"


def test_all_bases_carry_the_same_layers() -> None:
    one, other = image("main_image"), image("main_image_layout")
    assert [layer.metadata for layer in one.layers] == [layer.metadata for layer in other.layers]
    assert config(one) == config(other)


@pytest.mark.parametrize("name", ["main_image", "main_image_layout"])
def test_the_base_is_below(name: str) -> None:
    built = image(name)
    ours = [layer.metadata for layer in built.layers]
    digests = [layer["digest"] for layer in json.loads(built.manifest)["layers"]]
    assert digests[1:] == [layer.digest for layer in ours]
    assert (HERE.parents[4] / built.base_layout / "blobs" / digests[0].replace(":", "/")).is_file()
    assert json.loads(built.config)["rootfs"]["diff_ids"][1:] == [layer.diff_id for layer in ours]


def test_the_same_image_with_and_without_optimisation() -> None:
    assert summary("in_fastbuild") == summary("in_opt")


def test_a_wheel_of_the_index_is_not_compressed_again() -> None:
    plain, indexed = wheels("in_fastbuild"), wheels("indexed")
    assert plain["click"]["copied"] == 0
    assert indexed["click"]["copied"] > indexed["click"]["compressed"]
    assert {**plain, "click": None} == {**indexed, "click": None}
    assert [indexed["click"][same] for same in ("entries", "unpacked")] == [
        plain["click"][same] for same in ("entries", "unpacked")
    ]
