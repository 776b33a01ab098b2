"""Tests that cannot be made, and what the report says of all of them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from image_tools.parity import parity
from image_tools.parity.findings import Mistake
from image_tools.parity.report import report
from tools.packaging.tests.layer.testing import Built
from tools.packaging.tests.parity.images import MAIN, PIPELINE, Pipeline, judge

PLAN = {
    "target": "//a:main",
    "main": "_main/a/main.py",
    "test_args": None,
    "env": {"PATH": "/bin"},
    "working_dir": "/app",
}


def refuse(folder: Path, capsys: pytest.CaptureFixture[str], content: str) -> str:
    (folder / "plan.json").write_text(content)
    assert parity.main(["--plan", str(folder / "plan.json"), "--runfiles", str(folder)]) == 2
    return capsys.readouterr().err


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("{", "plan.json is no plan of a test"),
        ("[1]", "plan.json is no plan of a test"),
        (json.dumps({**PLAN, "layers": ["nothing"]}), "nothing cannot be unpacked: [Errno 2]"),
        (json.dumps({**PLAN, "layers": ["plan.json"]}), "plan.json cannot be unpacked: Not a gzipped file"),
        (json.dumps({**PLAN, "layers": []}), "The image has no /app/src/_main/a/main.py: is it the image of //a:main?"),
    ],
)
def test_a_plan_that_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], content: str, sentence: str
) -> None:
    assert sentence in refuse(tmp_path, capsys, content)


def test_a_plan_that_is_not_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert parity.main(["--plan", str(tmp_path / "none")]) == 2
    assert "none cannot be read: No such file or directory" in capsys.readouterr().err


def test_an_image_without_sematic(tmp_path: Path) -> None:
    verdict = judge(tmp_path, Pipeline({"fit/main.py": MAIN, "fit/pipeline.py": PIPELINE}), None)
    assert verdict.code == 1
    assert verdict.places == [("fit/main.py", 1)]
    assert 'Add requirement("sematic") to deps' in verdict.output


def test_an_image_whose_sematic_is_too_old(tmp_path: Path) -> None:
    old = Pipeline({"fit/main.py": MAIN, "fit/pipeline.py": PIPELINE}, wheels={"sematic/__init__.py": ""})
    verdict = judge(tmp_path, old, None)
    assert verdict.code == 1
    assert "No module named 'sematic.parity'" in verdict.output


def test_a_mistake_is_a_block() -> None:
    mistake = Mistake("a/b.py", 3, "ValueError: one\ntwo", "It " + "fails " * 30, "", "ValueError")
    block = report([mistake])
    assert block.startswith("1. a/b.py:3: ValueError: one\n   two\n   It fails")
    assert max(map(len, block.splitlines())) <= 110
    assert block.endswith("\n\n")


def test_output_of_the_program_is_shown(tmp_path: Path, sematic: Built) -> None:
    files = {"fit/main.py": MAIN + "    print('hello from main')\n", "fit/pipeline.py": PIPELINE}
    assert "hello from main" in judge(tmp_path, Pipeline(files), sematic).output
