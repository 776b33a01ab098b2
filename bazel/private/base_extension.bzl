"""base_images for MODULE.bazel."""

load(":base_images.bzl", "declare_images")

_image = tag_class(
    doc = "An image of your own.",
    attrs = {
        "glibc": attr.string(doc = "The version of its C library, such as 2.35, if its labels do not say."),
        "name": attr.string(mandatory = True, doc = "What it is called: @sematic_bases//:NAME."),
        "python": attr.string(doc = "The version of its Python, such as 3.11, if it does not say itself."),
        "reference": attr.string(
            mandatory = True,
            doc = "registry/repository@sha256:…; a tag instead of the digest is looked up when it is fetched.",
        ),
    },
)

_settings = tag_class(
    doc = "Of the whole build: those of the root module count.",
    attrs = {
        "default": attr.string(doc = "The image that pipelines without a `base` are built on."),
        "mirror": attr.string(doc = "Where to fetch images from, as SEMATIC_BASE_MIRROR has it."),
    },
)

def _base_images_impl(ctx):
    images, default, mirror = {}, "", ""
    for module in reversed(ctx.modules):  # The root module is the first, and has the last word.
        for image in module.tags.image:
            images[image.name] = struct(reference = image.reference, python = image.python, glibc = image.glibc)
        for settings in module.tags.settings if module.is_root else []:
            default, mirror = settings.default, settings.mirror
    declare_images(images, default, mirror)

base_images = module_extension(
    implementation = _base_images_impl,
    doc = "Base images: those of Docker Hub for Python 3.11 to 3.14, and your own, as targets of @sematic_bases.",
    tag_classes = {
        "image": _image,
        "settings": _settings,
    },
)
