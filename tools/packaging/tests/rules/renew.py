"""Writes listing.golden anew, from the sample as it is built now: look at the difference before you keep it."""

import os
from pathlib import Path

from tools.packaging.tests.rules.listing import GOLDEN, RUNFILES, image, listing


def main() -> None:
    """Into the sources, which is where `bazel run` says the workspace is."""
    sources = Path(os.environ["BUILD_WORKSPACE_DIRECTORY"])
    golden = sources.joinpath(*GOLDEN.relative_to(RUNFILES).parts[1:])
    golden.write_text(listing(image("main_image")))
    print(f"wrote {golden}")


if __name__ == "__main__":
    main()
