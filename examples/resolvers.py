"""The flags that choose where an example runs, shared by their main.py files."""

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
    "Worker processes for the functions with inline=False; without it they run in this process. Local only.",
    lower_bound=1,
)


class NoSuchResolver(Exception):
    """What the flags ask for is not there; the message says what to do."""


def chosen() -> sematic.SilentResolver | sematic.LocalResolver:
    """The resolver that the flags ask for. Raises NoSuchResolver."""
    if RESOLVER.value == "cloud":
        raise NoSuchResolver("--resolver cloud is not built yet: use --resolver local or --resolver silent.")
    if RESOLVER.value == "local":
        return sematic.LocalResolver(MAX_PARALLELISM.value)
    if MAX_PARALLELISM.value is not None:
        raise NoSuchResolver("--max_parallelism needs --resolver local: the silent resolver has no worker processes.")
    return sematic.SilentResolver()
