"""For MODULE.bazel files."""

load("//private:base_extension.bzl", _base_images = "base_images")

base_images = _base_images
