"""Layers of container images: the same bytes from the same files, on every machine."""
