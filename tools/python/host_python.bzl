"""The Python that programs run with here: 3.11 or newer, found on this machine."""

_TOO_OLD = "Sematic needs Python 3.11 or newer and found none: install one, or set SEMATIC_PYTHON to its path."
_ASK = "import sys; print(sys.executable if sys.version_info >= (3, 11) else '')"

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

def _interpreter(ctx):
    chosen = ctx.os.environ.get("SEMATIC_PYTHON")
    if chosen:
        return chosen
    for name in ["python3.11", "python3.12", "python3.13", "python3.14", "python3"]:
        found = ctx.which(name)
        asked = ctx.execute([found, "-c", _ASK]) if found else None
        if asked and asked.return_code == 0 and asked.stdout.strip():
            return asked.stdout.strip()  # What a version manager's shim stands for.
    fail(_TOO_OLD)

def _host_python_impl(ctx):
    path = _interpreter(ctx)
    ctx.symlink(path, "python3")
    ctx.file("BUILD", _BUILD.format(path = path))

host_python = repository_rule(
    implementation = _host_python_impl,
    # Not PATH: it differs between an editor and a shell, and a new answer here fetches every wheel again.
    environ = ["SEMATIC_PYTHON"],
    local = True,
)
