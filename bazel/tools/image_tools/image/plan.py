"""Which wheels travel alone and which share a layer. Pure functions of names and sizes.

A layer of its own is worth most for a large wheel: it is uploaded once and pulled beside the others. A layer for each
of two hundred small ones would cost more requests than bytes, and runtimes allow no more than 127. What decides a
wheel's bin is its name, so that a new version of it changes that bin and no other; only its size moves it to another
tier.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from image_tools.layer.errors import LayerError
from image_tools.layer.records import ROLES, Metadata

LAYERS = 64
LARGE, MEDIUM = 8 << 20, 512 << 10  # Compressed bytes.
SLOTS = {"medium": 8, "small": 4}


@dataclass(frozen=True)
class Plan:
    """The wheels with a layer of their own, and the wheels of each bin, by name."""

    alone: tuple[str, ...]
    bins: dict[str, tuple[str, ...]]


def plan(wheels: Iterable[Metadata], base: int = 0, others: int = 0, limit: int = LAYERS) -> Plan:
    """Divides wheels among layers, for an image that has `others` beside, on `base` layers of another."""
    wheels = sorted(wheels, key=lambda layer: layer.name)
    _check_names(wheels)
    room = limit - base - sum(SLOTS.values()) - others
    if room < 0:
        raise LayerError(f"The base has {base} layers and the image adds {others} and its bins: over {limit}.")
    alone = _alone(wheels, room)
    bins: dict[str, tuple[str, ...]] = dict.fromkeys(slots(), ())
    for wheel in wheels:
        if wheel.name not in alone:
            name = bin_of(wheel.name, wheel.size)
            bins[name] = (*bins[name], wheel.name)
    return Plan(tuple(wheel.name for wheel in wheels if wheel.name in alone), bins)


def read_plan(path: str) -> Plan:
    """What the command `plan` wrote."""
    try:
        fields = json.loads(Path(path).read_text())
    except OSError as error:
        raise LayerError(f"{path} cannot be read: {error.strerror}.") from None
    return Plan(tuple(fields["alone"]), {name: tuple(wheels) for name, wheels in fields["bins"].items()})


def slots() -> list[str]:
    """The names of all bins; an image leaves out the empty ones."""
    return [f"{tier}-{number}" for tier, count in SLOTS.items() for number in range(count)]


def bin_of(name: str, size: int) -> str:
    """The bin of a wheel that has no layer of its own."""
    tier = "medium" if size >= MEDIUM else "small"
    return f"{tier}-{starlark_hash(name) % SLOTS[tier]}"


def starlark_hash(text: str) -> int:
    """Starlark's hash(): a rule that computes it too gives a bin's action the wheels that can be in it, not all."""
    value = 0
    for character in text:
        value = (31 * value + ord(character)) & 0xFFFFFFFF
    return value - (1 << 32) if value >= 1 << 31 else value


def order(layers: Iterable[Metadata], plan: Plan) -> list[Metadata]:
    """The layers of the image, what changes least first, without wheels that are in a bin and without empty layers.

    Wheels and bins by name; a program's own layers as they are given, for their order is the user's.
    """
    kept = [layer for layer in layers if layer.entries and (layer.role != "wheel" or layer.name in plan.alone)]
    named = ("wheel", "bin")
    return sorted(kept, key=lambda layer: (ROLES.index(layer.role), layer.name if layer.role in named else ""))


def _alone(wheels: list[Metadata], room: int) -> set[str]:
    """The largest; a limit that cuts some off sends the smaller of them to the bins."""
    large = [wheel for wheel in wheels if wheel.size >= LARGE]
    return {wheel.name for wheel in sorted(large, key=lambda wheel: (-wheel.size, wheel.name))[:room]}


def _check_names(wheels: list[Metadata]) -> None:
    for one, other in pairwise(wheels):
        if one.name == other.name:
            raise LayerError(f"Two wheels are called {one.name}: an image takes one version of each.")
