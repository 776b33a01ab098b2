"""Registries for the tests of base images."""

from tools.packaging.tests.registry.conftest import other, pusher, registry

__all__ = ["other", "pusher", "registry"]
