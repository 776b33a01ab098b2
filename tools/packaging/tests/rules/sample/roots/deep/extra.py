"""Imported as deep.extra."""

DEPTH = 2
