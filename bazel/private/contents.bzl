"""The rule that packs what an image adds to its base: wheels, first-party code, and how its program is started."""

load(
    ":first_party.bzl",
    "entries_of",
    "first_party_files",
    "groups",
    "import_path",
    "other_entries",
    "runfiles_path",
)
load(":layers.bzl", "build_layer")
load(":providers.bzl", "ContentsInfo", "ProgramInfo", "WheelsInfo")

_TOOLCHAIN = "@bazel_tools//tools/python:toolchain_type"

def _interpreter(ctx):
    """The Python that the build brings along, if it does: otherwise the base's own is used."""
    toolchain = ctx.toolchains[_TOOLCHAIN]
    runtime = toolchain.py3_runtime if toolchain else None
    if not runtime or not runtime.interpreter:
        return struct(command = "python3", files = [])
    files = depset([runtime.interpreter], transitive = [runtime.files]).to_list()
    return struct(command = "/app/src/" + runfiles_path(ctx, runtime.interpreter), files = files)

def _own_layer(ctx, name, role, reason, files, more = None):
    listed = ctx.actions.args()
    listed.add_all(entries_of(ctx, files) + (more.lines if more else []))
    return build_layer(
        ctx,
        ctx.executable._layer,
        folder = "%s/%s" % (ctx.label.name, name),
        name = name,
        role = role,
        reason = reason,
        listed = listed,
        files = depset(files + (more.files if more else [])),
    )

def _own_layers(ctx, files, wheels, interpreter):
    """The layers that are this image's, bottom first."""
    divided = groups(files, ctx.attr.image_layers, ctx.label)
    layers = []
    if interpreter.files:
        layers.append(_own_layer(ctx, "python", "interpreter", "the Python of the build", interpreter.files))
    for number, (target, own) in enumerate(zip(ctx.attr.image_layers, divided.targets)):
        layers.append(_own_layer(ctx, "deps-%d" % (number + 1), "deps", "image_layers: " + str(target.label).lstrip("@"), own))
    stable = "first-party code of other packages"
    layers.append(_own_layer(ctx, "deps", "deps", stable, divided.stable, other_entries(ctx, ctx.attr.program, wheels)))
    layers.append(_own_layer(ctx, "app", "app", "//" + ctx.label.package, divided.app))
    return layers

def _environment(ctx, path):
    """The variables of a container, a user's own included."""
    further = [ctx.attr.env["PYTHONPATH"]] if "PYTHONPATH" in ctx.attr.env else []
    return ctx.attr.env | {
        "PYTHONNOUSERSITE": "1",
        "PYTHONPATH": ":".join(path + further),
        "PYTHONSAFEPATH": "1",  # As Bazel's starter sets it: the program's own folder is no place to import from.
        "RUNFILES_DIR": "/app/src",
        "SEMATIC_ENTRY": "/app/src/" + runfiles_path(ctx, ctx.attr.program[ProgramInfo].main),
    }

def _contents_impl(ctx):
    wheels = ctx.attr.program[WheelsInfo].wheels.to_list()
    repositories = {wheel.repository: None for wheel in wheels}
    interpreter = _interpreter(ctx)
    files = first_party_files(ctx.attr.program, repositories, {file: None for file in interpreter.files})
    own = _own_layers(ctx, files, repositories, interpreter)
    return [
        DefaultInfo(files = depset([layer.blob for layer in own])),
        ContentsInfo(
            brings_python = bool(interpreter.files),
            entry_point = [interpreter.command, "/app/src/" + runfiles_path(ctx, ctx.attr.program[ProgramInfo].main)],
            env = _environment(ctx, import_path(ctx, ctx.attr.program, files, repositories)),
            own = own,
            path = ["/app/bin"] + ([interpreter.command.rpartition("/")[0]] if interpreter.files else []),
            uses = ctx.attr.program[WheelsInfo].uses,
            wheels = wheels,
            working_dir = "/app/src/" + ctx.workspace_name,
        ),
    ]

image_contents = rule(
    doc = "What an image of a program adds to its base, whichever that is.",
    implementation = _contents_impl,
    attrs = {
        "env": attr.string_dict(doc = "Environment variables of the image."),
        "image_layers": attr.label_list(doc = "Libraries that get a layer of their own, in this order."),
        "program": attr.label(doc = "The program.", providers = [ProgramInfo, WheelsInfo], mandatory = True),
        "_layer": attr.label(default = Label("//tools/image_tools/layer"), executable = True, cfg = "exec"),
    },
    toolchains = [config_common.toolchain_type(_TOOLCHAIN, mandatory = False)],
)
