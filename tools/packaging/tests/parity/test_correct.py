"""Pipelines without a mistake pass, whatever else they do."""

from __future__ import annotations

from pathlib import Path

import pytest

from tools.packaging.tests.layer.testing import Built
from tools.packaging.tests.parity.images import MAIN, PIPELINE, Pipeline, judge

STEP = """
import sematic


@sematic.func
def pipeline(n: int) -> int:
"""
ROWS = {"fit/__init__.py": "", "fit/rows.csv": "1\n", "fit/main.py": MAIN}


def reading(expression: str) -> Pipeline:
    """A pipeline that reads a declared file."""
    head = "import glob, importlib.resources, os, pathlib, pkgutil\nHERE = pathlib.Path(__file__).resolve().parent\n"
    return Pipeline({**ROWS, "fit/pipeline.py": f"{head}{STEP}    assert {expression}\n    return n\n"})


def running(body: str, **more: object) -> Pipeline:
    """A pipeline whose function has this body."""
    files = {"fit/main.py": MAIN, "fit/pipeline.py": STEP + body, **dict(more.pop("files", {}))}  # type: ignore[call-overload]
    return Pipeline(files, **more)  # type: ignore[arg-type]


def defining(text: str, main: str = MAIN, **more: object) -> Pipeline:
    """A pipeline whose module is this."""
    return Pipeline({"fit/main.py": main, "fit/pipeline.py": text}, **more)  # type: ignore[arg-type]


