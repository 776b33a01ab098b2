# pyright: strict
"""Results used as what they are not."""

import sematic
from type_tests.functions import Config, configure, count, names, pair, shout

text: str = count(1)  # error
number: int = names(1)  # error
number = sematic.resolve(shout("a"), sematic.SilentResolver())  # error
config: Config = count.future(1).resolve(sematic.SilentResolver())  # error
number = count.future(1)  # error
texts: list[str] = sematic.options(count(1), name="first")  # error

configure(0.5).speed  # error
configure(0.5).layers["first"]  # error
configure(0.5).layers[0].depth  # error
pair(1)[2]  # error
count(1).resolve()  # error
sematic.resolve(count(1), "silent")  # error
sematic.LocalResolver(max_parallelism="two")  # error
sematic.SilentResolver(max_parallelism=2)  # error


@sematic.func
def wrong() -> str:
    return count(1)  # error


@sematic.func
def mixed(texts: list[str]) -> list[int]:
    return [count(1), shout(texts[0])]  # error


@sematic.func(inlined=False)  # error
def misspelt() -> int:
    return 1


@sematic.func(timeout="1 min")  # error
def impatient() -> int:
    return 1
