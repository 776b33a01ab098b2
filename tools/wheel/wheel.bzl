"""`wheel`: a pure Python wheel of what libraries list, in a folder of its own.

The folder, because a wheel's name holds its version, which is in a Python module and not in a BUILD file.
"""

def _in_package(ctx, file):
    path = file.short_path
    if not path.startswith(ctx.attr.distribution + "/"):
        fail("wheel %s: %s is not below %s/, which is all that it installs" % (ctx.label, path, ctx.attr.distribution))
    return path

def _wheel_impl(ctx):
    out = ctx.actions.declare_directory(ctx.label.name)
    about = struct(
        name = ctx.attr.distribution,
        summary = ctx.attr.summary,
        license = ctx.attr.license,
        python = ctx.attr.python,
        requires = ctx.attr.requires,
        extras = ctx.attr.extras,
        commands = ctx.attr.commands,
    )
    arguments = ctx.actions.args()
    arguments.use_param_file("@%s", use_always = True)
    arguments.set_param_file_format("multiline")
    arguments.add("--out=" + out.path)
    arguments.add("--about=" + json.encode(about))
    arguments.add(ctx.file.version, format = "--version=%s")
    arguments.add(ctx.file.readme, format = "--readme=%s")
    arguments.add(ctx.file.license_file, format = "--license=%s")
    for file in ctx.files.srcs:
        arguments.add(file, format = _in_package(ctx, file) + "=%s")
    ctx.actions.run(
        executable = ctx.executable._maker,
        arguments = [arguments],
        inputs = ctx.files.srcs + [ctx.file.version, ctx.file.readme, ctx.file.license_file],
        outputs = [out],
        mnemonic = "Wheel",
        progress_message = "Writing the wheel %{label}",
    )
    return [DefaultInfo(files = depset([out]), runfiles = ctx.runfiles([out]))]

wheel = rule(
    implementation = _wheel_impl,
    doc = "A folder with one wheel, the same bytes on every machine. Its path is a value for pip's --find-links.",
    attrs = {
        "commands": attr.string_dict(doc = "Console scripts: name to module:function."),
        "distribution": attr.string(mandatory = True, doc = "What pip calls it, and the folder that it installs."),
        "extras": attr.string_list_dict(doc = "What name[extra] needs in addition."),
        "license": attr.string(mandatory = True, doc = "An SPDX expression."),
        "license_file": attr.label(mandatory = True, allow_single_file = True),
        "python": attr.string(mandatory = True, doc = "Which Pythons it is for, such as >=3.11."),
        "readme": attr.label(mandatory = True, allow_single_file = [".md"], doc = "The description."),
        "requires": attr.string_list(doc = "What it needs, such as click>=8.1."),
        "srcs": attr.label_list(mandatory = True, allow_files = True, doc = "What is in it, under its own path."),
        "summary": attr.string(mandatory = True, doc = "One line."),
        "version": attr.label(
            mandatory = True,
            allow_single_file = [".py"],
            doc = "A module with a line __version__ = \"…\".",
        ),
        "_maker": attr.label(default = "//tools/wheel:make_wheel", executable = True, cfg = "exec"),
    },
)
