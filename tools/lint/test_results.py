"""The closing line of .ci/run counts what really happened."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tools.lint import results
from tools.lint.results import Count

GREEN = '<testsuites><testsuite><testcase name="a"/><testcase name="b"><skipped/></testcase></testsuite></testsuites>'
RED = '<testsuite><testcase name="a"><failure/></testcase><testcase name="b"><error/></testcase></testsuite>'


def result(folder: Path, label: str, xml: str | None, status: str = "PASSED", attempt: int = 1) -> results.Event:
    outputs = []
    if xml is not None:
        path = folder / f"{label.replace('/', '_')} {attempt}.xml"
        path.write_text(xml)
        outputs = [{"name": "test.xml", "uri": path.as_uri()}]
    return {
        "id": {"testResult": {"label": label, "run": 1, "shard": 1, "attempt": attempt}},
        "testResult": {"status": status, "testActionOutput": outputs},
    }


def configured(label: str) -> results.Event:
    return {"id": {"targetConfigured": {"label": label}}, "configured": {"testSize": "SMALL"}}


def test_cases_are_counted_by_outcome() -> None:
    assert results.of_cases(GREEN) == Count(passed=1, skipped=1)
    assert results.of_cases(RED) == Count(failed=2)


def test_every_program_counts(tmp_path: Path) -> None:
    events = [result(tmp_path, "//a:a", GREEN), result(tmp_path, "//b:b", RED, "FAILED")]
    assert results.of_run(events) == Count(passed=1, failed=2, skipped=1)


def test_of_several_attempts_the_last_counts(tmp_path: Path) -> None:
    events = [result(tmp_path, "//a:a", RED, "FAILED"), result(tmp_path, "//a:a", GREEN, attempt=2)]
    assert results.of_run(events) == Count(passed=1, skipped=1)


@pytest.mark.parametrize("xml", [None, GREEN])
def test_a_program_that_dies_without_a_failed_case_is_a_failure(tmp_path: Path, xml: str | None) -> None:
    assert results.of_run([result(tmp_path, "//a:a", xml, "TIMEOUT")]).failed == 1


def test_a_target_that_never_ran_is_a_failure() -> None:
    assert results.of_run([configured("//a:a")]) == Count(failed=1)


@pytest.mark.parametrize(
    ("bazel", "xml", "checks", "code", "last"),
    [
        (0, GREEN, "passed ruff\n", 0, "2 passed, 0 failed, 1 skipped"),
        (0, GREEN, "passed ruff\nfailed mypy\n", 1, "2 passed, 1 failed, 1 skipped"),
        (1, GREEN, "passed ruff\n", 1, "2 passed, 1 failed, 1 skipped"),
        (3, RED, "passed ruff\n", 1, "1 passed, 2 failed"),
    ],
)
def test_the_last_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], bazel: int, xml: str, checks: str, code: int, last: str
) -> None:
    status = "PASSED" if xml == GREEN else "FAILED"
    (tmp_path / "events").write_text(json.dumps(result(tmp_path, "//a:a", xml, status)) + "\n")
    (tmp_path / "checks").write_text(checks)
    assert results.main([str(bazel), str(tmp_path / "events"), str(tmp_path / "checks")]) == code
    assert capsys.readouterr().out.splitlines()[-1] == last
