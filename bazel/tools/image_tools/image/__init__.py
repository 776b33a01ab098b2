"""Manifests and configurations of container images, from layers that were built."""
