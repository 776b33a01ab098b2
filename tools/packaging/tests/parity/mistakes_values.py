"""Mistakes in values and state, and exceptions. The test must name the lines with `# mistake`, and no others."""

from tools.packaging.tests.parity.images import PIPELINE, Pipeline
from tools.packaging.tests.parity.mistakes_functions import IMPORTS, defining


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
