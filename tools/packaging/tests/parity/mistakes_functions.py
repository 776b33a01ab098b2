"""Mistakes in functions and types. The test must name the lines with `# mistake`, and no others."""

from tools.packaging.tests.parity.images import MAIN, PIPELINE, Pipeline

IMPORTS = """
import dataclasses
import threading
import typing
from typing import TYPE_CHECKING, Any

import sematic

if TYPE_CHECKING:
    import numpy

"""
DYING = """
import os

@sematic.func
def pipeline(n: int) -> int:
    os._exit(3)
"""


def defining(text: str, sentence: str, run: bool = True) -> tuple[Pipeline, str]:
    """A pipeline with `text` in its module, which also has to define `pipeline`."""
    return Pipeline({"fit/main.py": MAIN, "fit/pipeline.py": IMPORTS + text}, args=() if run else None), sentence


def guarded(text: str, sentence: str, run: bool = True) -> tuple[Pipeline, str]:
    """A main.py that has `text` where only the main program runs."""
    main = (
        f"import dataclasses\nimport sematic\nfrom fit.pipeline import pipeline\n\nif __name__ == '__main__':\n{text}"
    )
    return Pipeline({"fit/main.py": main, "fit/pipeline.py": PIPELINE}, args=() if run else None), sentence


MISTAKES: dict[str, tuple[Pipeline, str]] = {
    "a lambda": defining("pipeline = sematic.func(lambda n: n)  # mistake\n", "a lambda has no name", run=False),
    "a local function": defining(
        """
def make():
    @sematic.func  # mistake
    def pipeline(n: int) -> int:
        return n
    return pipeline

pipeline = make()  # mistake
""".replace("make()  # mistake", "make()"),
        "a local function cannot be found",
        run=False,
    ),
    "a method": defining(
        """
class Steps:
    @sematic.func  # mistake
    def pipeline(self, n: int) -> int:
        return n

pipeline = Steps.pipeline
""",
        "a method cannot be",
        run=False,
    ),
    "no annotation": defining(
        "@sematic.func  # mistake\ndef pipeline(n) -> int:\n    return n\n", "n has no type annotation", run=False
    ),
    "no annotation of the result": defining(
        "@sematic.func  # mistake\ndef pipeline(n: int):\n    return n\n", "the result has no type", run=False
    ),
    "a hint that is not supported": defining(
        "@sematic.func  # mistake\ndef pipeline(n: typing.Iterator[int]) -> int:\n    return 1\n",
        "not supported",
        run=False,
    ),
    "a hint in quotes that names nothing": defining(
        '@sematic.func  # mistake\ndef pipeline(n: "Number") -> int:\n    return n\n', "Number", run=False
    ),
    "a hint that only type checkers import": defining(
        '@sematic.func  # mistake\ndef pipeline(n: "numpy.ndarray") -> int:\n    return n\n', "numpy", run=False
    ),
    "a field's hint that only type checkers import": defining(
        """
@dataclasses.dataclass
class Config:
    rows: "numpy.ndarray"

@sematic.func  # mistake
def train(config: Config) -> int:
    return 1

@sematic.func
def pipeline(n: int) -> int:
    return n
""",
        "numpy",
        run=False,
    ),
    "a default of the wrong type": defining(
        "@sematic.func  # mistake\ndef pipeline(n: int = '3') -> int:\n    return n\n", "the default of n", run=False
    ),
    "options that make no sense": defining(
        "@sematic.func(timeout=-1)  # mistake\ndef pipeline(n: int) -> int:\n    return n\n", "timeout", run=False
    ),
    "a name that something else takes": defining(
        """
@sematic.func  # mistake
def train(n: int) -> int:
    return n

trainer = train
train = None

@sematic.func
def pipeline(n: int) -> int:
    return trainer(n)
""",
        "a worker cannot import train",
        run=False,
    ),
    "a name that is deleted": defining(
        """
@sematic.func  # mistake
def train(n: int) -> int:
    return n

STEPS = {"train": train}
del train

@sematic.func
def pipeline(n: int) -> int:
    return STEPS["train"](n)
""",
        "a worker cannot import train",
        run=False,
    ),
    "a function that goes by another name": defining(
        """
def train(n: int) -> int:  # mistake
    return n

step = sematic.func(train)

@sematic.func
def pipeline(n: int) -> int:
    return step(n)
""",
        "is no Sematic function any more",
        run=False,
    ),
    "two functions of one name": defining(
        """
@sematic.func  # mistake
def train(n: int) -> int:
    return n

first = train

@sematic.func
def train(n: int) -> int:
    return n + 1

@sematic.func
def pipeline(n: int) -> int:
    return train(first(n))
""",
        "gets another function",
    ),
    "a decorator that hides the function": defining(
        """
def logged(f):
    return lambda *args: f(*args)

@logged  # mistake
@sematic.func
def train(n: int) -> int:
    return n

@sematic.func
def pipeline(n: int) -> int:
    return train(n)
""",
        "a worker cannot import train",
        run=False,
    ),
    "a function of the main program only": guarded(
        """
    @sematic.func  # mistake
    def late(n: int) -> int:
        return n

    sematic.resolve(late(1))
""",
        "a worker cannot import late",
    ),
    "a function of the main program only, not run": guarded(
        """
    @sematic.func  # mistake
    def late(n: int) -> int:
        return n

    sematic.resolve(late(1))
""",
        "defined only where fit.main is the main program",
        run=False,
    ),
    "a class of the main program only": guarded(
        """
    @dataclasses.dataclass
    class Config:
        n: int

    @sematic.func  # mistake
    def late(config: Config) -> int:
        return config.n

    sematic.resolve(late(Config(1)))
""",
        "a worker cannot import late",
    ),
    "a function of a main.py that nobody can import": (
        Pipeline(
            {
                "fit/my-main.py": """
import sematic


@sematic.func  # mistake
def late(n: int) -> int:
    return n


if __name__ == "__main__":
    sematic.resolve(late(1))
"""
            },
            main="fit/my-main.py",
        ),
        "a program that no other process can import",
    ),
    "a class that is local to a function": defining(
        """
def make():
    @dataclasses.dataclass
    class Config:
        n: int
    return Config

Config = make()

@sematic.func  # mistake
def pipeline(config: Config) -> int:
    return 1
""",
        "another process cannot import it",
        run=False,
    ),
    "a class whose name is deleted": defining(
        """
@dataclasses.dataclass
class Config:
    n: int

@sematic.func  # mistake
def train(config: Config) -> int:
    return 1

del Config

@sematic.func
def pipeline(n: int) -> int:
    return n
""",
        "Config is needed to read this value",
        run=False,
    ),
    "a process that dies": (
        Pipeline(
            {"fit/main.py": "import os  # mistake\n" + MAIN, "fit/pipeline.py": IMPORTS + DYING},
        ),
        "the process of main.py ended with exit code 3",
    ),
}
