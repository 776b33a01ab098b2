"""`python -m bazel.tools.registry` as a program that Bazel runs."""

import sys

from bazel.tools.registry.__main__ import main

if __name__ == "__main__":
    sys.exit(main())
