"""A chain of Prefect tasks; a server of its own, on SQLite, is started by Prefect itself."""

# mypy: ignore-errors

import json
import sys
import time

from prefect import flow, task


@task
def step(x: int) -> int:
    return x + 1


@flow
def chain(n: int) -> int:
    value = 0
    for _ in range(n):
        value = step(value)
    return value


if __name__ == "__main__":
    n = int(sys.argv[1])
    chain(1)  # starts the server
    begun = time.perf_counter()
    value = chain(n)
    seconds = time.perf_counter() - begun
    if value != n:
        sys.exit("the chain gave the wrong value")
    print(json.dumps({"seconds": seconds}))
