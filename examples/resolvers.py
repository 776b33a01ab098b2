"""The flags that choose where an example runs, shared by their main.py files."""

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
MAX_PARALLELISM = flags.DEFINE_integer(
    "max_parallelism",
    None,
    "How many functions with inline=False run at once; local: in that many processes, by default in this one.",
    lower_bound=1,
)

T = TypeVar("T")


class NoSuchResolver(Exception):
    """What the flags ask for is not there; the message says what to do."""


def resolve(value: T) -> T:
    """The value of a call under the resolver that the flags ask for; exit code 1 with a sentence where it cannot be."""
    try:
        return sematic.resolve(value, chosen())
    except (NoSuchResolver, sematic.NoImage, sematic.NoServer) as error:
        sys.exit(str(error))


def chosen() -> sematic.SilentResolver | sematic.LocalResolver | sematic.CloudResolver:
    """The resolver that the flags ask for. Raises NoSuchResolver."""
    if RESOLVER.value == "cloud":
        return sematic.CloudResolver(max_parallelism=MAX_PARALLELISM.value)
    if RESOLVER.value == "local":
        return sematic.LocalResolver(MAX_PARALLELISM.value)
    if MAX_PARALLELISM.value is not None:
        raise NoSuchResolver("--max_parallelism needs --resolver local or cloud: silent runs all in this process.")
    return sematic.SilentResolver()
