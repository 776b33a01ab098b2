"""Rules that give tests what they read of an image, also of one that was built under another configuration."""

load("@rules_sematic//private:providers.bzl", "SematicImageInfo")

def _image_files_impl(ctx):
    image = ctx.attr.image[SematicImageInfo]
    return [DefaultInfo(
        files = depset([image.description]),
        runfiles = ctx.runfiles(transitive_files = image.files),
    )]

image_files = rule(
    doc = "The description of an image; with it, as runfiles, all files that it names.",
    implementation = _image_files_impl,
    attrs = {"image": attr.label(doc = "The image.", mandatory = True, providers = [SematicImageInfo])},
)

_MODE = "//command_line_option:compilation_mode"
_INDEX = str(Label("@rules_sematic//:wheel_index"))

def _configured_impl(settings, attributes):
    return {
        _INDEX: attributes.wheel_index or settings[_INDEX],
        _MODE: attributes.compilation_mode or settings[_MODE],
    }

_configured = transition(
    implementation = _configured_impl,
    inputs = [_INDEX, _MODE],
    outputs = [_INDEX, _MODE],
)

def _summary_impl(ctx):
    image = ctx.attr.image[0][SematicImageInfo]
    digest = ctx.actions.declare_file(ctx.label.name + ".digest")
    ctx.actions.symlink(output = digest, target_file = image.digest)
    metadata = [file for file in image.files.to_list() if file.basename == "metadata.json"]
    listed = ctx.actions.declare_file(ctx.label.name + ".metadata")
    ctx.actions.run_shell(
        inputs = metadata,
        outputs = [listed],
        command = 'out=$1; shift; for file; do tr -d "\\n" <"$file"; echo; done >"$out"',
        arguments = [listed.path] + [file.path for file in metadata],
    )
    return [DefaultInfo(files = depset([digest, listed]))]

summary = rule(
    doc = "The digest of an image, and the metadata of its layers, one a line.",
    implementation = _summary_impl,
    attrs = {
        "compilation_mode": attr.string(doc = "In place of this build's."),
        "image": attr.label(cfg = _configured, doc = "The image.", mandatory = True, providers = [SematicImageInfo]),
        "wheel_index": attr.label(doc = "In place of this build's."),
        "_allowlist_function_transition": attr.label(
            default = "@bazel_tools//tools/allowlists/function_transition_allowlist",
        ),
    },
)
