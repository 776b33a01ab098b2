"""host_python as MODULE.bazel needs it."""

load(":host_python.bzl", _host_python = "host_python")

def _host_python_impl(_ctx):
    _host_python(name = "host_python")

host_python = module_extension(implementation = _host_python_impl)
