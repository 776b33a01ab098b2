"""What sematic_pipeline makes of its arguments when a BUILD file is read, and that it leaves them as they are."""

load("@bazel_skylib//lib:unittest.bzl", "asserts", "unittest")
load("@rules_sematic//:pipeline.bzl", "sematic_pipeline")

_SHOWN = ["tags", "testonly", "visibility", "target_compatible_with", "exec_properties"]

def _same_impl(ctx):
    env = unittest.begin(ctx)
    asserts.equals(env, "\n".join(ctx.attr.expected), "\n".join(ctx.attr.found))
    return unittest.end(env)

_same_test = unittest.make(
    _same_impl,
    attrs = {"expected": attr.string_list(), "found": attr.string_list()},
)

def _text(value):
    """An attribute's value, without the tag that rules_python marks its targets with."""
    if type(value) not in ("list", "tuple"):
        return str(value)
    return ",".join([str(word).lstrip("@") for word in value if not str(word).startswith("__")])

def _shown(rule):
    texts = {name: _text(rule[name]) for name in _SHOWN if rule.get(name)}
    return " ".join([rule["kind"]] + ["%s=%s" % (name, text) for name, text in texts.items() if text])

def _made(before):
    return sorted([
        "%s: %s" % (name, _shown(rule))
        for name, rule in native.existing_rules().items()
        if name not in before
    ])

def makes_test(name, expected, pipeline):
    """Checks which targets sematic_pipeline makes.

    Args:
      name: of the test.
      expected: a line for each target: its name, the kind of its rule, and the attributes that all targets have.
      pipeline: arguments of sematic_pipeline.
    """
    before = native.existing_rules().keys()
    sematic_pipeline(**pipeline)
    _same_test(name = name, expected = expected, found = _made(before))

def leaves_arguments_test(name, pipeline):
    """Checks that sematic_pipeline changes none of its arguments.

    Args:
      name: of the test.
      pipeline: arguments of sematic_pipeline.
    """
    before = repr(pipeline)
    sematic_pipeline(**pipeline)
    _same_test(name = name, expected = [before], found = [repr(pipeline)])
