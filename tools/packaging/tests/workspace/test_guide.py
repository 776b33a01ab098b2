"""What the guide shows is what the example workspace, which is built and run, has."""

from __future__ import annotations

import re

import pytest

from tools.packaging.tests.workspace.nested import ROOT, checkout

GUIDE = ROOT / "docs/guide/workspace.md"
SHOWN = re.compile(r"^```(?:starlark|python) ?\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def blocks() -> list[str]:
    return SHOWN.findall(GUIDE.read_text())


@pytest.mark.parametrize("block", blocks(), ids=lambda block: block.strip().splitlines()[0])
def test_block_is_in_a_file(block: str) -> None:
    example = checkout() / "examples/workspace"
    files = [path.read_text() for path in example.rglob("*") if path.suffix in ("", ".bazel", ".py") and path.is_file()]
    parts = [part.strip("\n") for part in re.split(r"^# …$", block, flags=re.MULTILINE)]
    assert any(all(part in text for part in parts) for text in files), block


def test_there_are_some() -> None:
    assert len(blocks()) >= 4
