"""Pipelines that the tests resolve, here and as programs of their own: ``python -m sematic.cli.tests.pipelines NAME N``."""

from __future__ import annotations

import os
import signal
import sys
from dataclasses import dataclass

import numpy as np

import sematic

GATE = "TEST_GATE"
"""A descriptor: whoever comes to the gate says so there and waits for a signal. Without it the gate is open."""

FRAGILE = "TEST_FRAGILE"
"""While it is set, `fragile` raises."""


@dataclass(frozen=True)
class Config:
    """A value with a class of its own."""

    width: int
    label: str


def gate() -> None:
    """Wait here, when a test says so."""
    if GATE in os.environ:
        os.write(int(os.environ[GATE]), b"here")
        while True:
            signal.pause()


@sematic.func
def numbers(n: int) -> list[int]:
    """Prints."""
    print(f"making {n}")
    return list(range(n))


@sematic.func
def total(values: list[int]) -> int:
    """Prints on stderr."""
    print(f"adding {len(values)}", file=sys.stderr)
    return sum(values)


@sematic.func
def pipeline(n: int) -> int:
    """Two steps."""
    return total(numbers(n))


@sematic.func
def fragile(value: int) -> int:
    """Fails when told to, with a message that gives orders to terminals."""
    if FRAGILE in os.environ:
        raise ValueError("no \x1b[2J good\nsecond line")
    return value + 1


@sematic.func
def failing(n: int) -> int:
    """Something that succeeds, then something that may fail, then something that waits for it."""
    return total([fragile(total(numbers(n))), n])


@sematic.func
def gated(value: int) -> int:
    """Prints and comes to the gate."""
    print(f"at the gate with {value}")
    gate()
    return value * 10


@sematic.func
def halting(n: int) -> int:
    """A step that succeeds, one at the gate, one after it."""
    return total([gated(total(numbers(n))), n])


@sematic.func
def deadly(value: int) -> int:
    """Kills its process."""
    os.kill(os.getpid(), signal.SIGKILL)
    return value


@sematic.func
def dying(n: int) -> int:
    """A step that succeeds, then one that does not survive."""
    return deadly(total([n]))


@sematic.func
def texts(n: int) -> list[str]:
    """Elements that are artifacts of their own, but small enough to be kept in the ledger."""
    return [str(number) * 6000 for number in range(n)]


@sematic.func
def halting_with_texts(n: int) -> int:
    """A step at the gate that has such elements as input."""
    return gated_lengths(texts(n))


@sematic.func
def gated_lengths(values: list[str]) -> int:
    """Comes to the gate."""
    gate()
    return sum(map(len, values))


@sematic.func
def double(value: int) -> int:
    """One of many."""
    return 2 * value


@sematic.func
def doubly(n: int) -> list[int]:
    """Many calls of one function."""
    return [double(value) for value in range(n)]


@sematic.func
def mixed(config: Config, values: np.ndarray, text: str) -> tuple[Config, np.ndarray]:
    """Values of several kinds."""
    print("\x1b[31mred\x1b[0m\x1b[2J")
    return config, values * 2


@sematic.func(retry=sematic.RetrySettings(exceptions=(OSError,), retries=1, backoff=0))
def flaky(n: int) -> int:
    """Succeeds the second time."""
    print(f"attempt {sematic.context().attempt}")
    if sematic.context().attempt == 1:
        raise OSError("not yet")
    return n


@sematic.func(inline=False)
def remote(value: int) -> int:
    """Comes to the gate in a worker, when there are workers."""
    print(f"remote with {value}")
    gate()
    return value


def main(name: str, n: str, workers: str = "") -> None:
    """Resolve one."""
    resolver = sematic.LocalResolver(max_parallelism=int(workers) if workers else None)
    print("result", globals()[name](int(n)).resolve(resolver))


if __name__ == "__main__":
    main(*sys.argv[1:])
