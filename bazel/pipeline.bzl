"""What a BUILD file, and a WORKSPACE, load. docs/bazel.md of the main repository describes it."""

load("//private:base_images.bzl", _base_images = "base_images")
load("//private:base_rules.bzl", _imported_base = "imported_base")
load("//private:pipeline.bzl", _sematic_pipeline = "sematic_pipeline")
load("//private:wheels.bzl", _wheel_index = "wheel_index")

base_images = _base_images
imported_base = _imported_base
sematic_pipeline = _sematic_pipeline
wheel_index = _wheel_index
