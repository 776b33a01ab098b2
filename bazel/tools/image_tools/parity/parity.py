"""The test `:main_test`: fails here for what would fail only in the cluster.

    parity.py --plan PLAN [--runfiles DIR]

PLAN is a file that the rule wrote; paths in it are under DIR. Exit code 1 when there are mistakes, 2 when the test
cannot be made.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from pathlib import Path

from image_tools.parity.findings import Findings
from image_tools.parity.laptop import Laptop, installed
from image_tools.parity.plan import ParityError, Plan, read_plan
from image_tools.parity.report import report, summary
from image_tools.parity.rootfs import Root
from image_tools.parity.stages import Stages


def main(arguments: list[str] | None = None) -> int:
    """Runs the test and prints what it found."""
    parser = argparse.ArgumentParser("parity", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--plan", required=True)
    parser.add_argument("--runfiles", default=os.environ.get("RUNFILES_DIR") or os.environ.get("TEST_SRCDIR"))
    options = parser.parse_args(arguments)
    try:
        plan = read_plan(options.plan, Path(options.runfiles or "."))
        with tempfile.TemporaryDirectory(prefix="parity-", dir=os.environ.get("TEST_TMPDIR")) as scratch:
            return _test(plan, Root(Path(os.path.realpath(scratch)), plan))
    except ParityError as error:
        print(f"parity: {error}", file=sys.stderr)
        return 2


def _test(plan: Plan, root: Root) -> int:
    root.make(Path(__file__).absolute().parent / "inside")
    if not (root.source / plan.main).is_file():
        raise ParityError(f"The image has no /app/src/{plan.main}: is it the image of {plan.target}?")
    stages = Stages(plan, root)
    if plan.args is not None:
        stages.run()
    stages.import_it()
    journal = stages.journal()
    mistakes = Findings(plan, root, Laptop(plan.main_file, plan.main, installed())).mistakes(journal)
    sys.stdout.flush()
    print(report(mistakes) + summary(plan, journal, len(mistakes)))
    return 1 if mistakes else 0


if __name__ == "__main__":
    sys.exit(main())
