"""What the names that a pipeline was given may be."""

load("@bazel_skylib//lib:unittest.bzl", "asserts", "unittest")
load("@rules_sematic//private:names.bzl", "bases_problem", "names_problem", "target_names")

def _bases_impl(ctx):
    env = unittest.begin(ctx)
    asserts.equals(env, None, bases_problem(None, {}))
    asserts.equals(env, None, bases_problem("//a", {"gpu": "//b", "cuda-12.4_x": "//c"}))
    asserts.equals(env, None, bases_problem(None, {"default": "//b"}))
    asserts.equals(
        env,
        "base and bases[\"default\"] name the same thing twice: leave one out.",
        bases_problem("//a", {"default": "//b"}),
    )
    for tag in ("", "a b", "a/b", "a:b", "a=b", "-a", ".a"):
        asserts.equals(
            env,
            "%r in bases is no tag: letters, digits, '_', and after the first also '-' and '.'." % tag,
            bases_problem(None, {tag: "//b"}),
        )
    return unittest.end(env)

_bases_test = unittest.make(_bases_impl)

def _names_impl(ctx):
    env = unittest.begin(ctx)
    asserts.equals(env, None, names_problem("main", ["default", "gpu"], {"main_lib": "py_library"}))
    for target in target_names("main", ["default", "gpu"]):
        asserts.equals(
            env,
            ("it makes a target %s, and this package has one already (genrule): give one of the two another name." %
             target),
            names_problem("main", ["default", "gpu"], {target: "genrule"}),
        )
    asserts.equals(
        env,
        "two of its targets would be called main_image_explain: give the base in bases another tag.",
        names_problem("main", ["default", "explain"], {}),
    )
    return unittest.end(env)

_names_test = unittest.make(_names_impl)

def names_tests(name):
    """Tests of names.bzl.

    Args:
      name: of the suite.
    """
    unittest.suite(name, _bases_test, _names_test)
