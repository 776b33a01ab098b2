# pyright: strict
"""A call has the type of what it returns, so that graphs compose."""

from typing import assert_type

from type_tests.functions import Config, Layer, Scores, configure, count, names, nothing, pair, shout, table, train

assert_type(count(1), int)
assert_type(count(1, 2), int)
assert_type(count(start=1, step=2), int)
assert_type(count(count(1), step=count(2)), int)
assert_type(shout("a"), str)
assert_type(shout("a", times=count(1)), str)
assert_type(nothing(), None)

assert_type(configure(0.5), Config)
assert_type(configure(0.5).rate, float)
assert_type(configure(0.5).layers, list[Layer])
assert_type(configure(0.5).layers[0], Layer)
assert_type(configure(0.5).layers[0].width, int)
assert_type(count(configure(0.5).layers[1].width), int)

assert_type(names(3), list[str])
assert_type(names(3)[0], str)
assert_type(shout(names(count(1))[count(0)]), str)
assert_type(table(names(2)), dict[str, int])
assert_type(table(names(2))["n0"], int)
assert_type(pair(1)[0], int)
assert_type(pair(1)[1], str)
number, text = pair(1)
assert_type(number, int)
assert_type(text, str)

assert_type(train(configure(0.5)), Scores)
assert_type(train(configure(0.5)).test, float)
assert_type(train(Config(0.5, [configure(0.1).layers[0]]), seed=count(1)), Scores)
assert_type(table([shout("a"), "b", names(1)[0]]), dict[str, int])