CORRECT: dict[str, Pipeline] = {
    "a pipeline": Pipeline({"fit/main.py": MAIN, "fit/pipeline.py": PIPELINE}),
    "data beside the module": reading('(HERE / "rows.csv").read_text()'),
    "data in the working folder": reading('open("fit/rows.csv").read()'),
    "data by runfiles": reading('open(os.environ["RUNFILES_DIR"] + "/_main/fit/rows.csv").read()'),
    "data by importlib.resources": reading('importlib.resources.files("fit").joinpath("rows.csv").read_text()'),
    "data by pkgutil": reading('pkgutil.get_data("fit", "rows.csv")'),
    "data by a pattern": reading('len(glob.glob("fit/*.csv")) + len(list(HERE.rglob("*.csv"))) == 2'),
    "a file that is nowhere": reading('not os.path.exists("settings.toml") and not list(HERE.glob("*.toml"))'),
    "files of the system": reading('os.listdir("/etc") and open("/dev/null").read() == "" and os.listdir("/proc")'),
    "modules of a package": reading('[m.name for m in pkgutil.iter_modules([str(HERE)])] == ["main", "pipeline"]'),
    "a package with __init__.py": Pipeline(
        {"fit/__init__.py": "VALUE = 1\n", "fit/main.py": MAIN, "fit/pipeline.py": "from fit import VALUE\n" + PIPELINE}
    ),
    "an import in a function": running(
        "    from fit.lazily import one\n\n    return one\n", files={"fit/lazily.py": "one = 1\n"}
    ),
    "a package that is optional and nowhere": defining(
        "try:\n    import no_such_library\nexcept ImportError:\n    no_such_library = None\n" + PIPELINE
    ),
    "a package for type checkers": defining(
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import hostlib\n" + PIPELINE,
        installed={"hostlib.py": ""},
    ),
    "a package that a wheel can do without": defining(
        "import wheel\n" + PIPELINE,
        wheels={"wheel/__init__.py": "try:\n    import hostlib\nexcept ImportError:\n    pass\n"},
        installed={"hostlib.py": ""},
    ),
    "a wheel's data": defining(
        "import importlib.resources\nassert importlib.resources.files('wheel').joinpath('x.txt').read_text()\n"
        + PIPELINE,
        wheels={"wheel/__init__.py": "", "wheel/x.txt": "x"},
    ),
    "processes": running(
        """    import multiprocessing

    from fit.work import square

    for way in ("spawn", "fork"):
        with multiprocessing.get_context(way).Pool(1) as pool:
            assert pool.map(square, [2, 3]) == [4, 9]
    return n
""",
        files={"fit/work.py": "def square(n):\n    return n * n\n"},
    ),
    "a module run by the same Python": running(
        "    import subprocess, sys\n\n    return int(subprocess.check_output([sys.executable, '-m', 'fit.child']))\n",
        files={"fit/child.py": "import sematic\nprint(3)\n"},
    ),
    "a console script": running(
        "    import subprocess\n\n    return int(subprocess.check_output(['three']))\n",
        scripts={"three": "#!/usr/bin/env python3\nimport wheel\nprint(wheel.THREE)\n"},
        wheels={"wheel.py": "THREE = 3\n"},
    ),
    "programs of the base image": running(
        "    import subprocess\n\n    subprocess.run(['true'], check=True)\n    return n\n"
    ),
    "temporary files": running(
        """    import sqlite3
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        with open(f"{folder}/x", "w") as file:
            file.write("3")
        sqlite3.connect(f"{folder}/db").close()
        return int(open(f"{folder}/x").read())
"""
    ),
    "a folder that is removed": Pipeline(
        {
            "fit/main.py": MAIN,
            "fit/pipeline.py": f"import os, shutil, tempfile\n{STEP}"
            + "    folder = tempfile.mkdtemp()\n    os.mkdir(folder + '/data')\n    shutil.rmtree(folder)\n    return n\n",
            "data/x": "",
        },
        undeclared=["data/x"],
    ),
    "a file that stays in the driver": defining(
        """
import os
import tempfile

import sematic


@sematic.func
def prepare(n: int) -> str:
    path = os.path.join(tempfile.mkdtemp(), "x")
    with open(path, "w") as file:
        file.write("3")
    return path


@sematic.func
def read(path: str) -> int:
    return int(open(path).read())


@sematic.func
def pipeline(n: int) -> int:
    return read(prepare(n))
"""
    ),
    "a folder that is made when it is not there": Pipeline(
        {
            **ROWS,
            "fit/pipeline.py": "import pathlib\nOUT = pathlib.Path(__file__).parent / 'out'\n"
            + STEP
            + """    OUT.mkdir(exist_ok=True)
    if not (OUT / "cache").exists():
        (OUT / "cache").write_text("3")
    return int((OUT / "cache").read_text())
""",
            "fit/out/cache": "3",
        },
        undeclared=["fit/out/cache"],
    ),
    "what packages look for of their own accord": Pipeline(
        {"fit/main.py": MAIN, "fit/pipeline.py": f"import wheel\n{STEP}    return wheel.find(n)\n", ".git/HEAD": "x"},
        undeclared=[".git/HEAD"],
        wheels={"wheel.py": "import os\n\ndef find(n):\n    return n + os.path.exists('.git')\n"},
    ),
    "words of a command that are files elsewhere": Pipeline(
        {
            "fit/main.py": MAIN,
            "fit/pipeline.py": f"import subprocess\n{STEP}    subprocess.run(['echo', 'test', '-x.y', 'a b'])\n    return n\n",
            "test/x": "",
        },
        undeclared=["test/x"],
    ),
    "a cache in the home": defining(
        """
import pathlib

import sematic

CACHE = pathlib.Path.home() / ".cache/rows"


def rows() -> str:
    if not CACHE.exists():
        CACHE.parent.mkdir(exist_ok=True)
        CACHE.write_text("1")
    return CACHE.read_text()


@sematic.func(inline=False)
def first(n: int) -> int:
    return int(rows())


@sematic.func(inline=False)
def pipeline(n: int) -> int:
    return first(int(rows()))
"""
    ),
    "a variable of the image": running(
        "    import os\n\n    return len(open(os.environ['ROWS']).read())\n",
        files={"fit/rows.csv": "1"},
        env={"ROWS": "/app/src/_main/fit/rows.csv"},
    ),
    "functions and classes of main.py": Pipeline(
        {
            "fit/main.py": """
import argparse
import dataclasses

import sematic


@dataclasses.dataclass
class Config:
    n: int


class Model:
    def __init__(self, n: int) -> None:
        self.n = n


@sematic.func(inline=False)
def fit(config: Config) -> Model:
    return Model(config.n)


@sematic.func
def pipeline(config: Config) -> list[Model]:
    return [fit(config)]


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--n", type=int, required=True)
    found = sematic.resolve(pipeline(Config(parser.parse_args().n)), sematic.LocalResolver(max_parallelism=2))
    raise SystemExit(0 if isinstance(found[0], Model) and found[0].n == 3 else 1)
"""
        },
        args=["--n=3"],
    ),
    "flags": Pipeline(
        {
            "fit/main.py": """
from absl import app, flags

import sematic
from fit.pipeline import pipeline

N = flags.DEFINE_integer("n", 1, "A number.")


def main(argv: list[str]) -> None:
    assert argv[1:] == ["a b", ""]
    sematic.resolve(pipeline(N.value))


if __name__ == "__main__":
    app.run(main)
""",
            "fit/pipeline.py": """
from absl import flags

import sematic


@sematic.func
def pipeline(n: int) -> int:
    assert flags.FLAGS.n == n == 7
    return n
""",
        },
        args=["--n=7", "a b", ""],
    ),
    "two ways to define a function": defining(
        """
import sys

import sematic

if sys.platform == "win32":

    @sematic.func
    def step(n: int) -> int:
        return n
else:

    @sematic.func
    def step(n: int) -> int:
        return n + 1


@sematic.func
def pipeline(n: int) -> int:
    return step(n)
"""
    ),
    "a variable that a function in the driver sets": defining(
        """
import sematic

ROWS = []


@sematic.func
def load(n: int) -> int:
    ROWS.append(n)
    return n


@sematic.func
def use(n: int, /, more: list[int] = []) -> int:
    assert sematic.context().attempt == 1
    return ROWS[0]


@sematic.func
def pipeline(n: int) -> int:
    return use(load(n))
"""
    ),
    "a body that fails once": defining(
        """
import sematic

FAILED = []


@sematic.func(retry=sematic.RetrySettings(exceptions=(ValueError,), retries=1, backoff=0.0))
def pipeline(n: int) -> int:
    if not FAILED:
        FAILED.append(n)
        raise ValueError("the first time")
    return n
"""
    ),
    "values of all kinds": defining(
        """
import dataclasses
import decimal
import enum
import functools
import math
import typing

import sematic


class Colour(enum.Enum):
    RED = 1


class Pair(typing.NamedTuple):
    first: int
    second: float


@dataclasses.dataclass(frozen=True)
class Tree:
    children: "list[Tree]"
    weight: float = math.nan
    colour: Colour = Colour.RED

    @functools.cached_property
    def size(self) -> int:
        return 1 + sum(child.size for child in self.children)


class Model:
    def __init__(self, n: int) -> None:
        self.n = n
        self.weights = [math.nan, n]
        self.itself = self
        self._cache = {1: 2}

    def __getstate__(self) -> dict:
        return {name: value for name, value in vars(self).items() if name != "_cache"}


@sematic.func
def model(n: int) -> Model:
    return Model(n)


@sematic.func
def number(n: int) -> decimal.Decimal:
    return decimal.Decimal("NaN")


@sematic.func
def tree(n: int) -> Tree:
    made = Tree([Tree([])])
    assert made.size == 2
    return made


@sematic.func
def others(n: int) -> tuple[set[int], dict[str, Pair], bytes, None]:
    return {1, 2}, {"a": Pair(1, math.inf)}, b"x", None


@sematic.func
def pipeline(n: int) -> tuple[Model, decimal.Decimal, Tree, tuple[set[int], dict[str, Pair], bytes, None]]:
    return model(n), number(n), tree(n), others(n)
"""
    ),
    "a main.py that nobody can import": Pipeline(
        {"fit/my-main.py": MAIN, "fit/pipeline.py": PIPELINE}, main="fit/my-main.py"
    ),
}


