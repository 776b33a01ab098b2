"""Repositories of base images: one for each image and architecture, fetched when it is used, and a hub that names them."""

HUB = "sematic_bases"
ENVIRONMENT = "environment"  # The image that SEMATIC_BASE_IMAGE names.
_ARCHITECTURES = ["amd64", "arm64"]

_IMAGE_BUILD = """\
load({rules}, "fetched_base")

exports_files(["base.json", "config.json", "manifest.json"])

fetched_base(
    name = "base",
    config = "config.json",
    glibc = {glibc},
    insecure = {insecure},
    manifest = "manifest.json",
    python = {python},
    reference = {reference},
    visibility = ["//visibility:public"],
)
"""

_ALIAS = """\
alias(
    name = {name},
    actual = select({{
        "@platforms//cpu:aarch64": "@sematic_base_{image}_arm64//:base",
        "//conditions:default": "@sematic_base_{image}_amd64//:base",
    }}),
    visibility = ["//visibility:public"],
)
"""

def _python(ctx):
    """The machine's own Python: this runs before Bazel knows of any."""
    chosen = ctx.os.environ.get("SEMATIC_PYTHON")
    found = chosen or ctx.which("python3") or ctx.which("python")
    if not found:
        fail("Fetching a base image needs Python 3.9 or newer, and none is on PATH: install it, or set SEMATIC_PYTHON.")
    return found

def _fetch(ctx, reference):
    program = ctx.path(Label("//tools/image_tools/base:fetch.py"))
    ctx.report_progress("fetching manifest and configuration of " + reference)
    done = ctx.execute(
        [
            _python(ctx),
            "-m",
            "image_tools.base.fetch",
            reference,
            "--out=.",
            "--platform=linux/" + ctx.attr.architecture,
            "--mirror=" + ctx.attr.mirror,
            "--python=" + ctx.attr.python,
            "--glibc=" + ctx.attr.glibc,
        ],
        environment = {
            "PYTHONDONTWRITEBYTECODE": "1",
            "PYTHONNOUSERSITE": "1",
            "PYTHONPATH": str(program.dirname.dirname.dirname),
        },
    )
    if done.return_code != 0:
        fail(done.stderr.strip() or "fetching the base image %s ended with %d" % (reference, done.return_code))
    if done.stdout.strip():
        print(done.stdout.strip())  # buildifier: disable=print

def _write(ctx, reference):
    _fetch(ctx, reference)
    described = json.decode(ctx.read("base.json"))
    ctx.file("BUILD", _IMAGE_BUILD.format(
        rules = json.encode(str(Label(":base_rules.bzl"))),
        glibc = json.encode(described["glibc"]),
        insecure = json.encode(described["insecure"]),
        python = json.encode(described["python"]),
        reference = json.encode(described["reference"]),
    ))

def _image_impl(ctx):
    _write(ctx, ctx.attr.reference)

def _environment_impl(ctx):
    _write(ctx, ctx.os.environ.get("SEMATIC_BASE_IMAGE") or fail("SEMATIC_BASE_IMAGE names no image."))

_ATTRS = {
    "architecture": attr.string(mandatory = True),
    "glibc": attr.string(),
    "mirror": attr.string(),
    "python": attr.string(),
}

_image_repository = repository_rule(
    implementation = _image_impl,
    attrs = dict(_ATTRS, reference = attr.string(mandatory = True)),
    environ = ["SEMATIC_BASE_MIRROR", "SEMATIC_PYTHON"],
)

_environment_repository = repository_rule(
    implementation = _environment_impl,
    attrs = _ATTRS,
    environ = ["SEMATIC_BASE_IMAGE", "SEMATIC_BASE_MIRROR", "SEMATIC_PYTHON"],
)

def _hub_impl(ctx):
    chosen = ctx.os.environ.get("SEMATIC_BASE_IMAGE") or ctx.attr.default
    targets = dict(ctx.attr.targets)
    targets["default"] = targets[chosen] if chosen in targets else ENVIRONMENT
    ctx.file("BUILD", "\n".join([
        _ALIAS.format(name = json.encode(name), image = image)
        for name, image in sorted(targets.items())
    ]))

_hub_repository = repository_rule(
    implementation = _hub_impl,
    attrs = {
        "default": attr.string(mandatory = True),
        "targets": attr.string_dict(doc = "Target to image."),
    },
    environ = ["SEMATIC_BASE_IMAGE"],
)

def declare(images, targets, default, mirror):
    """Declares the repositories of images, and the hub.

    Args:
      images: name to struct(reference, python, glibc).
      targets: further names of the hub's targets, to the name of the image.
      default: the image that the hub's `:default` is.
      mirror: where to fetch from, as SEMATIC_BASE_MIRROR has it.
    """
    for architecture in _ARCHITECTURES:
        for name, image in images.items():
            _image_repository(
                name = "sematic_base_%s_%s" % (name, architecture),
                architecture = architecture,
                glibc = image.glibc,
                mirror = mirror,
                python = image.python,
                reference = image.reference,
            )
        _environment_repository(
            name = "sematic_base_%s_%s" % (ENVIRONMENT, architecture),
            architecture = architecture,
            mirror = mirror,
        )
    _hub_repository(name = HUB, default = default, targets = dict(targets, **{name: name for name in images}))
