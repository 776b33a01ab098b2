"""A chain of flytekit tasks in a workflow that is executed locally."""

# mypy: ignore-errors

import json
import sys
import time

from flytekit import task, workflow


@task
def step(x: int) -> int:
    return x + 1


N = int(sys.argv[1])


@workflow
def chain(x: int) -> int:
    for _ in range(N):
        x = step(x=x)
    return x


if __name__ == "__main__":
    begun = time.perf_counter()
    value = chain(x=0)
    seconds = time.perf_counter() - begun
    if value != N:
        sys.exit("the chain gave the wrong value")
    print(json.dumps({"seconds": seconds}))
