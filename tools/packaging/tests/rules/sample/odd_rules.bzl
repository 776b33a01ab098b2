"""Rules whose files are unlike those of most: a folder, links that exist only among runfiles, an executable."""

def _tree_impl(ctx):
    folder = ctx.actions.declare_directory(ctx.label.name)
    ctx.actions.run_shell(
        outputs = [folder],
        command = "mkdir $1/inner $1/empty && echo one > $1/one.txt && echo two > $1/inner/two.txt && ln -s one.txt $1/link",
        arguments = [folder.path],
    )
    return [DefaultInfo(files = depset([folder]), runfiles = ctx.runfiles([folder]))]

tree = rule(
    doc = "A folder whose contents only its action knows.",
    implementation = _tree_impl,
)

def _links_impl(ctx):
    runfiles = ctx.runfiles(
        symlinks = {ctx.label.package + "/elsewhere/beside.txt": ctx.file.file},
        root_symlinks = {"topmost/beside.txt": ctx.file.file},
    )
    return [DefaultInfo(runfiles = runfiles)]

links = rule(
    doc = "A file at two other places of the runfiles.",
    implementation = _links_impl,
    attrs = {"file": attr.label(doc = "The file.", allow_single_file = True, mandatory = True)},
)

def _script_impl(ctx):
    script = ctx.actions.declare_file(ctx.label.name + ".sh")
    ctx.actions.write(script, "#!/bin/sh\necho hello\n", is_executable = True)
    return [DefaultInfo(executable = script, runfiles = ctx.runfiles(ctx.files.data))]

script = rule(
    doc = "An executable with runfiles of its own, as sh_binary makes.",
    implementation = _script_impl,
    executable = True,
    attrs = {"data": attr.label_list(doc = "What it reads.", allow_files = True)},
)
