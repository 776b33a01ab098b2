"""For WORKSPACE files."""

load("//private:base_images.bzl", _base_images = "base_images")

base_images = _base_images
