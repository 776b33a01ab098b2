"""The Python 3.11 of this machine as Bazel's Python: nothing is downloaded for it.

rules_python's python_register_toolchains, which downloads one, does as well.
"""

_BUILD = """
load("@rules_python//python:defs.bzl", "py_runtime", "py_runtime_pair")

package(default_visibility = ["//visibility:public"])

exports_files(["python3"])

py_runtime(
    name = "runtime",
    interpreter_path = "{path}",
    python_version = "PY3",
)

py_runtime_pair(
    name = "pair",
    py3_runtime = ":runtime",
)

toolchain(
    name = "toolchain",
    toolchain = ":pair",
    toolchain_type = "@bazel_tools//tools/python:toolchain_type",
)
"""

def _machine_python_impl(ctx):
    chosen = ctx.os.environ.get("SEMATIC_PYTHON") or ctx.which("python3.11")
    if not chosen:
        fail("There is no python3.11 on PATH: install one, or set SEMATIC_PYTHON to its path.")
    asked = ctx.execute([chosen, "-c", "import sys; print(sys.executable)"])  # A version manager's shim is no Python.
    path = asked.stdout.strip() if asked.return_code == 0 else str(chosen)
    ctx.symlink(path, "python3")
    ctx.file("BUILD", _BUILD.format(path = path))

machine_python = repository_rule(
    implementation = _machine_python_impl,
    environ = ["SEMATIC_PYTHON"],
    local = True,
)

def _python_impl(_ctx):
    machine_python(name = "machine_python")

python = module_extension(implementation = _python_impl)
