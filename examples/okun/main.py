"""Fit Okun's law to half a century: ``./bazelw run //examples/okun:main_local -- --split=1985``."""

from absl import app, flags

from examples import resolvers
from examples.okun.pipeline import pipeline

SPLIT = flags.DEFINE_integer("split", 1984, "The year in which the second period begins.", 1962, 2006)


def main(argv: list[str]) -> None:
    if len(argv) > 1:
        raise app.UsageError(f"unexpected argument: {argv[1]}")
    print(resolvers.resolve(pipeline(SPLIT.value)))


if __name__ == "__main__":
    app.run(main)
