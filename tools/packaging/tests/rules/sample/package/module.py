"""A module that reads a file beside itself."""

from pathlib import Path


def beside() -> str:
    """The file's text."""
    return (Path(__file__).parent / "beside.txt").read_text()
