"""Mistakes in functions, types and values. The test must name the lines with `# mistake`, and no others."""

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


def storing(definition: str, value: str, sentence: str, declared: str = "Model") -> tuple[Pipeline, str]:
    """A pipeline whose first function returns a value that is not what it was when it is read."""
    return defining(
        f"""
{definition}

@sematic.func  # mistake
def fit(n: int) -> {declared}:
    return {value}


@sematic.func
def use(model: {declared}) -> int:
    return 1


@sematic.func
def pipeline(n: int) -> int:
    return use(fit(n))
""",
        sentence,
    )


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
    "a value of another type": defining(
        "@sematic.func  # mistake\ndef pipeline(n: int) -> int:\n    return str(n)\n", "expected int, got str '2'"
    ),
    "a lock in a value": storing(
        "class Model:\n    def __init__(self): self.lock = threading.Lock()\n", "Model()", "cannot be stored"
    ),
    "a generator in a value": storing(
        "class Model:\n    def __init__(self): self.rows = (n for n in [1])\n", "Model()", "cannot be stored"
    ),
    "an open file in a value": storing(
        "class Model:\n    def __init__(self): self.rows = open('/dev/null')\n", "Model()", "it.rows is StringIO object"
    ),
    "a __reduce__ that forgets": storing(
        "class Model:\n    def __init__(self, w=0): self.weights = w\n    def __reduce__(self): return (Model, ())\n",
        "Model(3)",
        "it.weights is int 0 afterwards, not int 3",
    ),
    "a __getstate__ that forgets": storing(
        "class Model:\n    def __init__(self): self.weights = [1]; self._cache = 1\n    def __getstate__(self): return {'_': 0}\n",
        "Model()",
        "it has no attribute weights afterwards",
    ),
    "an attribute that is no field": storing(
        "@dataclasses.dataclass\nclass Model:\n    n: int\n    def __post_init__(self): self.double = 2 * self.n\n",
        "Model(3)",
        "it has no attribute double afterwards",
    ),
    "a class whose copies cannot be made": storing(
        "class Model:\n    def __init__(self, n): self.n = n\n    def __reduce__(self): return (Model, ())\n",
        "Model(3)",
        "Model",
    ),
    "a module's variable that main.py sets": (
        Pipeline(
            {
                "fit/main.py": """
import sematic
from fit import pipeline

if __name__ == "__main__":
    pipeline.ROWS = [1, 2]
    sematic.resolve(pipeline.pipeline(1))
""",
                "fit/pipeline.py": """
import sematic

ROWS = None


@sematic.func
def pipeline(n: int) -> int:
    return len(ROWS)  # mistake
""",
            }
        ),
        "pipeline fails in a process of its own",
    ),
    "a variable of the environment that main.py sets": (
        Pipeline(
            {
                "fit/main.py": """
import os

import sematic
from fit.pipeline import pipeline

if __name__ == "__main__":
    os.environ["ROWS"] = "12"
    sematic.resolve(pipeline(1))
""",
                "fit/pipeline.py": """
import os

import sematic


@sematic.func
def pipeline(n: int) -> int:
    return int(os.environ["ROWS"])  # mistake
""",
            }
        ),
        "the environment variable ROWS is not set",
    ),
    "a variable that a function in another pod sets": defining(
        """
MODEL = None

@sematic.func
def load(n: int) -> int:
    global MODEL
    MODEL = [n]
    return n

@sematic.func(inline=False)
def predict(n: int) -> int:
    return MODEL[0]  # mistake

@sematic.func
def pipeline(n: int) -> int:
    return predict(load(n))
""",
        "predict fails in a process of its own",
    ),
    "a class that main.py makes": (
        Pipeline(
            {
                "fit/main.py": """
import sematic
from fit.pipeline import pipeline

if __name__ == "__main__":

    class Model:
        pass

    sematic.resolve(pipeline(Model()))
""",
                "fit/pipeline.py": """
import sematic


@sematic.func  # mistake
def pipeline(model: object) -> int:
    return 1
""",
            }
        ),
        "has no attribute 'Model'",
    ),
    "a method that changes a copy only": defining(
        """
@sematic.func
def fill(rows: list[int]) -> int:
    rows.append(1)
    return len(rows)

@sematic.func
def total(rows: list[int], _: int) -> int:
    return rows[0]  # mistake

@sematic.func
def pipeline(n: int) -> int:
    rows: list[int] = []
    return total(rows, fill(rows))
""",
        "IndexError",
    ),
    "an exception of a body": defining(
        "@sematic.func\ndef pipeline(n: int) -> int:\n    return n // 0  # mistake\n", "ZeroDivisionError"
    ),
    "an exception that main.py hides": (
        Pipeline(
            {
                "fit/main.py": """
import sys

import sematic
from fit.pipeline import pipeline

if __name__ == "__main__":
    try:
        sematic.resolve(pipeline(2))
    except Exception:
        sys.exit(1)
""",
                "fit/pipeline.py": IMPORTS
                + "@sematic.func\ndef pipeline(n: int) -> int:\n    return n // 0  # mistake\n",
            }
        ),
        "ZeroDivisionError",
    ),
    "a program that ends with an exit code": (
        Pipeline(
            {
                "fit/main.py": """
import sys

import sematic
from fit.pipeline import pipeline

if __name__ == "__main__":
    sematic.resolve(pipeline(2))
    sys.exit("the accuracy is too low")  # mistake
""",
                "fit/pipeline.py": PIPELINE,
            }
        ),
        "the accuracy is too low",
    ),
}
