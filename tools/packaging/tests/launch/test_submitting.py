"""A program that submits, as sematic does it, beside a push as the launcher starts it: both ends of the state file."""

from __future__ import annotations

import sys

import pytest

from tools.packaging.tests.launch.built import LABEL, Built
from tools.packaging.tests.registry.scripted import Registry, answer

SUBMIT = """
import sys
from sematic.errors import NoImage
from sematic.resolvers.push import wait_for_push
try:
    wait_for_push()
    print("pushed")
except NoImage as error:
    print(error)
"""


@pytest.fixture
def submitting(built: Built) -> Built:
    built.environment["PYTHONPATH"] = ":".join(folder for folder in sys.path if folder)
    return built.python(SUBMIT)


def test_push_that_succeeds(submitting: Built) -> None:
    assert submitting.build().run().stdout == "pushed\n"


def test_push_that_fails(submitting: Built, registry: Registry) -> None:
    registry.fault("", answer(403, "not you"), times=1000)
    said = submitting.build().run().stdout
    assert said.startswith(f"the image of this program was not pushed: {registry.host}/team/app (manifest sha256:")
    assert said.endswith(f"who may do this. Nothing was submitted. Start `bazel run {LABEL}` again\n")
    assert said.count("not pushed") == 1


def test_push_that_could_not_start(submitting: Built) -> None:
    submitting.environment["XDG_CACHE_HOME"] = "/dev/null/nowhere"
    ran = submitting.build().run()
    assert ran.stdout.startswith("the image of this program was not pushed: it was not started, see what was said")
    assert ran.stderr.startswith(f"{LABEL}: /dev/null/nowhere/sematic/push/")
