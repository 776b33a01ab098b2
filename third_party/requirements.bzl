"""The one place that names the locked Python packages, in both dependency modes."""

load("@pypi//:requirements.bzl", _requirement = "requirement")

requirement = _requirement