@pytest.mark.parametrize("pipeline", CORRECT.values(), ids=CORRECT)
def test_a_correct_pipeline(tmp_path: Path, sematic: Built, pipeline: Pipeline) -> None:
    verdict = judge(tmp_path, pipeline, sematic)
    assert verdict.code == 0, verdict.output
    assert "0 mistakes in //fit:main" in verdict.output


def test_without_arguments_main_is_not_run(tmp_path: Path, sematic: Built) -> None:
    files = {"fit/main.py": MAIN + "    raise SystemExit(1)\n", "fit/pipeline.py": PIPELINE}
    verdict = judge(tmp_path, Pipeline(files, args=None), sematic)
    assert verdict.code == 0, verdict.output
    assert "main.py was not run, for the target has no test_args: only static checks" in verdict.output


def test_what_was_checked_is_said(tmp_path: Path, sematic: Built) -> None:
    verdict = judge(tmp_path, CORRECT["programs of the base image"], sematic)
    assert (
        "1 functions and 1 types can be found by path; main.py ran: 1 runs, 1 values stored and read back, 1 functions called again"
        in verdict.output
    )
    assert "not checked: whether the base image has /usr/bin/true" in verdict.output


def test_nothing_of_the_test_is_left(tmp_path: Path, sematic: Built) -> None:
    judge(tmp_path, CORRECT["a pipeline"], sematic)
    assert not list(tmp_path.glob("parity-*"))
