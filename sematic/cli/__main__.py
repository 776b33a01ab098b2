"""``python -m sematic.cli``."""

from sematic.cli import main

main()
