"""docs/bazel.md says what the rule set says: in its reference, its tables of variables, and its table of errors."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tools.docs.bazel_md import BEGIN, END, reference, spliced

WORKSPACE = Path(__file__).parents[3]
RULE_SET = next(WORKSPACE.parent.glob("rules_sematic*"))
PAGE = WORKSPACE.joinpath("docs/bazel.md").read_text()

_ROW = re.compile(r"^\| `(.*?)` \| ", re.MULTILINE)
_VARIABLE = re.compile(
    r"""\benviron(?:ment)?\.get\("(\w+)"|\benviron\["(\w+)"\]|"(SEMATIC_[A-Z_]+)"|\b(SEMATIC_\w+)="""
)
_PLACEHOLDER = re.compile(r"%[rsd]|\{[^}]*\}")


def sources() -> list[Path]:
    found = [*RULE_SET.glob("*.bzl"), *RULE_SET.glob("private/*.bzl"), *RULE_SET.glob("tools/**/*.py")]
    return [*found, *RULE_SET.glob("tools/**/*.tpl")]


def texts(tree: ast.AST) -> Iterator[str]:
    """The strings of a source; what is put into one stands as `…`."""
    for node in ast.walk(tree):
        text = joined(node)
        if text is not None:
            yield _PLACEHOLDER.sub("…", text)


def joined(node: ast.AST) -> str | None:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        return "".join(part.value if isinstance(part, ast.Constant) else "…" for part in node.values)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        left, right = joined(node.left), joined(node.right)
        return None if left is None and right is None else (left or "…") + (right or "…")
    return None


def errors() -> list[str]:
    section = PAGE.partition("## What fails, and what to do")[2].partition("\n## ")[0]
    return _ROW.findall(section)


@pytest.fixture(scope="module")
def said() -> str:
    """Every string of the rule set, one a line."""
    found = [text for path in sources() if path.suffix != ".tpl" for text in texts(ast.parse(path.read_text()))]
    return "\n".join([*found, *(path.read_text() for path in sources() if path.suffix == ".tpl")])


def test_the_reference_is_current() -> None:
    assert spliced(PAGE, reference(RULE_SET)) == PAGE, "run ./bazelw run //tools/docs:bazel_md"


@pytest.mark.parametrize("page", ["", BEGIN, END])
def test_a_page_without_marks_is_left_alone(page: str) -> None:
    with pytest.raises(ValueError, match="lacks one of the lines"):
        spliced(page, "text")


def test_every_variable_is_told() -> None:
    found = {name for path in sources() for names in _VARIABLE.findall(path.read_text()) for name in names if name}
    assert {"SEMATIC_BASE_IMAGE", "SEMATIC_CONTAINER_IMAGE", "DOCKER_CONFIG"} <= found
    found.discard("HOME")
    assert sorted(name for name in found if f"`{name}`" not in PAGE and f"`${name}`" not in PAGE) == []


def test_there_is_a_table_of_errors() -> None:
    assert len(errors()) > 25


@pytest.mark.parametrize("sentence", errors())
def test_every_error_is_one_that_the_rules_have(said: str, sentence: str) -> None:
    pattern = ".{0,80}?".join(map(re.escape, sentence.split("…")))
    assert re.search(pattern, said), f"nothing says {sentence!r}"
