"""The rule that pushes images, and runs the program meanwhile."""

load(":first_party.bzl", "runfiles_path")
load(":providers.bzl", "SematicImageInfo")
load(":settings.bzl", "RegistryInfo")
load(":tool.bzl", "quoted")

_LOOPBACK = ["localhost", "127.0.0.1", "[::1]"]
_INSECURE = ["", "http", "unverified", "no"]

def _destination(ctx):
    """Where to: struct(registry, repository, insecure)."""
    address = ctx.attr._registry[RegistryInfo].address or ctx.attr.registry
    if not address or not ctx.attr.repository:
        fail(("%s: there is no %s to push to. Give sematic_pipeline(registry = \"host[:port]\", repository = " +
              "\"path\") both, or run %s, which needs none.") %
             (ctx.label, "registry" if not address else "repository", _local(ctx)))
    if "://" in address:
        fail("%s: the registry %r has a scheme; write host[:port], and insecure = True for http." % (ctx.label, address))
    host, _, folder = address.strip("/").partition("/")
    return struct(
        registry = host,
        repository = "/".join([part for part in (folder, ctx.attr.repository.strip("/")) if part]),
        insecure = _insecure(ctx.attr.insecure, host),
    )

def _local(ctx):
    return str(ctx.label).removeprefix("@@").removeprefix("@").removesuffix("_push") + "_local"

def _insecure(asked, host):
    """Nobody has a certificate for this machine's own addresses: there plain HTTP is what a registry speaks."""
    if asked == "no":
        return ""
    return asked or ("http" if host.rpartition(":")[0] in _LOOPBACK or host in _LOOPBACK else "")

def _plan(ctx, destination):
    """The file that tells the pusher what to push."""
    plan = ctx.actions.declare_file(ctx.label.name + ".push.json")
    ctx.actions.write(plan, json.encode_indent({
        "registry": destination.registry,
        "repository": destination.repository,
        "insecure": destination.insecure,
        "ca": "",
        "target": _target(ctx),
        "images": [
            {
                "tag": image[SematicImageInfo].base_tag,
                "image": runfiles_path(ctx, image[SematicImageInfo].description),
                "names": ctx.attr.names,
            }
            for image in ctx.attr.images
        ],
    }, indent = " ") + "\n")
    return plan

def _target(ctx):
    return ctx.attr.target or "//%s:%s" % (ctx.label.package, ctx.label.name)

def _runfiles(ctx, plan):
    files = depset([plan], transitive = [image[SematicImageInfo].files for image in ctx.attr.images])
    return ctx.runfiles(transitive_files = files).merge(ctx.attr._push[DefaultInfo].default_runfiles)

def _image_line(ctx, destination, image):
    words = [image.base_tag, destination.registry + "/" + destination.repository, runfiles_path(ctx, image.digest)]
    return "sematic_image " + " ".join([quoted(word) for word in words])

def _executable_path(ctx, target):
    return quoted(runfiles_path(ctx, target[DefaultInfo].files_to_run.executable) if target else "")

def _launch_impl(ctx):
    destination = _destination(ctx)
    plan = _plan(ctx, destination)
    script = ctx.actions.declare_file(ctx.label.name)
    images = [target[SematicImageInfo] for target in ctx.attr.images]
    ctx.actions.expand_template(
        template = ctx.file._launcher,
        output = script,
        is_executable = True,
        substitutions = {
            "@IMAGES@": "\n".join(["    " + _image_line(ctx, destination, image) for image in images]),
            "@PLAN@": quoted(runfiles_path(ctx, plan)),
            "@PROGRAM@": _executable_path(ctx, ctx.attr.program),
            "@PUSHER@": _executable_path(ctx, ctx.attr._push),
            "@TARGET@": quoted(_target(ctx)),
        },
    )
    runfiles = _runfiles(ctx, plan)
    if ctx.attr.program:
        runfiles = runfiles.merge(ctx.attr.program[DefaultInfo].default_runfiles)
    return [DefaultInfo(executable = script, runfiles = runfiles), RunEnvironmentInfo(environment = ctx.attr.env)]

launch = rule(
    doc = "Pushes images; runs a program meanwhile, if there is one, and otherwise prints the images' references.",
    implementation = _launch_impl,
    executable = True,
    attrs = {
        "env": attr.string_dict(doc = "The program's environment on this machine."),
        "images": attr.label_list(doc = "The images, one for each base.", providers = [SematicImageInfo], mandatory = True),
        "insecure": attr.string(
            doc = "`http`, `unverified` (TLS with any certificate), `no`; by default HTTP for this machine's own addresses.",
            values = _INSECURE,
        ),
        "names": attr.string_list(doc = "Tags that the registry gets beside the digest, which is what runs."),
        "program": attr.label(doc = "The program."),
        "registry": attr.string(doc = "Where to push: `host[:port]`, perhaps with a folder."),
        "repository": attr.string(doc = "The name there."),
        "target": attr.string(doc = "The target that people run, for messages."),
        "_launcher": attr.label(
            default = Label("//tools/image_tools/launch:launcher.sh.tpl"),
            allow_single_file = True,
        ),
        "_push": attr.label(default = Label("//tools/image_tools/launch:push"), executable = True, cfg = "target"),
        "_registry": attr.label(default = Label("//:registry"), providers = [RegistryInfo]),
    },
)
