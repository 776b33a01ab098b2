"""Compare models on handwritten digits: ``./bazelw run //examples/digits:main_local -- --samples=600``."""

from absl import app, flags

from examples import resolvers
from examples.digits.candidates import CANDIDATES
from examples.digits.pipeline import pipeline

SAMPLES = flags.DEFINE_integer("samples", None, "How many images to use; all 1797 by default.", 200, 1797)
HELD_OUT = flags.DEFINE_float("held_out", 0.4, "The share of the images kept for validation and test.", 0.2, 0.8)
CANDIDATE_COUNT = flags.DEFINE_integer("candidates", None, "How many of the candidates to train.", 1, len(CANDIDATES))
SEED = flags.DEFINE_integer("seed", 0, "The same seed gives the same result.", lower_bound=0)


def main(argv: list[str]) -> None:
    if len(argv) > 1:
        raise app.UsageError(f"unexpected argument: {argv[1]}")
    report = pipeline(CANDIDATES[: CANDIDATE_COUNT.value], SAMPLES.value, HELD_OUT.value, SEED.value)
    print(resolvers.resolve(report))


if __name__ == "__main__":
    app.run(main)
