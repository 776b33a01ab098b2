"""`pytest_test`: a py_test whose sources pytest collects."""

load("@rules_python//python:defs.bzl", "py_test")
load("//third_party:requirements.bzl", "requirement")

_RUNNER = Label("//tools/python:pytest_runner.py")

def pytest_test(name, srcs, deps = [], data = [], args = [], **kwargs):
    """Runs pytest on `srcs`.

    Args:
      name: the target's name.
      srcs: test files. Helpers that are no tests (conftest.py too) belong here as well: pytest collects only
        test_*.py and *_test.py.
      deps: libraries; pytest itself is added.
      data: files that the tests read at run time.
      args: further arguments of pytest, such as ["-k", "not slow"].
      **kwargs: anything else that py_test takes (size, tags, env, flaky, shard_count, ...).
    """
    tests = [src for src in srcs if _is_test(src)]
    if not tests:
        fail("pytest_test %s: none of its srcs is named test_*.py or *_test.py" % name)
    pytest = requirement("pytest")
    py_test(
        name = name,
        srcs = srcs + [_RUNNER],
        main = _RUNNER,
        args = ["$(rootpath %s)" % test for test in tests] + args,
        data = data + tests,
        deps = deps + ([] if pytest in deps else [pytest]),
        **kwargs
    )

def _is_test(src):
    file = src.split("/")[-1].split(":")[-1]
    return file.endswith("_test.py") or (file.startswith("test_") and file.endswith(".py"))
