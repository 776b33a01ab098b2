"""The test that runs a pipeline as its image has it."""

load(":first_party.bzl", "runfiles_path")
load(":providers.bzl", "ContentsInfo", "ProgramInfo")
load(":tool.bzl", "RUN_TEMPLATE", "place", "tool_runner")

# Where a base has its programs; which base it is does not matter to the test.
_BASE_PATH = ["/usr/local/bin", "/usr/bin", "/bin"]

def _plan(ctx, contents, layers):
    """The file that tells the tool what to test."""
    plan = ctx.actions.declare_file(ctx.label.name + ".parity.json")
    ctx.actions.write(plan, json.encode_indent({
        "target": ctx.attr.target,
        "main": runfiles_path(ctx, ctx.attr.program[ProgramInfo].main),
        "test_args": ctx.attr.test_args if ctx.attr.runs_main else None,
        "env": {"PATH": ":".join(contents.path + _BASE_PATH)} | contents.env,
        "working_dir": contents.working_dir,
        "layers": [runfiles_path(ctx, layer.blob) for layer in layers],
    }, indent = " ") + "\n")
    return plan

def _parity_test_impl(ctx):
    contents = ctx.attr.contents[ContentsInfo]
    layers = [wheel.layer for wheel in contents.wheels] + contents.own
    plan = _plan(ctx, contents, layers)
    words = ["--plan", place(ctx, plan), "--runfiles", '"$runfiles"']
    files = [plan, ctx.attr.program[ProgramInfo].main] + [layer.blob for layer in layers]
    runfiles = ctx.runfiles(files).merge(ctx.attr._parity[DefaultInfo].default_runfiles)
    return [DefaultInfo(executable = tool_runner(ctx, ctx.attr._parity, words), runfiles = runfiles)]

parity_test = rule(
    doc = "Runs a program in the files that its image adds to a base, and fails for what would only fail there.",
    implementation = _parity_test_impl,
    test = True,
    attrs = {
        "contents": attr.label(doc = "What the image adds to its base.", providers = [ContentsInfo], mandatory = True),
        "program": attr.label(doc = "The program.", providers = [ProgramInfo], mandatory = True),
        "runs_main": attr.bool(doc = "Whether to run main.py; otherwise it is only imported."),
        "target": attr.string(doc = "The target that people run, for messages."),
        "test_args": attr.string_list(doc = "The arguments that main.py gets."),
        "_parity": attr.label(default = Label("//tools/image_tools/parity"), executable = True, cfg = "target"),
    } | RUN_TEMPLATE,
)
