"""Counts what a run of .ci/run found: test cases from Bazel's own record of the run, cached results too, and linters.

    results.py EXIT_CODE_OF_BAZEL BUILD_EVENTS CHECKS

BUILD_EVENTS is Bazel's --build_event_json_file; CHECKS has a line "passed NAME" or "failed NAME" for each linter.
"""

from __future__ import annotations

import json
import sys
import urllib.parse
import urllib.request
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

Event = dict[str, Any]
NO_TESTS = 4  # Bazel's exit code when the build is fine and there is nothing to test.


@dataclass(frozen=True)
class Count:
    passed: int = 0
    failed: int = 0
    skipped: int = 0

    def __add__(self, other: Count) -> Count:
        return Count(self.passed + other.passed, self.failed + other.failed, self.skipped + other.skipped)

    def __str__(self) -> str:
        return f"{self.passed} passed, {self.failed} failed" + (f", {self.skipped} skipped" if self.skipped else "")


def of_cases(xml: str) -> Count:
    """The test cases of one test.xml."""
    count = Count()
    for case in ElementTree.fromstring(xml).iter("testcase"):
        kinds = {child.tag for child in case}
        if kinds & {"failure", "error"}:
            count += Count(failed=1)
        elif "skipped" in kinds:
            count += Count(skipped=1)
        else:
            count += Count(passed=1)
    return count


def of_result(result: Event) -> Count:
    """The test cases of one test program. One that fails without naming a case counts as a failed case."""
    count = Count()
    for output in result.get("testActionOutput", []):
        if output["name"] == "test.xml":
            count = of_cases(read(output["uri"]))
    succeeded = result["status"] in ("PASSED", "FLAKY")
    if not succeeded and not count.failed:
        count += Count(failed=1)
    return count


def read(uri: str) -> str:
    try:
        return Path(urllib.request.url2pathname(urllib.parse.urlparse(uri).path)).read_text(errors="replace")
    except OSError:
        return "<testsuites/>"


def of_run(events: Iterable[Event]) -> Count:
    """Every test target of the run: its programs' cases, the last attempt of each; a target that never ran failed."""
    results: dict[tuple[str, int, int], tuple[int, Count]] = {}
    targets = set()
    for event in events:
        name = event.get("id", {})
        if "testResult" in name and "testResult" in event:
            at = name["testResult"]
            program = (at["label"], at.get("run", 1), at.get("shard", 1))
            attempt = at.get("attempt", 1)
            if attempt >= results.get(program, (0, Count()))[0]:
                results[program] = (attempt, of_result(event["testResult"]))
        elif "targetConfigured" in name and event.get("configured", {}).get("testSize"):
            targets.add(name["targetConfigured"]["label"])
    ran = sum((count for _, count in results.values()), Count())
    return ran + Count(failed=len(targets - {label for label, _, _ in results}))


def of_checks(lines: Iterable[str]) -> Count:
    verdicts = [line.split(" ", 1)[0] for line in lines]
    return Count(verdicts.count("passed"), verdicts.count("failed"))


def events_in(path: Path) -> Iterator[Event]:
    if path.exists():
        for line in path.read_text().splitlines():
            yield json.loads(line)


def main(arguments: list[str]) -> int:
    bazel = int(arguments[0])
    tests = of_run(events_in(Path(arguments[1])))
    if bazel not in (0, NO_TESTS) and not tests.failed:
        tests += Count(failed=1)  # Bazel refused something that is no test: say so in the numbers too.
    lines = Path(arguments[2]).read_text().splitlines()
    checks = of_checks(lines)
    for line in lines:
        if line.startswith("failed "):
            print(line)
    print(f"tests: {tests}")
    print(f"linters: {checks}")
    print(tests + checks)
    return 1 if tests.failed or checks.failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
