"""Code that has a layer of its own."""

WEIGHT = 1000
