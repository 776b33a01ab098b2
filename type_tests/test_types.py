"""What type checkers say of Sematic's surface: everything in accepted/ is fine, and in refused/ each line marked
``# error`` is an error, and no other.

Needs mypy and pyright beside pytest: `python -m pytest type_tests` with the linters' environment.
"""

import importlib
import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

HERE = Path(__file__).parent
ROOT = HERE.parent
MARK = re.compile(r"#\s*error\b")
ACCEPTED = sorted(HERE.glob("accepted/*.py"))
REFUSED = sorted(HERE.glob("refused/*.py"))

Place = tuple[str, int]
Errors = dict[Place, str]


def mypy() -> Errors:
    options = ["--strict", "--follow-imports=silent", "--no-error-summary", "--show-absolute-path", "--no-pretty"]
    options += ["--config-file=", "--explicit-package-bases", "--python-version=3.11"]
    output = run("mypy", *options, *files())
    found = re.findall(r"^(.+?):(\d+): error: (.*)$", output, re.MULTILINE)
    if not found:
        raise AssertionError(f"mypy found no error at all, and says: {output}")
    return {(relative(path), int(line)): message for path, line, message in found}


def pyright() -> Errors:
    output = run("pyright", "--outputjson", "--pythonpath", sys.executable, "--pythonversion=3.11", *files())
    found = json.loads(output[output.index("{") :])["generalDiagnostics"]
    return {
        (relative(each["file"]), each["range"]["start"]["line"] + 1): each["message"]
        for each in found
        if each["severity"] == "error"
    }


CHECKERS: dict[str, Callable[[], Errors]] = {"mypy": mypy, "pyright": pyright}


def run(checker: str, *arguments: str) -> str:
    command = [sys.executable, "-m", checker, *arguments]
    done = subprocess.run(command, cwd=ROOT, text=True, capture_output=True, timeout=300)
    assert done.returncode in (0, 1), f"{checker} did not run: {done.stdout}{done.stderr}"
    assert "No module named" not in done.stderr, f"{checker} is not installed beside {sys.executable}"
    return done.stdout


def files() -> list[str]:
    return [str(path) for path in (HERE / "functions.py", *ACCEPTED, *REFUSED)]


def relative(path: str) -> str:
    return str(Path(path).relative_to(HERE))


@pytest.fixture(scope="module", params=CHECKERS)
def errors(request: pytest.FixtureRequest) -> Errors:
    return CHECKERS[request.param]()


def marked() -> set[Place]:
    return {
        (relative(str(path)), number)
        for path in REFUSED
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if MARK.search(line)
    }


def test_everything_accepted_is_fine(errors: Errors) -> None:
    assert {place: message for place, message in errors.items() if not place[0].startswith("refused/")} == {}


def test_just_the_marked_lines_are_errors(errors: Errors) -> None:
    refused = {place: message for place, message in errors.items() if place[0].startswith("refused/")}
    assert {place: message for place, message in refused.items() if place not in marked()} == {}
    assert sorted(marked() - refused.keys()) == [], "marked as errors, but the checker has no objection"


def test_there_is_something_to_check() -> None:
    assert len(marked()) > 30
    assert sum(path.read_text().count("assert_type(") for path in ACCEPTED) > 30


@pytest.mark.parametrize("path", ACCEPTED, ids=lambda path: path.stem)
def test_it_works_at_run_time_too(path: Path) -> None:
    importlib.import_module(f"type_tests.accepted.{path.stem}")
