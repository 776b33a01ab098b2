"""What the user reads."""

from __future__ import annotations

import shlex
import textwrap
from collections.abc import Iterable
from typing import Any

from image_tools.parity.findings import Mistake
from image_tools.parity.plan import Plan

_WIDTH = 110


def report(mistakes: Iterable[Mistake]) -> str:
    """A block for each mistake."""
    return "".join(_block(number, mistake) for number, mistake in enumerate(mistakes, 1))


def summary(plan: Plan, journal: list[dict[str, Any]], mistakes: int) -> str:
    """One line: how many mistakes, and what was looked at."""
    count = f"{mistakes} mistake{'' if mistakes == 1 else 's'}"
    return f"{count} in {plan.target}: {'; '.join([*_checked(journal), *_ran(plan, journal), *_programs(journal)])}."


def _block(number: int, mistake: Mistake) -> str:
    head, *rest = mistake.what.splitlines()
    lines = [f"{number}. {mistake.file}:{mistake.line}: {head}", *(f"   {line}" for line in rest)]
    for text in (mistake.why, mistake.fix):
        lines += textwrap.wrap(text, _WIDTH, initial_indent="   ", subsequent_indent="   ", break_long_words=False)
    return "\n".join(lines) + "\n\n"


def _checked(journal: list[dict[str, Any]]) -> list[str]:
    modules = max((line["users"] for line in journal if line["kind"] == "modules"), default=0)
    checked = next((line for line in journal if line["kind"] == "checked"), None)
    found = [f"{modules} modules of your own were imported as a worker imports them"]
    if checked:
        found.append(f"{checked['functions']} functions and {checked['types']} types can be found by path")
    return found


def _ran(plan: Plan, journal: list[dict[str, Any]]) -> list[str]:
    if plan.args is None:
        return ["main.py was not run, for the target has no test_args: only static checks"]
    ran = next((line for line in journal if line["kind"] == "ran"), {"runs": 0, "values": 0})
    with_arguments = f" with {shlex.join(plan.args)}" if plan.args else ""
    again = sum(line["calls"] for line in journal if line["kind"] == "replayed")
    return [
        f"main.py ran{with_arguments}: {ran['runs']} runs, {ran['values']} values stored and read back, "
        f"{again} functions called again in processes of their own"
    ]


def _programs(journal: list[dict[str, Any]]) -> list[str]:
    names = sorted({line["name"] for line in journal if line["kind"] == "program"})
    return [f"not checked: whether the base image has {', '.join(names)}"] if names else []
