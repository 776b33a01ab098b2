"""The `sematic` command as a Bazel target."""

from sematic.cli import main

main()
