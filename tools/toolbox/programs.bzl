"""Programs that tests start, as a repository: a group is installed when a target first needs it."""

def _toolbox_programs_impl(ctx):
    python = ctx.os.environ.get("SEMATIC_PYTHON") or ctx.which("python3")
    if not python:
        fail("The programs of %s are looked for by a Python, and there is no python3 on PATH: install one." % ctx.name)
    for source in ctx.attr._sources:
        ctx.path(source)  # Asked anew when one of them changes.
    asked = ctx.execute(
        [python, "-SE", ctx.path(ctx.attr._groups), ctx.attr.group, ctx.path("programs.json")],
        quiet = False,  # Someone is waiting, if it installs.
        timeout = 1800,
    )
    if asked.return_code != 0:
        fail(asked.stderr.strip().split("\n")[-1])
    ctx.file("BUILD", 'exports_files(["programs.json"], visibility = ["//visibility:public"])\n')

toolbox_programs = repository_rule(
    doc = "`programs.json`: how to start each program of a group of the toolbox (tools/toolbox/groups.py).",
    implementation = _toolbox_programs_impl,
    attrs = {
        "group": attr.string(mandatory = True),
        "_groups": attr.label(default = "//tools/toolbox:groups.py"),
        "_sources": attr.label_list(default = [
            "//tools/toolbox:host.py",
            "//tools/toolbox:refusal.py",
            "//tools/toolbox:toolbox.py",
        ]),
    },
    environ = ["SEMATIC_TOOLBOX_DIR"],
    local = True,
)
