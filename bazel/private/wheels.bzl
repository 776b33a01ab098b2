"""The aspect that makes a layer of each wheel, in the wheel's own package, so that all images share it."""

load(":layers.bzl", "build_layer", "entry")
load(":providers.bzl", "WheelIndexInfo", "WheelsInfo")

_ATTRIBUTES = ["deps", "data", "srcs", "actual"]
_NAME = "pypi_name="
_SITE_PACKAGES = "site-packages/"
_SCRIPTS = "bin/"

def _dependencies(attributes, names):
    found = []
    for name in names:
        value = getattr(attributes, name, None)
        for item in value if type(value) == "list" else [value]:
            if type(item) == "Target":
                found.append(item)
    return found

def _name_of(ctx):
    """The wheel's name, which rules_python gives as a tag from 0.20 to 2.3 at least; None for anything else."""
    for tag in getattr(ctx.rule.attr, "tags", []):
        if tag.startswith(_NAME):
            return tag[len(_NAME):]
    return None

def _entry(file):
    """Where a file of a wheel goes: None for what no installation has."""
    path = file.path
    if _SITE_PACKAGES in path:
        return entry("app/site-packages/" + path.partition(_SITE_PACKAGES)[2], file)
    _, _, inside = file.short_path.removeprefix("../").partition("/")
    return entry("app/" + inside, file) if inside.startswith(_SCRIPTS) else None

def _own_files(ctx):
    """A wheel with requirements may be two targets with one tag: files of other repositories are not its own."""
    repository = ctx.label.workspace_name
    return [
        file
        for target in _dependencies(ctx.rule.attr, ["srcs", "data"])
        for file in target[DefaultInfo].files.to_list()
        if file.owner.workspace_name == repository
    ]

def _layer(ctx, name):
    files = depset(_own_files(ctx))
    listed = ctx.actions.args()
    listed.add_all(files, map_each = _entry, expand_directories = False)
    return build_layer(
        ctx,
        ctx.executable._layer,
        folder = ctx.label.name + ".layer",
        name = name,
        role = "wheel",
        reason = "",
        listed = listed,
        files = files,
        archive = ctx.attr._index[WheelIndexInfo].archives.get(ctx.label.workspace_name),
    )

def _wheel_layers_impl(_target, ctx):
    found = [target[WheelsInfo] for target in _dependencies(ctx.rule.attr, _ATTRIBUTES) if WheelsInfo in target]
    name = _name_of(ctx)
    if not name or _is_known(found, ctx.label):
        return [merged_wheels(found, own = name, user = name or _readable(ctx.label))]
    wheel = struct(name = name, repository = ctx.label.workspace_name, layer = _layer(ctx, name))
    return [merged_wheels(found, [wheel], own = name, user = name)]

def merged_wheels(found, wheels = [], own = None, user = None):
    """What a target needs, from what its dependencies need.

    Args:
      found: their WheelsInfo.
      wheels: a wheel that the target brings itself.
      own: the name of the wheel that it is.
      user: what it is called as one that asks for the wheels among its dependencies; None does not count.

    Returns:
      WheelsInfo.
    """
    uses = [struct(wheel = info.own, user = user) for info in found if user and info.own and info.own != own]
    return WheelsInfo(
        own = own,
        uses = depset(uses, transitive = [info.uses for info in found]),
        wheels = depset(wheels, transitive = [info.wheels for info in found]),
    )

def _readable(label):
    return str(label).removeprefix("@@").removeprefix("@")

def _is_known(found, label):
    """Whether a target of the same repository made the layer: rules_python 2 has `:srcs` behind `:pkg`."""
    for info in found:
        for wheel in info.wheels.to_list():
            if wheel.repository == label.workspace_name:
                return True
    return False

wheel_layers = aspect(
    doc = "Makes a layer of each wheel among a target's dependencies.",
    implementation = _wheel_layers_impl,
    attr_aspects = _ATTRIBUTES,
    attrs = {
        "_index": attr.label(default = Label("//:wheel_index"), providers = [WheelIndexInfo]),
        "_layer": attr.label(default = Label("//tools/image_tools/layer"), executable = True, cfg = "exec"),
    },
)

def _wheel_index_impl(ctx):
    archives = {}
    for file in ctx.files.wheels:
        if not file.basename.endswith(".whl"):
            fail("%s: %s is no .whl; name whl_requirement(…) of the wheel." % (ctx.label, file.short_path))
        repository = file.owner.workspace_name
        if repository in archives:
            fail("%s: %s has two .whl files; a wheel has one." % (ctx.label, repository or "this repository"))
        archives[repository] = file
    return [WheelIndexInfo(archives = archives)]

wheel_index = rule(
    doc = """The .whl files of some wheels, so that their layers take over the compressed bytes that are in them.

That is several times faster than compressing, and makes a layer's digest independent of this machine's zlib. Name
the large ones, and tell the build with `--@rules_sematic//:wheel_index=//third_party:wheels` in .bazelrc.""",
    implementation = _wheel_index_impl,
    attrs = {
        "wheels": attr.label_list(
            doc = "`whl_requirement(\"torch\")` and the like, from the requirements.bzl of your packages.",
            allow_files = True,
        ),
    },
)
