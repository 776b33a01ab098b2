"""Every mistake is found, with file and line, and nothing else is called one."""

from pathlib import Path

import pytest

from tools.packaging.tests.layer.testing import Built
from tools.packaging.tests.parity import mistakes_files, mistakes_functions, mistakes_imports, mistakes_values
from tools.packaging.tests.parity.images import Pipeline, judge

MISTAKES = {
    **mistakes_imports.MISTAKES,
    **mistakes_files.MISTAKES,
    **mistakes_functions.MISTAKES,
    **mistakes_values.MISTAKES,
}


def test_no_two_have_one_name() -> None:
    parts = (mistakes_imports, mistakes_files, mistakes_functions, mistakes_values)
    assert len(MISTAKES) == sum(len(part.MISTAKES) for part in parts) >= 80


@pytest.mark.parametrize(("pipeline", "sentence"), MISTAKES.values(), ids=MISTAKES)
def test_a_mistake(tmp_path: Path, sematic: Built, pipeline: Pipeline, sentence: str) -> None:
    verdict = judge(tmp_path, pipeline, sematic)
    assert verdict.code == 1, verdict.output
    assert sorted(verdict.places) == sorted(pipeline.marked()), verdict.output
    assert sentence in verdict.output
