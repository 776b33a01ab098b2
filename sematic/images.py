"""The images that this program was built into: what a worker in the cloud runs.

``bazel run //pkg:main`` makes them and says so through the environment, by digest: no tag decides what runs.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from typing import NamedTuple

from sematic.errors import NoImage, SettingsError

VARIABLE = "SEMATIC_CONTAINER_IMAGE"
"""``registry/repository@sha256:…``; of a pipeline with several bases ``default=<reference> gpu=<reference>``."""

PUSH = "SEMATIC_PUSH"
"""The file in which the push that began with this program says how far it is."""

TARGET = "SEMATIC_PIPELINE_TARGET"
"""The Bazel target that makes images of this program; set where it was started without making any, too."""

DEFAULT_TAG = "default"
GUIDE = "the guide 'Your own workspace' (docs/guide/workspace.md)"

_REFERENCE = re.compile(r"[^\s=@]+/[^\s=@]+@sha256:[0-9a-f]{64}")
_TAGGED = re.compile(rf"(?P<tag>[A-Za-z0-9_][A-Za-z0-9_.-]*)=(?P<reference>{_REFERENCE.pattern})")


class Images(NamedTuple):
    """References by digest, by the tag of the base image they were made on."""

    by_tag: Mapping[str, str]

    @property
    def tags(self) -> list[str]:
        """The tags a function's `base_image_tag` may name."""
        return sorted(self.by_tag)

    def for_tag(self, tag: str | None) -> str:
        """The image for a function's `base_image_tag`; None is the default one. Raises NoImage."""
        wanted = DEFAULT_TAG if tag is None else tag
        if wanted not in self.by_tag:
            raise NoImage(
                f"there is no image with the tag {wanted!r}, only {', '.join(self.tags)}: add it to `bases` of "
                f"{os.environ.get(TARGET) or 'its sematic_pipeline'}"
            )
        return self.by_tag[wanted]


def images() -> Images:
    """The images of this program. Raises NoImage, naming the target that makes one, and SettingsError."""
    text = os.environ.get(VARIABLE, "").strip()
    if not text:
        raise NoImage(f"remote jobs need an image of this program, and none was made: {_way_out()}")
    return parse(text)


def parse(text: str) -> Images:
    """What VARIABLE says. Raises SettingsError."""
    if _REFERENCE.fullmatch(text):
        return Images({DEFAULT_TAG: text})
    found = [_TAGGED.fullmatch(part) for part in text.split()]
    by_tag = {each["tag"]: each["reference"] for each in found if each}
    if len(by_tag) < len(found):
        raise SettingsError(
            f"{VARIABLE} must be registry/repository@sha256:<64 hexadecimal digits>, or several such with a tag each "
            f"(default=… gpu=…), not {text!r}"
        )
    return Images(by_tag)


def _way_out() -> str:
    target = os.environ.get(TARGET)
    if target:
        return f"this is {target}_local, which makes none. Start it by `bazel run {target}`"
    return (
        "it was not started by the target of a sematic_pipeline, which makes one. Start it by `bazel run //its:main`; "
        f"{GUIDE} says how to declare that"
    )
