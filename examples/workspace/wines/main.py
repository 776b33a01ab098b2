"""Which wine is in the bottle? ``bazel run //wines:main_local -- --neighbours=7``."""

from absl import app, flags

from lib import running
from wines.pipeline import pipeline

NEIGHBOURS = flags.DEFINE_integer("neighbours", 5, "How many similar wines are asked.", 1, 50)
SEED = flags.DEFINE_integer("seed", 0, "The same seed gives the same result.", lower_bound=0)


def main(argv: list[str]) -> None:
    if len(argv) > 1:
        raise app.UsageError(f"unexpected argument: {argv[1]}")
    for name, bottles in running.resolve(pipeline(NEIGHBOURS.value, SEED.value)).items():
        print(f"{name}: {bottles.recognised} of {bottles.tasted}")


if __name__ == "__main__":
    app.run(main)
