"""Greet everybody: ``./bazelw run //examples/hello:main_local -- --names=Ada,Grace``."""

import sys

from absl import app, flags

import sematic
from examples import resolvers
from examples.hello.pipeline import pipeline

NAMES = flags.DEFINE_list("names", ["Ada", "Grace"], "Whom to greet.")


def main(argv: list[str]) -> None:
    if len(argv) > 1:
        raise app.UsageError(f"unexpected argument: {argv[1]}")
    try:
        resolver = resolvers.chosen()
    except resolvers.NoSuchResolver as error:
        sys.exit(str(error))
    print(sematic.resolve(pipeline(NAMES.value), resolver))


if __name__ == "__main__":
    app.run(main)
