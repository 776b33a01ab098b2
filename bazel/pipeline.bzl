"""What a BUILD file, and a WORKSPACE, load. docs/bazel.md of the main repository describes it."""

load("//private:pipeline.bzl", _sematic_pipeline = "sematic_pipeline")
load("//private:wheels.bzl", _wheel_index = "wheel_index")

sematic_pipeline = _sematic_pipeline
wheel_index = _wheel_index
