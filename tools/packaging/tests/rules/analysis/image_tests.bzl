"""What images share, what they are told, and under which configuration they are built."""

load("@bazel_skylib//lib:unittest.bzl", "analysistest", "asserts")
load("@rules_sematic//private:providers.bzl", "ContentsInfo", "SematicImageInfo")

_MODE = "//command_line_option:compilation_mode"

def _wheel_blobs(image):
    """The layers of wheels, by the folder of the wheel's own package that they are in."""
    return sorted([
        file.path
        for file in image[SematicImageInfo].files.to_list()
        if file.basename == "blob.tar.gz" and file.owner.workspace_name != ""
    ])

def _shared_impl(ctx):
    env = analysistest.begin(ctx)
    mine = _wheel_blobs(analysistest.target_under_test(env))
    asserts.equals(env, ctx.attr.count, len(mine))
    for other in ctx.attr.others:
        asserts.equals(env, mine, _wheel_blobs(other), "the layers of wheels of %s" % other.label)
    return analysistest.end(env)

shared_layers_test = analysistest.make(
    _shared_impl,
    doc = "Images have the same files as layers of their wheels: each is made by one action.",
    attrs = {"count": attr.int(), "others": attr.label_list()},
)

def _folder_of_outputs(target):
    return target[SematicImageInfo].manifest.root.path

def _configuration_impl(ctx):
    env = analysistest.begin(ctx)
    found = _folder_of_outputs(analysistest.target_under_test(env))
    if ctx.attr.own:
        asserts.true(env, "-ST-" in found, "%s is no configuration of its own" % found)
        asserts.true(env, found != ctx.bin_dir.path, "%s is the build's own configuration" % found)
    else:
        asserts.equals(env, ctx.bin_dir.path, found)
    return analysistest.end(env)

configuration_test = analysistest.make(_configuration_impl, attrs = {"own": attr.bool()})

def _arguments_impl(ctx):
    env = analysistest.begin(ctx)
    for mnemonic, expected in ctx.attr.expected.items():
        found = [action.argv for action in analysistest.target_actions(env) if action.mnemonic == mnemonic]
        asserts.equals(env, 1, len(found), mnemonic)
        for word in expected:
            asserts.true(env, word in found[0], "%s has no %r among %s" % (mnemonic, word, found[0]))
    return analysistest.end(env)

arguments_test = analysistest.make(_arguments_impl, attrs = {"expected": attr.string_list_dict()})

def _contents_impl(ctx):
    env = analysistest.begin(ctx)
    contents = analysistest.target_under_test(env)[ContentsInfo]
    for name, value in ctx.attr.env.items():
        found = contents.env.get(name, "").replace("/%s" % ctx.workspace_name, "/WORKSPACE")
        asserts.equals(env, value, found, name)
    asserts.equals(env, ctx.attr.own, [layer.blob.dirname.split("/")[-1] for layer in contents.own])
    asserts.equals(env, ctx.attr.wheels, sorted([wheel.name for wheel in contents.wheels]))
    return analysistest.end(env)

_CONTENTS_ATTRS = {"env": attr.string_dict(), "own": attr.string_list(), "wheels": attr.string_list()}

contents_test = analysistest.make(_contents_impl, attrs = _CONTENTS_ATTRS)
contents_in_opt_test = analysistest.make(_contents_impl, attrs = _CONTENTS_ATTRS, config_settings = {_MODE: "opt"})
