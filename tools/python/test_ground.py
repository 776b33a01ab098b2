"""What every test of this repository may rely on: the Python, the locked packages, a home of its own."""

import os
import site
import sys
from pathlib import Path

import cloudpickle
import numpy as np


def test_python_is_new_enough() -> None:
    assert sys.version_info >= (3, 11)


def test_user_packages_stay_out() -> None:
    assert not site.ENABLE_USER_SITE


def test_packages_come_from_the_lock() -> None:
    for package in (np, cloudpickle):
        assert package.__file__ is not None
        assert "pypi" in package.__file__
    assert cloudpickle.loads(cloudpickle.dumps(lambda: np.arange(3).sum()))() == 3


def test_home_is_the_tests_own() -> None:
    scratch = Path(os.environ["TEST_TMPDIR"])
    for name in ("HOME", "TMPDIR", "SEMATIC_HOME"):
        assert scratch in Path(os.environ[name]).parents
