"""Mistakes in what a program reads, writes and runs. The test must name the lines with `# mistake`, and no others."""

from tools.packaging.tests.parity.images import MAIN, PIPELINE, Pipeline

HEAD = """
import glob
import importlib.resources
import os
import pathlib
import pkgutil
import shutil
import sqlite3
import subprocess
import tempfile

import sematic

HERE = pathlib.Path(__file__).resolve().parent


@sematic.func
def pipeline(n: int) -> int:
"""


def reading(expression: str, sentence: str = "fit/rows.csv is not in the image") -> tuple[Pipeline, str]:
    """A pipeline that reads an undeclared file, in one way or another."""
    files = {
        "fit/main.py": MAIN,
        "fit/pipeline.py": f"{HEAD}    {expression}  # mistake\n    return n\n",
        "fit/__init__.py": "",
        "fit/rows.csv": "1,2\n",
        "fit/convert.sh": "echo\n",
    }
    return Pipeline(files, undeclared=["fit/rows.csv", "fit/convert.sh"]), sentence


def handing(write: str, read: str) -> tuple[Pipeline, str]:
    """Two functions in two pods, and a file."""
    steps = f"""
import os
import pathlib
import tempfile

import sematic


@sematic.func(inline=False)
def prepare(n: int) -> str:
    {write}
    return str(path)


@sematic.func(inline=False)
def train(path: str) -> int:
    {read}
    return 1


@sematic.func
def pipeline(n: int) -> int:
    return train(prepare(n))
"""
    return Pipeline({"fit/main.py": MAIN, "fit/pipeline.py": steps}), "by prepare in a pod of its own, then by train"


MISTAKES: dict[str, tuple[Pipeline, str]] = {
    "open, beside the module": reading('open(HERE / "rows.csv").read()'),
    "open, relative to the workspace": reading('open("fit/rows.csv").read()'),
    "open, by its absolute path": reading('open("@WORKSPACE@/fit/rows.csv").read()', "by its absolute path"),
    "pathlib": reading('(HERE / "rows.csv").read_text()'),
    "importlib.resources": reading('importlib.resources.files("fit").joinpath("rows.csv").read_text()'),
    "pkgutil": reading('pkgutil.get_data("fit", "rows.csv")'),
    "os.open": reading('os.open(HERE / "rows.csv", os.O_RDONLY)'),
    "a copy": reading('shutil.copy(HERE / "rows.csv", tempfile.mkdtemp())'),
    "a with statement and a path from os.path": reading(
        'with open(os.path.join(os.path.dirname(__file__), "rows.csv")) as rows: rows.read()'
    ),
    "runfiles": reading('open(os.path.join(os.environ["RUNFILES_DIR"], "_main/fit/rows.csv")).read()'),
    "a file that is read only where it is there": reading('n += (HERE / "rows.csv").exists()'),
    "a file whose absence is caught": reading(
        "exec('try:\\n open(\"fit/rows.csv\")\\nexcept OSError: pass')",
    ),
    "a pattern": reading('n += len(list(HERE.glob("*.csv")))'),
    "a pattern of the glob module": reading('n += len(glob.glob(str(HERE / "**/*.csv"), recursive=True))'),
    "the workspace by a variable of bazel run": reading(
        'open(os.path.join(os.environ["BUILD_WORKSPACE_DIRECTORY"], "fit/rows.csv"))',
        "the environment variable BUILD_WORKSPACE_DIRECTORY is not set in the image",
    ),
    "a variable of the user's shell": reading(
        'os.environ["LAPTOP_ONLY"]', "the environment variable LAPTOP_ONLY is not set in the image"
    ),
    "a script by its path": reading(
        'subprocess.run(["/bin/sh", str(HERE / "convert.sh")], stderr=subprocess.DEVNULL)', "fit/convert.sh is not"
    ),
    "a database": reading('sqlite3.connect(f"file:{HERE}/rows.csv?mode=ro", uri=True)', "unable to open database"),
    "a folder of this machine": reading('os.listdir("@WORKSPACE@/fit")', "by its absolute path"),
    "a result in a folder of this machine": reading('open("@WORKSPACE@/result.txt", "w")', "A container has no such"),
    "a file in a function's default": (
        Pipeline(
            {
                "fit/main.py": MAIN,
                "fit/pipeline.py": PIPELINE + "\n\nROWS = open(__file__[:-11] + 'rows.csv').read()  # mistake\n",
                "fit/rows.csv": "",
            },
            undeclared=["fit/rows.csv"],
            args=None,
        ),
        "Add rows.csv to the data",
    ),
    "a file that the next pod reads": handing(
        'path = pathlib.Path("/tmp/parity-rows.csv"); path.write_text("1")', "open(path).read()  # mistake"
    ),
    "a temporary file that the next pod reads": handing(
        'path = os.path.join(tempfile.mkdtemp(), "x"); open(path, "w").close()',
        "pathlib.Path(path).read_text()  # mistake",
    ),
    "a file that was renamed before the next pod reads it": handing(
        'path = tempfile.mkdtemp() + "/x"; open(path + "~", "w").close(); os.rename(path + "~", path)',
        "open(path)  # mistake",
    ),
    "a file that main.py wrote": (
        Pipeline(
            {
                "fit/main.py": """
import tempfile

import sematic
from fit.pipeline import pipeline

if __name__ == "__main__":
    with tempfile.NamedTemporaryFile("w") as file:
        sematic.resolve(pipeline(file.name))
""",
                "fit/pipeline.py": """
import sematic


@sematic.func
def pipeline(path: str) -> str:
    return open(path).read()  # mistake
""",
            },
        ),
        "by main.py on your machine, then by a function in the driver",
    ),
}
