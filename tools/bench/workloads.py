"""The pipelines that are measured: `python -m tools.bench.workloads NAME RESOLVER SIZE` reports one of them."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from typing import Any

import sematic
from tools.bench import memory


@sematic.func
def step(x: int) -> int:
    return x + 1


@sematic.func
def chain(n: int) -> int:
    value = 0
    for _ in range(n):
        value = step(value)
    return value


@sematic.func
def total(values: list[int]) -> int:
    return sum(values)


@sematic.func
def fan_out(n: int) -> int:
    return total([step(i) for i in range(n)])


GRAPHS: dict[str, tuple[sematic.Function[[int], int], Callable[[int], int]]] = {
    "chain": (chain, lambda n: n),
    "fan-out": (fan_out, lambda n: n * (n + 1) // 2),
}
"""Each with what it must give."""

RESOLVERS: dict[str, Callable[[], Any]] = {"silent": sematic.SilentResolver, "local": sematic.LocalResolver}


def main(name: str, resolver: str, size: str) -> None:
    """Time from the call of the function to its value, and what memory that took at most."""
    n = int(size)
    function, expected = GRAPHS[name]
    before = memory.resident()
    begun, cpu = time.perf_counter(), time.process_time()
    value = function.future(n).resolve(RESOLVERS[resolver]())
    seconds, cpu = time.perf_counter() - begun, time.process_time() - cpu
    if value != expected(n):
        raise SystemExit(f"{name} of {n} gave {value}")
    print(json.dumps({"seconds": seconds, "cpu": cpu, "memory": memory.peak() - before}))


if __name__ == "__main__":
    main(*sys.argv[1:])
