"""Mistakes in what a program imports. The test must name the lines with `# mistake`, and no others."""

from tools.packaging.tests.parity.images import MAIN, PIPELINE, Pipeline

STEP = """
import sematic


@sematic.func
def pipeline(n: int) -> int:
"""

MISTAKES: dict[str, tuple[Pipeline, str]] = {
    "a package that only this machine has": (
        Pipeline(
            {"fit/main.py": MAIN, "fit/pipeline.py": "import hostlib  # mistake\n" + PIPELINE},
            installed={"hostlib/__init__.py": ""},
        ),
        "the module hostlib is not in the image",
    ),
    "two of them, found in one go": (
        Pipeline(
            {
                "fit/main.py": MAIN,
                "fit/pipeline.py": "import hostlib  # mistake\nimport otherlib  # mistake\n" + PIPELINE,
            },
            installed={"hostlib.py": "", "otherlib.py": ""},
        ),
        "the module otherlib is not in the image",
    ),
    "a package that nobody has": (
        Pipeline({"fit/main.py": MAIN, "fit/pipeline.py": "import no_such_library  # mistake\n" + PIPELINE}),
        "not installed either",
    ),
    "a package that only this machine has, in a function": (
        Pipeline(
            {"fit/main.py": MAIN, "fit/pipeline.py": STEP + "    import hostlib  # mistake\n\n    return n\n"},
            installed={"hostlib.py": ""},
        ),
        "requirement(…) for hostlib",
    ),
    "in a function that nobody calls in the test": (
        Pipeline(
            {
                "fit/main.py": MAIN,
                "fit/pipeline.py": PIPELINE + "\n\ndef plot() -> None:\n    import hostlib  # mistake\n",
            },
            args=None,
            installed={"hostlib.py": ""},
        ),
        "the module hostlib",
    ),
    "a package that is optional, and there on this machine": (
        Pipeline(
            {
                "fit/main.py": MAIN,
                "fit/pipeline.py": PIPELINE
                + "\n\ntry:\n    import hostlib  # mistake\nexcept ImportError:\n    hostlib = None\n",
            },
            installed={"hostlib.py": ""},
        ),
        "the module hostlib",
    ),
    "a package that is looked for first": (
        Pipeline(
            {
                "fit/main.py": MAIN,
                "fit/pipeline.py": PIPELINE
                + "\n\nimport importlib.util\nFAST = importlib.util.find_spec('hostlib') is not None  # mistake\n",
            },
            installed={"hostlib.py": ""},
        ),
        "the module hostlib",
    ),
    "a package that a wheel needs and does not require": (
        Pipeline(
            {"fit/main.py": MAIN, "fit/pipeline.py": "import wheel  # mistake\n" + PIPELINE},
            wheels={"wheel/__init__.py": "import hostlib\n"},
            installed={"hostlib.py": ""},
        ),
        "the module hostlib",
    ),
    "a module of the package that is in no srcs": (
        Pipeline(
            {
                "fit/main.py": MAIN,
                "fit/pipeline.py": "from fit import helpers  # mistake\n" + PIPELINE,
                "fit/helpers.py": "",
            },
            undeclared=["fit/helpers.py"],
        ),
        "Add fit/helpers.py to the srcs",
    ),
    "a module beside main.py by its last name": (
        Pipeline(
            {"fit/main.py": "import helpers  # mistake\n" + MAIN, "fit/pipeline.py": PIPELINE, "fit/helpers.py": ""}
        ),
        "Import it as fit.helpers",
    ),
    "a relative import of what is in no srcs": (
        Pipeline(
            {
                "fit/main.py": MAIN,
                "fit/pipeline.py": "from .models.tree import depth  # mistake\n" + PIPELINE,
                "fit/models/tree.py": "depth = 3",
            },
            undeclared=["fit/models/tree.py"],
        ),
        "the module fit.models",
    ),
    "a package without its __init__.py": (
        Pipeline(
            {
                "fit/main.py": MAIN,
                "fit/pipeline.py": "from fit.models import DEPTH  # mistake\n" + PIPELINE,
                "fit/models/__init__.py": "DEPTH = 3",
                "fit/models/tree.py": "",
            },
            undeclared=["fit/models/__init__.py"],
        ),
        "It is fit/models/__init__.py here",
    ),
    "a module by a name that the arguments give": (
        Pipeline(
            {
                "fit/main.py": """
import importlib
import sys

import sematic
from fit.pipeline import pipeline

if __name__ == "__main__":
    importlib.import_module(f"fit.{sys.argv[1]}")  # mistake
    sematic.resolve(pipeline(2))
""",
                "fit/pipeline.py": PIPELINE,
                "fit/forest.py": "",
            },
            undeclared=["fit/forest.py"],
            args=["forest"],
        ),
        "Add fit/forest.py to the srcs",
    ),
    "a program that runs its pipeline when it is imported": (
        Pipeline(
            {
                "fit/main.py": """
import sematic
from fit.pipeline import pipeline

sematic.resolve(pipeline(2))  # mistake
""",
                "fit/pipeline.py": PIPELINE,
            },
            args=None,
        ),
        "while a worker imported fit.main",
    ),
    "a program that ends when it is imported": (
        Pipeline(
            {
                "fit/main.py": """
import sys

import sematic
from fit.pipeline import pipeline


def main() -> int:
    sematic.resolve(pipeline(2))
    return 0


sys.exit(main() if __name__ == "__main__" else 0)  # mistake
""",
                "fit/pipeline.py": PIPELINE,
            },
        ),
        "A worker imports main.py, and cannot",
    ),
    "a source that Python cannot read": (
        Pipeline({"fit/main.py": MAIN, "fit/pipeline.py": PIPELINE + "\ndef broken(:  # mistake\n"}, args=None),
        "SyntaxError",
    ),
    "a console script of a package that only this machine has": (
        Pipeline(
            {
                "fit/main.py": MAIN,
                "fit/pipeline.py": "import subprocess\n"
                + STEP
                + "    subprocess.run(['convert-hosts'], check=True)  # mistake\n    return n\n",
            }
        ),
        "convert-hosts",
    ),
    "a module that a process of the program imports": (
        Pipeline(
            {
                "fit/main.py": MAIN,
                "fit/pipeline.py": "import subprocess\nimport sys\n"
                + STEP
                + "    subprocess.run([sys.executable, '-m', 'fit.child'], check=True)  # mistake\n    return n\n",
                "fit/child.py": "import hostlib  # mistake\n",
            },
            installed={"hostlib.py": ""},
        ),
        "the module hostlib",
    ),
}
