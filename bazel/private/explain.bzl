"""The target that says what is in an image, and why."""

load(":providers.bzl", "SematicImageInfo")
load(":tool.bzl", "RUN_TEMPLATE", "place", "tool_runner")

def _image_explain_impl(ctx):
    image = ctx.attr.image[SematicImageInfo]
    words = ["explain", "--image", place(ctx, image.description), "--runfiles", '"$runfiles"']
    runfiles = ctx.runfiles(transitive_files = image.files).merge(ctx.attr._image[DefaultInfo].default_runfiles)
    return [DefaultInfo(executable = tool_runner(ctx, ctx.attr._image, words), runfiles = runfiles)]

image_explain = rule(
    doc = "Prints an image's layers as a table; `--why path/in/image` says which layer has a path.",
    implementation = _image_explain_impl,
    executable = True,
    attrs = {
        "image": attr.label(doc = "The image.", providers = [SematicImageInfo], mandatory = True),
        "_image": attr.label(default = Label("//tools/image_tools/image"), executable = True, cfg = "target"),
    } | RUN_TEMPLATE,
)
