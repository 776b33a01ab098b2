"""A chain of luigi tasks, each of which keeps its result in a file."""

# mypy: ignore-errors

import json
import logging
import sys
import time
from pathlib import Path

import luigi


class Step(luigi.Task):
    position = luigi.IntParameter()

    def requires(self) -> object:
        return Step(self.position - 1) if self.position else None

    def output(self) -> object:
        return luigi.LocalTarget(f"out/{self.position}")

    def run(self) -> None:
        value = int(Path(self.input().path).read_text()) if self.position else 0
        with self.output().open("w") as file:
            file.write(str(value + 1))


if __name__ == "__main__":
    n = int(sys.argv[1])
    logging.disable(logging.CRITICAL)
    begun = time.perf_counter()
    done = luigi.build([Step(n - 1)], local_scheduler=True, log_level="CRITICAL")
    seconds = time.perf_counter() - begun
    if not (done and Path(f"out/{n - 1}").read_text() == str(n)):
        sys.exit("the chain gave the wrong value")
    print(json.dumps({"seconds": seconds}))
