"""The rule that puts contents on a base: plan, bins, configuration, manifest, description."""

load(":first_party.bzl", "runfiles_path")
load(":layers.bzl", "join_layers", "layer_files")
load(":platform.bzl", "image_platform")
load(":providers.bzl", "BaseImageInfo", "ContentsInfo", "SematicImageInfo")

# As plan.py of the image tool has them: how many bins there are of each kind.
_BINS = {"medium": 8, "small": 4}

# Bazel's names of processors, and those of images.
_ARCHITECTURES = {"aarch64": "arm64", "x86_64": "amd64"}

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

def _architecture(ctx):
    """The processor of the platform as images call it: None where that is one of those that few have."""
    for constraint in ctx.attr._processors:
        if ctx.target_platform_has_constraint(constraint[platform_common.ConstraintValueInfo]):
            return _ARCHITECTURES[constraint.label.name]
    return None

def _settings(ctx, contents):
    """What a container is started with, as arguments of the image tool."""
    settings = ["--entrypoint", json.encode(contents.entry_point), "--working-dir", contents.working_dir]
    for name, value in contents.env.items():
        settings += ["--env", "%s=%s" % (name, value)]
    if "PATH" not in contents.env:
        settings += ["--path-prefix", "/app/bin"]
    architecture = _architecture(ctx)
    return settings + (["--architecture", architecture] if architecture else [])

def _image_impl(ctx):
    contents = ctx.attr.contents[ContentsInfo]
    plan = _plan(ctx, contents.wheels, contents.own)
    bins = _bins(ctx, plan, contents.wheels)
    layers = [wheel.layer for wheel in contents.wheels] + bins + contents.own
    outputs = _describe(ctx, plan, layers, _settings(ctx, contents))
    layout = ctx.attr.base[BaseImageInfo].layout
    described = [outputs.description, outputs.manifest, outputs.config, outputs.digest]
    needed = described + [file for layer in layers for file in layer_files(layer)] + ([layout] if layout else [])
    return [
        DefaultInfo(files = depset(described)),
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
    doc = "An image: contents on a base. No registry is asked.",
    implementation = _image_impl,
    cfg = image_platform,
    attrs = {
        "base": attr.label(doc = "What the image is built on.", providers = [BaseImageInfo], mandatory = True),
        "base_tag": attr.string(doc = "By which functions ask for this base.", default = "default"),
        "contents": attr.label(doc = "What is put on it.", providers = [ContentsInfo], mandatory = True),
        "platform": attr.label(doc = "For which platform; by default this machine's, or Linux's on the same processor."),
        "_allowlist_function_transition": attr.label(
            default = Label("@bazel_tools//tools/allowlists/function_transition_allowlist"),
        ),
        "_image": attr.label(default = Label("//tools/image_tools/image"), executable = True, cfg = "exec"),
        "_layer": attr.label(default = Label("//tools/image_tools/layer"), executable = True, cfg = "exec"),
        "_processors": attr.label_list(default = ["@platforms//cpu:" + name for name in _ARCHITECTURES]),
    },
)
