"""A chain of Dagster ops in one process, recorded in the SQLite instance of DAGSTER_HOME."""

# mypy: ignore-errors

import json
import logging
import sys
import time

from dagster import DagsterInstance, job, op

N = int(sys.argv[1])


@op
def zero() -> int:
    return 0


@op
def step(x: int) -> int:
    return x + 1


@job
def chain() -> None:
    value = zero()
    for i in range(N):
        value = step.alias(f"step_{i}")(value)


if __name__ == "__main__":
    logging.disable(logging.CRITICAL)
    with DagsterInstance.get() as instance:
        begun = time.perf_counter()
        done = chain.execute_in_process(instance=instance)
        seconds = time.perf_counter() - begun
    if not (done.success and done.output_for_node(f"step_{N - 1}") == N):
        sys.exit("the chain gave the wrong value")
    print(json.dumps({"seconds": seconds}))
