"""Functions that behave and misbehave, for the tests of the resolvers."""

from __future__ import annotations

import functools
import os
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import sematic

kept: list[Any] = []
"""Where bodies put what they should not, and what tests look at."""


@sematic.func
def number(value: int) -> int:
    return value


@sematic.func
def add(a: int, b: int) -> int:
    return a + b


@sematic.func
def total(values: list[int]) -> int:
    return sum(values)


@sematic.func
def fan_out(count: int) -> int:
    return total([number(value) for value in range(count)])


@sematic.func
def fibonacci(n: int) -> int:
    return n if n < 2 else add(fibonacci(n - 1), fibonacci(n - 2))


@sematic.func
def descend(depth: int) -> int:
    return depth if depth == 0 else descend(depth - 1)


@sematic.func
def rows(count: int) -> list[int]:
    return list(range(count))


# -- errors ------------------------------------------------------------------------------------------------------------


class Broken(Exception):
    """An exception of the user's own, that only its class knows how to make."""

    def __init__(self, code: int, *, why: str) -> None:
        super().__init__(f"{code} because {why}")
        self.code = code


@sematic.func
def broken(code: int) -> int:
    raise Broken(code, why="it is")


@sematic.func
def outer(code: int) -> list[int]:
    return [number(1), middle(code), number(2)]


@sematic.func
def middle(code: int) -> int:
    return add(broken(code), 1)


@sematic.func
def wrong_result() -> dict[str, list[int]]:
    return {"a": [1, "two"]}  # type: ignore[list-item]


@sematic.func
def missing_key(table: dict[str, int]) -> int:
    return number(counted(table)["nothing"])


@sematic.func
def counted(table: dict[str, int]) -> dict[str, int]:
    return table


@sematic.func
def exits(code: int) -> int:
    sys.exit(code)


@sematic.func
def unspeakable() -> int:
    class Unspeakable(Exception):
        def __str__(self) -> str:
            raise RuntimeError("not even this")

    raise Unspeakable


# -- futures used as they cannot be ------------------------------------------------------------------------------------


@sematic.func
def forgets() -> int:
    number(1)
    return number(2)


@sematic.func
def forgets_all() -> int:
    number(1)
    return 3


@sematic.func
def keeps() -> int:
    kept.append(number(1))
    return kept[-1]  # type: ignore[no-any-return]


@sematic.func
def takes_what_was_kept(after: int) -> int:
    return add(kept[-1], after)


@sematic.func
def uses_what_others_keep() -> int:
    return takes_what_was_kept(keeps())


@functools.cache
def remembered() -> Any:
    return number(5)


@sematic.func
def remembers() -> int:
    return remembered()  # type: ignore[no-any-return]


@sematic.func
def remembers_twice() -> int:
    return add(remembers(), remembers())


@sematic.func
def returns_what_was_kept() -> int:
    return kept[-1]  # type: ignore[no-any-return]


@sematic.func
def resolves() -> int:
    return number.future(1).resolve(sematic.SilentResolver())


# -- copies ------------------------------------------------------------------------------------------------------------


@dataclass
class Box:
    items: list[int]


@sematic.func
def box(items: list[int]) -> Box:
    return Box(items)


@sematic.func
def spoil(given: Box) -> int:
    given.items.append(100)
    kept.append(given)
    return sum(given.items)


@sematic.func
def spoil_twice(items: list[int]) -> list[int]:
    made = box(items)
    return [spoil(made), spoil(made)]


@sematic.func
def changes_its_argument_after_the_call() -> int:
    items = [1, 2]
    result = total(items)
    items.append(100)
    return result


# -- retries and time limits -------------------------------------------------------------------------------------------


def again(retries: int) -> sematic.RetrySettings:
    return sematic.RetrySettings((Broken,), retries, backoff=0.001)


@sematic.func(retry=again(2))
def works_the_third_time() -> int:
    kept.append(sematic.context().attempt)
    if sematic.context().attempt < 3:
        raise Broken(sematic.context().attempt, why="not yet")
    return sematic.context().attempt


@sematic.func(retry=again(2))
def never_works() -> int:
    kept.append(sematic.context().attempt)
    raise Broken(sematic.context().attempt, why="never")


@sematic.func(retry=again(2))
def fails_otherwise() -> int:
    kept.append(sematic.context().attempt)
    raise ValueError("not one of those")


@sematic.func(timeout=0.05)
def too_long() -> int:
    while True:
        time.sleep(0.001)


@sematic.func(timeout=60)
def short_enough() -> int:
    return 1


# -- bodies that do things to the process ------------------------------------------------------------------------------


@sematic.func
def closes_stdout() -> int:
    print("before it is closed")
    sys.stdout.close()
    return 1


@sematic.func
def closes_descriptor() -> int:
    os.write(1, b"before 1 is closed\n")
    os.close(1)
    return 1


@sematic.func
def changes_folder(folder: str) -> int:
    os.chdir(folder)
    return 1


@sematic.func
def leaves_thread() -> int:
    threading.Event()
    stop = threading.Event()
    kept.append(stop)
    threading.Thread(target=stop.wait).start()
    return 1


@sematic.func
def forks_and_returns() -> int:
    """Both the parent and the child come back into our code."""
    child = os.fork()
    if child:
        os.waitpid(child, 0)
    return 1


@sematic.func
def prints(name: str) -> str:
    print(f"{name} says hello")
    print(f"{name} says oh", file=sys.stderr)
    subprocess.run(["sh", "-c", f"echo {name} in a shell; echo {name} in a shell, loudly >&2"], check=True)
    return name


@sematic.func
def all_of(first: int, second: int) -> int:
    return first + second


@sematic.func
def then(behaviour: int) -> list[str]:
    return [prints(f"after {behaviour}")]


@sematic.func
def chatty() -> list[str]:
    print("the outer one")
    return [prints("first"), prints("second")]


# -- waiting for the test ----------------------------------------------------------------------------------------------


def wait_for_test() -> None:
    """Say that the body has come here, and wait until the test has done what it wants."""
    if fifo := os.environ.get("FIFO"):
        os.write(os.open(fifo, os.O_WRONLY), b"here\n")
        threading.Event().wait()
    os.write(int(os.environ["HERE"]), b"here\n")
    os.read(int(os.environ["GO"]), 1)


@sematic.func
def waits(after: int) -> int:
    wait_for_test()
    return after


@sematic.func
def waits_stubbornly(after: int) -> int:
    try:
        wait_for_test()
    except KeyboardInterrupt:
        wait_for_test()
    return after


@sematic.func
def one_then_wait() -> int:
    return waits(number(1))


@sematic.func
def one_then_wait_stubbornly() -> int:
    return waits_stubbornly(number(1))


# -- large values ------------------------------------------------------------------------------------------------------


@sematic.func
def large(count: int) -> bytes:
    return b"x" * count


@sematic.func
def needs_permission(data: bytes, file: str) -> int:
    if not Path(file).exists():
        raise Broken(1, why="there is no permission yet")
    return len(data)


@sematic.func
def large_pipeline(file: str) -> int:
    return needs_permission(large(100_000), file)
