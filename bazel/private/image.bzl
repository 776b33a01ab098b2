"""The rule that puts contents on a base: plan, bins, configuration, manifest, description."""

load(":base_rules.bzl", "BASE_ATTRS", "base_info", "base_platform")
load(":first_party.bzl", "runfiles_path")
load(":layers.bzl", "join_layers", "layer_files")
load(":platform.bzl", "image_platform")
load(":providers.bzl", "ContentsInfo", "SematicImageInfo")

# As plan.py of the image tool has them: how many bins there are of each kind.
_BINS = {"medium": 8, "small": 4}

def _check(ctx, base, contents):
    """Refuses wheels that the base cannot run; gives a file of what could not be checked."""
    needs = ctx.actions.declare_file(ctx.label.name + "/needs.txt")
    metadata = [wheel.layer.metadata for wheel in contents.wheels]
    arguments = ctx.actions.args()
    arguments.add_all(metadata, before_each = "--wheel")
    arguments.add("--base", base.config)
    arguments.add("--name", base.reference or str(ctx.attr.base.label).lstrip("@"))
    arguments.add("--python=" + base.python)
    arguments.add("--glibc=" + base.glibc)
    if contents.brings_python:
        arguments.add("--own-python")
    arguments.add("--needs", needs)
    ctx.actions.run(
        executable = ctx.executable._check,
        arguments = [arguments],
        inputs = metadata + [base.config],
        outputs = [needs],
        mnemonic = "SematicCheck",
        progress_message = "Checking wheels against the base of %s" % ctx.label,
    )
    return needs

def _plan(ctx, base, wheels, own):
    plan = ctx.actions.declare_file(ctx.label.name + "/plan.json")
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

def _use(use):
    return "%s=%s" % (use.wheel, use.user)

def _describe(ctx, base, plan, needs, layers, uses, settings):
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
    arguments.add_all(uses, before_each = "--use", map_each = _use)
    arguments.add("--plan", plan)
    arguments.add("--needs", needs)
    arguments.add("--base-manifest", base.manifest)
    arguments.add("--base-config", base.config)
    arguments.add("--base-reference", base.reference)
    arguments.add("--base-insecure", base.insecure)
    if base.layout:
        arguments.add("--base-layout", runfiles_path(ctx, base.layout))
    arguments.add_all(settings)
    for name in ("manifest", "config", "digest", "description"):
        arguments.add("--" + name, getattr(outputs, name))
    arguments.add("--runfiles-folder", runfiles_path(ctx, outputs.manifest).rpartition("/")[0])
    ctx.actions.run(
        executable = ctx.executable._image,
        arguments = [arguments],
        inputs = [plan, needs, base.manifest, base.config] + [layer.metadata for layer in layers],
        outputs = [outputs.manifest, outputs.config, outputs.digest, outputs.description],
        mnemonic = "SematicImage",
        progress_message = "Describing %s" % ctx.label,
    )
    return outputs

def _settings(ctx, contents):
    """What a container is started with, as arguments of the image tool."""
    settings = ["--entrypoint", json.encode(contents.entry_point), "--working-dir", contents.working_dir]
    for name, value in contents.env.items():
        settings += ["--env", "%s=%s" % (name, value)]
    if "PATH" not in contents.env:
        settings += ["--path-prefix", ":".join(contents.path)]
    return settings + ["--architecture", base_platform(ctx).rpartition("/")[2]]

def _image_impl(ctx):
    contents = ctx.attr.contents[ContentsInfo]
    base = base_info(ctx, ctx.attr.base)
    plan = _plan(ctx, base, contents.wheels, contents.own)
    bins = _bins(ctx, plan, contents.wheels)
    layers = [wheel.layer for wheel in contents.wheels] + bins + contents.own
    needs = _check(ctx, base, contents)
    outputs = _describe(ctx, base, plan, needs, layers, contents.uses, _settings(ctx, contents))
    described = [outputs.description, outputs.manifest, outputs.config, outputs.digest]
    needed = described + [file for layer in layers for file in layer_files(layer)] + ([base.layout] if base.layout else [])
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
    attrs = BASE_ATTRS | {
        "base": attr.label(
            doc = "What the image is built on: a base image, an OCI layout folder, or a docker archive.",
            allow_files = True,
            mandatory = True,
        ),
        "base_tag": attr.string(doc = "By which functions ask for this base.", default = "default"),
        "contents": attr.label(doc = "What is put on it.", providers = [ContentsInfo], mandatory = True),
        "platform": attr.label(doc = "For which platform; by default this machine's, or Linux's on the same processor."),
        "_allowlist_function_transition": attr.label(
            default = Label("@bazel_tools//tools/allowlists/function_transition_allowlist"),
        ),
        "_check": attr.label(default = Label("//tools/image_tools/base:check"), executable = True, cfg = "exec"),
        "_image": attr.label(default = Label("//tools/image_tools/image"), executable = True, cfg = "exec"),
        "_layer": attr.label(default = Label("//tools/image_tools/layer"), executable = True, cfg = "exec"),
    },
)
