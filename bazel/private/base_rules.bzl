"""Rules that provide BaseImageInfo: for an image that was fetched, and for one that another rule made."""

load(":providers.bzl", "BaseImageInfo")

BASE_ATTRS = {
    "_arm64": attr.label(default = Label("@platforms//cpu:aarch64")),
    "_import_base": attr.label(
        default = Label("//tools/image_tools/base:import_"),
        cfg = "exec",
        executable = True,
    ),
}

def base_platform(ctx):
    """The image platform that a target is built for. Its rule has BASE_ATTRS.

    Args:
      ctx: the rule's context.

    Returns:
      os/architecture.
    """
    arm64 = ctx.target_platform_has_constraint(ctx.attr._arm64[platform_common.ConstraintValueInfo])
    return "linux/arm64" if arm64 else "linux/amd64"

def base_info(ctx, base, python = "", glibc = ""):
    """BaseImageInfo of a target: its own, or that of the OCI layout or docker archive which it gives.

    Args:
      ctx: the context of a rule that has BASE_ATTRS.
      base: the target.
      python: the version of its Python, for an image that does not say so itself.
      glibc: the version of its C library, likewise.

    Returns:
      the provider.
    """
    if BaseImageInfo in base:
        return base[BaseImageInfo]
    files = base[DefaultInfo].files.to_list()
    if len(files) != 1:
        fail("%s gives %d files, and a base image is one: a folder with an OCI layout, or an archive of docker save." % (
            base.label,
            len(files),
        ))
    return _imported(ctx, files[0], python, glibc)

def _imported(ctx, source, python, glibc):
    prefix = ctx.label.name + ".base/"
    manifest = ctx.actions.declare_file(prefix + "manifest.json")
    config = ctx.actions.declare_file(prefix + "config.json")
    description = ctx.actions.declare_file(prefix + "base.json")
    outputs = [manifest, config, description]
    arguments = ctx.actions.args()
    arguments.add("--from", source.path)
    arguments.add("--platform", base_platform(ctx))
    arguments.add("--manifest", manifest)
    arguments.add("--config", config)
    arguments.add("--description", description)
    arguments.add("--python=" + python)
    arguments.add("--glibc=" + glibc)
    layout = source
    if not source.is_directory:  # An archive, or a folder of the sources, whose kind shows only when it is there.
        layout = ctx.actions.declare_directory(prefix + "layout")
        arguments.add("--layout", layout.path)
        outputs.append(layout)
    ctx.actions.run(
        executable = ctx.executable._import_base,
        arguments = [arguments],
        inputs = [source],
        outputs = outputs,
        mnemonic = "SematicImportBase",
        progress_message = "Reading the base image of %{label}",
    )
    return BaseImageInfo(
        manifest = manifest,
        config = config,
        insecure = "",
        reference = "",
        layout = layout,
        python = python,
        glibc = glibc,
    )

def _imported_base_impl(ctx):
    info = base_info(ctx, ctx.attr.image, ctx.attr.python, ctx.attr.glibc)
    return [info, DefaultInfo(files = depset([info.manifest, info.config]))]

imported_base = rule(
    implementation = _imported_base_impl,
    doc = "A base image of what another rule gives: a folder with an OCI layout (rules_oci), or an archive of `docker save` (rules_docker's `:name.tar`).",
    attrs = dict(
        BASE_ATTRS,
        glibc = attr.string(doc = "The version of its C library, such as 2.36, if its labels do not say."),
        image = attr.label(
            allow_files = True,
            mandatory = True,
            doc = "The target that gives the layout or the archive.",
        ),
        python = attr.string(doc = "The version of its Python, such as 3.11, if it does not say itself."),
    ),
)

def _fetched_base_impl(ctx):
    info = BaseImageInfo(
        manifest = ctx.file.manifest,
        config = ctx.file.config,
        insecure = ctx.attr.insecure,
        reference = ctx.attr.reference,
        layout = None,
        python = ctx.attr.python,
        glibc = ctx.attr.glibc,
    )
    return [info, DefaultInfo(files = depset([info.manifest, info.config]))]

fetched_base = rule(
    implementation = _fetched_base_impl,
    doc = "A base image in a registry; base_images() writes these.",
    attrs = {
        "config": attr.label(allow_single_file = True, mandatory = True),
        "glibc": attr.string(),
        "insecure": attr.string(),
        "manifest": attr.label(allow_single_file = True, mandatory = True),
        "python": attr.string(),
        "reference": attr.string(mandatory = True),
    },
)
