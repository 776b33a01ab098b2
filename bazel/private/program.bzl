"""A program as an image needs it: files and import paths.

Not a py_binary: that wants a C++ toolchain for the image's platform, and brings along what starts it on this machine.
"""

load("@rules_python//python:defs.bzl", "PyInfo")
load(":providers.bzl", "ProgramInfo", "WheelsInfo")
load(":wheels.bzl", "merged_wheels", "wheel_layers")

def _imports(ctx):
    """The folders of `imports`, below the runfiles."""
    package = "/".join([part for part in (ctx.workspace_name, ctx.label.package) if part])
    found = []
    for folder in ctx.attr.imports:
        if folder.startswith("/"):
            fail("%s: imports has %r; folders are relative to the package." % (ctx.label, folder))
        parts = package.split("/")
        for part in folder.split("/"):
            if part == "..":
                parts.pop()
            elif part not in ("", "."):
                parts.append(part)
        found.append("/".join(parts))
    return found

def _program_impl(ctx):
    targets = ctx.attr.deps + ctx.attr.data
    sources = depset(transitive = [target[PyInfo].transitive_sources for target in targets if PyInfo in target])
    runfiles = ctx.runfiles([ctx.file.main] + ctx.files.data, transitive_files = sources)
    for target in targets:
        runfiles = runfiles.merge(target[DefaultInfo].default_runfiles)

    # Only for something that can be started does Bazel say which repository is called what by whom.
    start = ctx.actions.declare_file(ctx.label.name)
    ctx.actions.write(start, "#!/bin/sh\necho 'This stands for an image'\\''s program; run its container.' >&2\nexit 1\n", is_executable = True)
    return [
        DefaultInfo(executable = start, runfiles = runfiles),
        ProgramInfo(
            imports = depset(
                _imports(ctx),
                transitive = [target[PyInfo].imports for target in ctx.attr.deps if PyInfo in target],
            ),
            main = ctx.file.main,
        ),
        merged_wheels([target[WheelsInfo] for target in targets if WheelsInfo in target]),
    ]

image_program = rule(
    doc = "A program's files, wheels and import paths, for whatever platform.",
    implementation = _program_impl,
    executable = True,
    attrs = {
        "data": attr.label_list(doc = "Files that it reads.", allow_files = True, aspects = [wheel_layers]),
        "deps": attr.label_list(doc = "Python libraries.", aspects = [wheel_layers]),
        "imports": attr.string_list(doc = "Folders below the package that Python imports from."),
        "main": attr.label(doc = "The file that is the entry point.", allow_single_file = [".py"], mandatory = True),
    },
)
