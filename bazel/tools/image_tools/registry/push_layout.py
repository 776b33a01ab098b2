"""`python -m image_tools.registry` as a program that Bazel runs."""

import sys

from image_tools.registry.__main__ import main

if __name__ == "__main__":
    sys.exit(main())
