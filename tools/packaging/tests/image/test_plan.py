"""Plans: who travels alone, and how little a change moves."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from image_tools.image.plan import LAYERS, SLOTS, bin_of, order, plan, starlark_hash
from image_tools.layer.errors import LayerError
from image_tools.layer.records import Metadata

MB = 1 << 20


def layer(name: str, size: int = 1000, role: str = "wheel", entries: int = 1) -> Metadata:
    return Metadata(
        name=name,
        role=role,
        reason="",
        digest=f"sha256:{name}",
        size=size,
        diff_id=f"sha256:{name}",
        entries=entries,
        unpacked=size,
        tar_size=size,
        body=(0, size),
        copied=0,
        compressed=0,
        zlib=None,
    )


wheels = st.dictionaries(
    st.from_regex(r"[a-z][a-z0-9_]{0,12}", fullmatch=True), st.integers(0, 30 * MB), min_size=1, max_size=200
)


def test_large_wheels_are_alone_and_small_ones_share() -> None:
    found = plan([layer("torch", 100 * MB), layer("pandas", 12 * MB), layer("pillow", 2 * MB), layer("six")], others=2)
    assert found.alone == ("pandas", "torch")
    assert {name: bin for name, bin in found.bins.items() if bin} == {
        bin_of("pillow", 2 * MB): ("pillow",),
        bin_of("six", 1000): ("six",),
    }
    assert set(found.bins) == {f"{tier}-{number}" for tier, count in SLOTS.items() for number in range(count)}


@given(wheels, st.integers(0, 30))
def test_every_wheel_is_somewhere_once_and_the_limit_holds(sizes: dict[str, int], base: int) -> None:
    found = plan([layer(name, size) for name, size in sizes.items()], base, others=2)
    assert sorted([*found.alone, *(name for names in found.bins.values() for name in names)]) == sorted(sizes)
    assert base + len(found.alone) + len(found.bins) + 2 <= LAYERS


@given(wheels, st.data())
def test_a_new_version_of_a_wheel_moves_no_other(sizes: dict[str, int], data: st.DataObject) -> None:
    few = dict(list(sizes.items())[:40])  # Beyond the limit, a wheel that grows large may push another one out.
    name = data.draw(st.sampled_from(sorted(few)))
    before = plan([layer(*item) for item in few.items()])
    after = plan([layer(*item) for item in (few | {name: data.draw(st.integers(0, 30 * MB))}).items()])
    for bin in before.bins:
        assert set(before.bins[bin]) ^ set(after.bins[bin]) <= {name}
    assert set(before.alone) ^ set(after.alone) <= {name}


def test_the_smallest_of_too_many_large_wheels_share() -> None:
    found = plan([layer(f"w{number:03}", (10 + number) * MB) for number in range(100)], base=5, others=2)
    assert len(found.alone) == LAYERS - 5 - sum(SLOTS.values()) - 2
    assert found.alone[-1] == "w099"
    assert "w000" not in found.alone


def test_a_base_that_leaves_no_room() -> None:
    with pytest.raises(LayerError, match="The base has 60 layers and the image adds 2"):
        plan([], base=60, others=2)


def test_two_wheels_of_one_name() -> None:
    with pytest.raises(LayerError, match="Two wheels are called six"):
        plan([layer("six"), layer("six", 2000)])


def test_the_order_puts_first_what_changes_least() -> None:
    layers = [
        layer("app", role="app"),
        layer("deps", role="deps"),
        layer("small-1", role="bin"),
        layer("small-2", role="bin", entries=0),
        layer("six"),
        layer("torch", 100 * MB),
        layer("numpy", 20 * MB),
        layer("python", role="interpreter"),
    ]
    found = order(layers, plan([found for found in layers if found.role == "wheel"]))
    assert [found.name for found in found] == ["python", "numpy", "torch", "small-1", "deps", "app"]


def test_a_size_alone_does_not_change_the_order() -> None:
    layers = [layer("b", 20 * MB), layer("a", 90 * MB)]
    swapped = [layers[0]._replace(size=200 * MB), layers[1]]
    assert [found.name for found in order(layers, plan(layers))] == [
        found.name for found in order(swapped, plan(swapped))
    ]


@pytest.mark.parametrize(
    ("text", "value"), [("", 0), ("a", 97), ("numpy", 105181199), ("polygenelubricants", -(1 << 31))]
)
def test_the_hash_is_starlarks(text: str, value: int) -> None:
    assert starlark_hash(text) == value
