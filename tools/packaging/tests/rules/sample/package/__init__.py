"""A package."""

NAME = "package"
