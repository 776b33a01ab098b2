"""The one place that names the locked Python packages, in both dependency modes."""

load("@pypi//:requirements.bzl", _requirement = "requirement", _whl_requirement = "whl_requirement")

requirement = _requirement
whl_requirement = _whl_requirement
