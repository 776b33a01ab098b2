"""Writes the reference part of docs/bazel.md from what the rule set says about itself.

./bazelw run //tools/docs:bazel_md
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

from tools.docs import starlark
from tools.docs.starlark import Argument, Flag, Module, Symbol

BEGIN = "<!-- From here on ./bazelw run //tools/docs:bazel_md writes: change the .bzl files instead. -->"
END = "<!-- To here. -->"
_FILES = ("pipeline.bzl", "repositories.bzl", "extensions.bzl")
_FOR = {
    "pipeline.bzl": "BUILD files, and WORKSPACE for `base_images`",
    "repositories.bzl": "WORKSPACE files",
    "extensions.bzl": "MODULE.bazel files",
}


def reference(rule_set: Path) -> str:
    """All public symbols and flags of the rule set, as Markdown."""
    offered = {file: Module(rule_set / file, rule_set).public() for file in _FILES}
    symbols = sorted({symbol for found in offered.values() for symbol in found}, key=_first_things_first)
    return "\n".join(
        [
            *_files(offered),
            *(line for symbol in symbols for line in _section(symbol)),
            *_flags(starlark.flags(rule_set / "BUILD")),
        ]
    )


def spliced(page: str, generated: str) -> str:
    """The page with the part between the two marks replaced."""
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise ValueError(f"docs/bazel.md lacks one of the lines {BEGIN!r} and {END!r}: put it back.")
    return f"{before}{BEGIN}\n\n{generated}\n{END}{after}"


def main() -> int:
    """Rewrites the page in the workspace that Bazel runs this for."""
    workspace = os.environ.get("BUILD_WORKSPACE_DIRECTORY")
    if not workspace:
        print("bazel_md: run it as ./bazelw run //tools/docs:bazel_md, which says where the page is.", file=sys.stderr)
        return 2
    page = Path(workspace) / "docs" / "bazel.md"
    page.write_text(spliced(page.read_text(), reference(Path(workspace) / "bazel")))
    print(f"wrote {page}")
    return 0


def _first_things_first(symbol: Symbol) -> tuple[bool, str, str]:
    return symbol.name != "sematic_pipeline", symbol.name, symbol.kind


def _files(offered: dict[str, list[Symbol]]) -> Iterator[str]:
    yield from ("| load from | for | what |", "|-|-|-|")
    for file, symbols in offered.items():
        names = ", ".join(f"`{symbol.name}`" for symbol in symbols)
        yield f"| `@rules_sematic//:{file}` | {_FOR[file]} | {names} |"
    yield ""


def _section(symbol: Symbol) -> Iterator[str]:
    yield f"### {symbol.name}{' (MODULE.bazel)' if symbol.kind == 'extension' else ''}\n"
    yield symbol.doc + "\n"
    yield from _table("argument", symbol.arguments)
    for tag in symbol.tags:
        yield f"`{symbol.name}.{tag.name}(…)`: {tag.doc}\n"
        yield from _table("argument", tag.arguments)


def _table(heading: str, arguments: Iterable[Argument]) -> Iterator[str]:
    rows = [f"| `{argument.name}` | {_default(argument)} | {_cell(argument.doc)} |" for argument in arguments]
    if rows:
        yield from (f"| {heading} | default | |", "|-|-|-|", *rows, "")


def _default(argument: Argument) -> str:
    if argument.default is None:
        return "must be given"
    return f"`{argument.default}`" if argument.default else ""


def _cell(text: str) -> str:
    word = text.split()[0]
    sentence = text[0].upper() + text[1:] if word.isalpha() else text
    return sentence.replace("|", "\\|").replace("\n", " ")


def _flags(found: Iterable[Flag]) -> Iterator[str]:
    yield "### Flags\n"
    yield from ("| flag | |", "|-|-|")
    for flag in found:
        value = "LABEL" if flag.kind == "label_flag" else "VALUE"
        yield f"| `--@rules_sematic//:{flag.name}={value}` | {_cell(flag.doc)} |"
    yield ""


if __name__ == "__main__":
    sys.exit(main())
