"""The rule that puts an image together: layers, plan, configuration, manifest, description."""

load("@rules_python//python:defs.bzl", "PyInfo")
load(
    ":first_party.bzl",
    "entries_of",
    "first_party_files",
    "groups",
    "import_path",
    "other_entries",
    "runfiles_path",
)
load(":layers.bzl", "build_layer", "join_layers", "layer_files")
load(":platform.bzl", "image_platform")
load(":providers.bzl", "BaseImageInfo", "SematicImageInfo", "WheelsInfo")
load(":wheels.bzl", "wheel_layers")

_TOOLCHAIN = "@bazel_tools//tools/python:toolchain_type"

# As plan.py of the image tool has them: how many bins there are of each kind.
_BINS = {"medium": 8, "small": 4}

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
        layers.append(_own_layer(ctx, "deps-%d" % (number + 1), "deps", "image_layers: %s" % target.label, own))
    stable = "first-party code of other packages"
    layers.append(_own_layer(ctx, "deps", "deps", stable, divided.stable, other_entries(ctx, ctx.attr.binary, wheels)))
    layers.append(_own_layer(ctx, "app", "app", "//" + ctx.label.package, divided.app))
    return layers

def _plan(ctx, wheels, own):
    plan = ctx.actions.declare_file(ctx.label.name + "/plan.json")
    base = ctx.attr.base[BaseImageInfo]
    arguments = ctx.actions.args()
    arguments.add("plan")
    for wheel in wheels:
        arguments.add_all("--layer", [wheel.layer.metadata, wheel.layer.index])
    arguments.add("--others", len(own))
    arguments.add("--base-manifest", base.manifest)
    arguments.add("--out", plan)
    ctx.actions.run(
        executable = ctx.executable._image,
        arguments = [arguments],
        inputs = [base.manifest] + [file for wheel in wheels for file in (wheel.layer.metadata, wheel.layer.index)],
        outputs = [plan],
        mnemonic = "SematicPlan",
        progress_message = "Planning the layers of %s" % ctx.label,
    )
    return plan

def _bins(ctx, plan, wheels):
    """A layer of each bin that a wheel could be in. The bin of a wheel is decided by its name, its kind by its size."""
    layers = []
    for kind, count in _BINS.items():
        for number in range(count):
            pieces = [wheel.layer for wheel in wheels if hash(wheel.name) % count == number]
            if pieces:
                name = "%s-%d" % (kind, number)
                folder = "%s/%s" % (ctx.label.name, name)
                layers.append(join_layers(ctx, ctx.executable._layer, folder, name, plan, pieces))
    return layers

def _describe(ctx, plan, layers, settings):
    base = ctx.attr.base[BaseImageInfo]
    outputs = struct(**{
        name: ctx.actions.declare_file("%s/%s" % (ctx.label.name, file))
        for name, file in {
            "manifest": "manifest.json",
            "config": "config.json",
            "digest": "digest",
            "description": "image.json",
        }.items()
    })
    arguments = ctx.actions.args()
    arguments.add("manifest")
    for layer in layers:
        places = [runfiles_path(ctx, file) for file in layer_files(layer)]
        arguments.add_all("--layer", [layer.metadata.path] + places)
    arguments.add("--plan", plan)
    arguments.add("--base-manifest", base.manifest)
    arguments.add("--base-config", base.config)
    arguments.add("--base-reference", base.reference)
    if base.layout:
        arguments.add("--base-layout", runfiles_path(ctx, base.layout))
    arguments.add_all(settings)
    for name in ("manifest", "config", "digest", "description"):
        arguments.add("--" + name, getattr(outputs, name))
    arguments.add("--runfiles-folder", runfiles_path(ctx, outputs.manifest).rpartition("/")[0])
    ctx.actions.run(
        executable = ctx.executable._image,
        arguments = [arguments],
        inputs = [plan, base.manifest, base.config] + [layer.metadata for layer in layers],
        outputs = [outputs.manifest, outputs.config, outputs.digest, outputs.description],
        mnemonic = "SematicImage",
        progress_message = "Describing %s" % ctx.label,
    )
    return outputs

def _settings(ctx, path, command):
    """What a container is started with."""
    folder = "/app/src/" + ctx.workspace_name
    main = "/app/src/" + runfiles_path(ctx, ctx.file.main)
    env = {
        "PYTHONNOUSERSITE": "1",
        "PYTHONPATH": ":".join(path + ([ctx.attr.env["PYTHONPATH"]] if "PYTHONPATH" in ctx.attr.env else [])),
        "RUNFILES_DIR": "/app/src",
        "SEMATIC_ENTRY": main,
    }
    settings = ["--entrypoint", json.encode([command, main]), "--working-dir", folder]
    for name, value in dict(ctx.attr.env, **env).items():
        settings += ["--env", "%s=%s" % (name, value)]
    if "PATH" not in ctx.attr.env:
        settings += ["--path-prefix", "/app/bin"]
    if command != "python3":
        settings.append("--brings-python")
    return settings

def _image_impl(ctx):
    wheels = ctx.attr.binary[WheelsInfo].wheels.to_list()
    repositories = {wheel.repository: None for wheel in wheels}
    interpreter = _interpreter(ctx)
    files = first_party_files(ctx.attr.binary, repositories, {file: None for file in interpreter.files})
    own = _own_layers(ctx, files, repositories, interpreter)
    plan = _plan(ctx, wheels, own)
    layers = [wheel.layer for wheel in wheels] + _bins(ctx, plan, wheels) + own
    path = import_path(ctx, ctx.attr.binary, files, repositories)
    outputs = _describe(ctx, plan, layers, _settings(ctx, path, interpreter.command))
    layout = ctx.attr.base[BaseImageInfo].layout
    described = [outputs.description, outputs.manifest, outputs.config, outputs.digest]
    needed = described + [file for layer in layers for file in layer_files(layer)] + ([layout] if layout else [])
    return [
        DefaultInfo(files = depset(described)),
        OutputGroupInfo(layers = depset([layer.blob for layer in layers])),
        SematicImageInfo(
            base_tag = ctx.attr.base_tag,
            config = outputs.config,
            description = outputs.description,
            digest = outputs.digest,
            files = depset(needed),
            manifest = outputs.manifest,
        ),
    ]

sematic_image = rule(
    doc = "An image of a program: its wheels in layers that all images share, then its own code. No registry is asked.",
    implementation = _image_impl,
    cfg = image_platform,
    attrs = {
        "base": attr.label(doc = "What the image is built on.", providers = [BaseImageInfo], mandatory = True),
        "base_tag": attr.string(doc = "By which functions ask for this base.", default = "default"),
        "binary": attr.label(doc = "The program.", providers = [PyInfo], aspects = [wheel_layers], mandatory = True),
        "env": attr.string_dict(doc = "Environment variables of the image."),
        "image_layers": attr.label_list(doc = "Libraries that get a layer of their own, in this order."),
        "main": attr.label(doc = "The file that is the entry point.", allow_single_file = [".py"], mandatory = True),
        "platform": attr.label(doc = "For which platform; by default this machine's, or Linux's on the same processor."),
        "_allowlist_function_transition": attr.label(
            default = Label("@bazel_tools//tools/allowlists/function_transition_allowlist"),
        ),
        "_image": attr.label(default = Label("//tools/image_tools/image"), executable = True, cfg = "exec"),
        "_layer": attr.label(default = Label("//tools/image_tools/layer"), executable = True, cfg = "exec"),
    },
    toolchains = [config_common.toolchain_type(_TOOLCHAIN, mandatory = False)],
)
