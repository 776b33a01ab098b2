# pyright: strict
"""The typed spellings of what the value of a call does not have: resolving, options, the future itself."""

from typing import assert_type

import sematic
from sematic import Future, SilentResolver
from type_tests.functions import Config, Scores, configure, count, names, shout, train

assert_type(sematic.resolve(count(1), SilentResolver()), int)
assert_type(sematic.resolve(configure(0.5), SilentResolver()), Config)
assert_type(sematic.resolve(shout("a"), SilentResolver()), str)

assert_type(count.future(1), Future[int])
assert_type(count.future(start=1), Future[int])
assert_type(count.future(1).resolve(SilentResolver()), int)
assert_type(count.future(1).set(name="first"), Future[int])
assert_type(count.future(1).set(name="first").resolve(SilentResolver()), int)
assert_type(train.future(configure(0.5)).resolve(SilentResolver()), Scores)
assert_type(shout.future("a", times=2), Future[str])

assert_type(sematic.options(count(1), name="first"), int)
assert_type(sematic.options(names(1), tags=["a"], timeout=5.0), list[str])
assert_type(count(sematic.options(count(1), inline=False)), int)
