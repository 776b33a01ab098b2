# pyright: strict
"""Calls that cannot be right."""

from type_tests.functions import Config, configure, count, names, shout, table, train

count("1")  # error
count(1.5)  # error
count()  # error
count(1, 2, 3)  # error
count(begin=1)  # error
count(1, stepp=2)  # error
count(shout("a"))  # error
count(configure(0.5).rate)  # error
count(names(1)[0])  # error
shout("a", 2)  # error
shout("a", times="2")  # error
configure(rate="fast")  # error
train(count(1))  # error
train({"rate": 0.5})  # error
train(Config(0.5, [count(1)]))  # error
train(configure(0.5), seed="zero")  # error
table([count(1)])  # error
count.future("1")  # error
count.future(begin=1)  # error
