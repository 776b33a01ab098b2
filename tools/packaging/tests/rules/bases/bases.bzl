"""Base images as other rule sets give them: an archive of `docker save`, and a folder with an OCI layout."""

def _make(ctx, kind, out):
    ctx.actions.run(
        executable = ctx.executable._make_base,
        arguments = [kind, out.path],
        outputs = [out],
        mnemonic = "TestBase",
    )
    return [DefaultInfo(files = depset([out]))]

_ATTRS = {"_make_base": attr.label(default = ":make_base", executable = True, cfg = "exec")}

def _docker_archive_impl(ctx):
    return _make(ctx, "archive", ctx.actions.declare_file(ctx.label.name + ".tar"))

docker_archive = rule(
    doc = "As rules_docker's `:name.tar` gives it.",
    implementation = _docker_archive_impl,
    attrs = _ATTRS,
)

def _oci_layout_impl(ctx):
    return _make(ctx, "layout", ctx.actions.declare_directory(ctx.label.name))

oci_layout = rule(
    doc = "As rules_oci's oci_image gives it.",
    implementation = _oci_layout_impl,
    attrs = _ATTRS,
)
