"""A ZenML pipeline of steps on the local stack."""

# mypy: ignore-errors

import json
import logging
import sys
import time

from zenml import pipeline, step

N = int(sys.argv[1])


@step(enable_cache=False)
def add(x: int) -> int:
    return x + 1


@pipeline(enable_cache=False)
def chain() -> None:
    value = 0
    for _ in range(N):
        value = add(value)


if __name__ == "__main__":
    logging.disable(logging.CRITICAL)
    begun = time.perf_counter()
    run = chain()
    seconds = time.perf_counter() - begun
    if not (run is not None and str(run.status) in ("completed", "ExecutionStatus.COMPLETED")):
        sys.exit("the chain gave the wrong value")
    print(json.dumps({"seconds": seconds}))
