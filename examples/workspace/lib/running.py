"""The flag that chooses where a pipeline runs, shared by all main.py files."""

import sys
from typing import TypeVar

from absl import flags

import sematic

RESOLVER = flags.DEFINE_enum(
    "resolver",
    "local",
    ["silent", "local", "cloud"],
    "silent: run here and keep no record; local: run here and record it; cloud: run on Kubernetes.",
)
RESOLVERS = {"silent": sematic.SilentResolver, "local": sematic.LocalResolver, "cloud": sematic.CloudResolver}

T = TypeVar("T")


def resolve(value: T) -> T:
    """The value of a pipeline; exit code 1 and a sentence where it cannot be submitted."""
    try:
        return sematic.resolve(value, RESOLVERS[RESOLVER.value]())
    except (sematic.NoImage, sematic.NoServer) as error:
        sys.exit(str(error))
