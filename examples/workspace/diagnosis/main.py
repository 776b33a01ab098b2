"""How cautious should a diagnosis be? ``bazel run //diagnosis:main_local -- --held_out=0.3``."""

from absl import app, flags

from diagnosis.pipeline import pipeline
from lib import running

HELD_OUT = flags.DEFINE_float("held_out", 0.4, "The share of the samples kept for the test.", 0.1, 0.9)
SEED = flags.DEFINE_integer("seed", 0, "The same seed gives the same result.", lower_bound=0)


def main(argv: list[str]) -> None:
    if len(argv) > 1:
        raise app.UsageError(f"unexpected argument: {argv[1]}")
    for trial in running.resolve(pipeline([0.5, 0.2, 0.05, 0.01], HELD_OUT.value, SEED.value)):
        print(f"threshold {trial.threshold}: {trial.missed} missed, {trial.alarms} false alarms, cost {trial.cost}")


if __name__ == "__main__":
    app.run(main)
