"""Greet everybody: ``./bazelw run //examples/hello:main_local -- --names=Ada,Grace``."""

from absl import app, flags

from examples import resolvers
from examples.hello.pipeline import pipeline

NAMES = flags.DEFINE_list("names", ["Ada", "Grace"], "Whom to greet.")


def main(argv: list[str]) -> None:
    if len(argv) > 1:
        raise app.UsageError(f"unexpected argument: {argv[1]}")
    print(resolvers.resolve(pipeline(NAMES.value)))


if __name__ == "__main__":
    app.run(main)
