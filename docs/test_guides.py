"""The Python in the guides runs, as it is written.

Each ```python block is a program of its own, which sees what the blocks above it on its page import and define. A
block in which a line ends in ``# raises SomeError: the message`` must end with that, from that line; ``…`` stands for
any text.
"""

import ast
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

HERE = Path(__file__).parent
ROOT = HERE.parent
PAGES = [*sorted(HERE.glob("guide/*.md")), *ROOT.glob("README.md")]
BLOCK = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)
RAISES = re.compile(r"# raises (\w+): (.*)$")
DEFINITIONS = (ast.Import, ast.ImportFrom, ast.FunctionDef, ast.ClassDef)


class Promise(NamedTuple):
    """The exception a block says it raises; `line` is in the block."""

    line: int
    name: str
    message: str


class Block(NamedTuple):
    page: str
    line: int
    text: str

    def promise(self) -> Promise | None:
        for number, line in enumerate(self.text.splitlines(), 1):
            if found := RAISES.search(line):
                return Promise(number, found[1], found[2])
        return None

    def definitions(self) -> str:
        """Its imports, functions and classes, decorators included."""
        parts = []
        for statement in ast.parse(self.text).body:
            if isinstance(statement, DEFINITIONS):
                first = min([statement.lineno, *(each.lineno for each in getattr(statement, "decorator_list", ()))])
                parts.append("\n".join(self.text.splitlines()[first - 1 : statement.end_lineno]))
        return "\n\n\n".join(parts) + "\n"


class Program(NamedTuple):
    """What to run: its own block below what it needs of those above, which is a module `above`."""

    above: str
    block: Block


def blocks(page: Path) -> list[Block]:
    text = page.read_text()
    return [Block(page.stem, text.count("\n", 0, found.start()) + 2, found[1]) for found in BLOCK.finditer(text)]


def programs(page: Path) -> list[Program]:
    """A block that raises is seen by none of those below it."""
    above, found = "", []
    for block in blocks(page):
        found.append(Program(above, block))
        if block.promise() is None:
            above += block.definitions() + "\n\n"
    return found


def run(folder: Path, program: Program) -> subprocess.CompletedProcess[str]:
    (folder / "above.py").write_text(program.above)
    (folder / "block.py").write_text("from above import *\n" + program.block.text)
    environment = {
        **os.environ,
        "PYTHONPATH": ":".join([str(folder), str(ROOT), *sys.path]),
        "SEMATIC_HOME": str(folder / "home"),
        "SEMATIC_PROGRESS": "quiet",
    }
    command = [sys.executable, "block.py"]
    return subprocess.run(command, cwd=folder, env=environment, text=True, capture_output=True, timeout=120)


ALL = [program for page in PAGES for program in programs(page)]


@pytest.mark.parametrize("program", ALL, ids=lambda program: f"{program.block.page}:{program.block.line}")
def test_block(program: Program, tmp_path: Path) -> None:
    done = run(tmp_path, program)
    promise = program.block.promise()
    if promise is None:
        assert (done.returncode, done.stderr) == (0, "")
        return
    assert done.returncode == 1, "it raised nothing"
    assert f'block.py", line {promise.line + 1}, in' in done.stderr
    pattern = ".*".join(map(re.escape, promise.message.split("…")))
    assert re.search(rf"^([\w.]+\.)?{promise.name}: {pattern}", done.stderr, re.MULTILINE), done.stderr


def test_every_guide_has_code_that_runs() -> None:
    assert {program.block.page for program in ALL} >= {"functions", "resolvers", "testing", "types"}
