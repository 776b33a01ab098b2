"""What `bazelw` runs: chooses a Bazel and becomes it.

The process that was started ends up being Bazel (exec, no parent left waiting), so the arguments, the folder, the
standard streams, the signals and the exit code are Bazel's own.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
sys.path[0] = str(REPOSITORY)

from tools.toolbox import host, toolbox  # noqa: E402
from tools.toolbox.refusal import Refusal  # noqa: E402


def main(arguments: list[str]) -> None:
    own = host.bazel_on_path(REPOSITORY, host.Verdicts(toolbox.cache_folder() / "verdicts.json"))
    if own is not None:
        os.execv(own, [own, *arguments])
    made = toolbox.Toolbox.here()
    made.ensure()
    made.become_bazel(arguments)


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except (Refusal, OSError) as refusal:
        sys.exit(f"bazelw: {refusal}")
    except KeyboardInterrupt:
        print("bazelw: interrupted; the next start goes on from the last finished step.", file=sys.stderr)
        sys.exit(130)
