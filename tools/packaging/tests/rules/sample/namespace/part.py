"""A part of a package without __init__.py."""

NAME = "namespace"
