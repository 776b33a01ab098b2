"""The sample's program: it uses everything that must be in its image, and prints what it found."""

import json
import os
import sys
from importlib.metadata import version
from pathlib import Path

import click
import cloudpickle
import deep.extra

from tools.packaging.tests.rules.sample import generated, package
from tools.packaging.tests.rules.sample.heavy import weights
from tools.packaging.tests.rules.sample.namespace import part
from tools.packaging.tests.rules.sample.package import module

HERE = Path(__file__).parent
RUNFILES = HERE.parents[5]


def found() -> dict[str, object]:
    """What the program sees of its dependencies."""
    return {
        "answer": generated.ANSWER,
        "beside": module.beside(),
        "click": version("click"),
        "cloudpickle": cloudpickle.__name__,
        "command": click.__name__,
        "deep": deep.extra.DEPTH,
        "generated": (HERE / "generated.txt").read_text(),
        "heavy": weights.WEIGHT,
        "namespace": part.NAME,
        "odd": sorted(path.name for path in (HERE / "other" / "odd").iterdir()),
        "package": package.NAME,
        "path": sys.path,
        "topmost": (RUNFILES / "topmost" / "beside.txt").read_text(),
        "script": os.access(HERE / "script.sh", os.X_OK),
        "tree": [(HERE / "tree" / name).read_text() for name in ("inner/two.txt", "link")],
    }


if __name__ == "__main__":
    print(json.dumps(found()))
