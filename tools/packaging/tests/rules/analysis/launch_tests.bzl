"""What the targets that push and run are made of: push.json, and the launcher."""

load("@bazel_skylib//lib:unittest.bzl", "analysistest", "asserts")

_MODE = "//command_line_option:compilation_mode"
_REGISTRY = str(Label("@rules_sematic//:registry"))

def _push_json(env):
    for action in analysistest.target_actions(env):
        if action.mnemonic == "FileWrite" and action.outputs.to_list()[0].basename.endswith(".push.json"):
            return json.decode(action.content)
    return {}

def _pushed(plan):
    return ["%s=%s (%s)" % (image["tag"], image["image"].partition("/")[2], ",".join(image["names"])) for image in plan["images"]]

def _push_impl(ctx):
    env = analysistest.begin(ctx)
    plan = _push_json(env)
    for field in ("insecure", "registry", "repository", "target"):
        asserts.equals(env, getattr(ctx.attr, field), plan[field], field)
    asserts.equals(env, ctx.attr.images, _pushed(plan))
    return analysistest.end(env)

_PUSH_ATTRS = {
    "images": attr.string_list(),
    "insecure": attr.string(),
    "registry": attr.string(),
    "repository": attr.string(),
    "target": attr.string(),
}

push_test = analysistest.make(_push_impl, attrs = _PUSH_ATTRS)
push_in_opt_test = analysistest.make(_push_impl, attrs = _PUSH_ATTRS, config_settings = {_MODE: "opt"})
push_to_flag_test = analysistest.make(
    _push_impl,
    attrs = _PUSH_ATTRS,
    config_settings = {_REGISTRY: "flag.example:5000/folder/"},
)

def _launcher_impl(ctx):
    env = analysistest.begin(ctx)
    substitutions = [
        action.substitutions
        for action in analysistest.target_actions(env)
        if action.mnemonic == "TemplateExpand"
    ][0]
    workspace = ctx.workspace_name + "/"
    for name, expected in ctx.attr.words.items():
        asserts.equals(env, expected, substitutions["@%s@" % name].replace(workspace, ""), name)
    return analysistest.end(env)

launcher_test = analysistest.make(_launcher_impl, attrs = {"words": attr.string_dict()})

def _environment_impl(ctx):
    env = analysistest.begin(ctx)
    found = analysistest.target_under_test(env)[RunEnvironmentInfo].environment
    asserts.equals(env, ctx.attr.expected, found)
    return analysistest.end(env)

environment_test = analysistest.make(_environment_impl, attrs = {"expected": attr.string_dict()})

def _refusal_impl(ctx):
    env = analysistest.begin(ctx)
    asserts.expect_failure(env, ctx.attr.sentence)
    return analysistest.end(env)

refusal_test = analysistest.make(_refusal_impl, attrs = {"sentence": attr.string()}, expect_failure = True)

refusal_of_flag_test = analysistest.make(
    _refusal_impl,
    attrs = {"sentence": attr.string()},
    config_settings = {_REGISTRY: "https://flag.example"},
    expect_failure = True,
)
