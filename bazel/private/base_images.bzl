"""Which base images there are, and what they are called. Needs no other rule set: WORKSPACE files load it first."""

load(":base_repository.bzl", "ENVIRONMENT", "declare")

# Of Docker Hub; each digest is an index of several architectures, and several public projects have it pinned too.
# They say themselves which Python they have, and Debian 12 has glibc 2.36.
_DEFAULTS = {
    "python3.11": "docker.io/library/python:3.11-slim-bookworm@sha256:a36c24f9cbdf4fd0f52d67f0823eeac19c2028c637cecc392d97f980d4fec56b",
    "python3.12": "docker.io/library/python:3.12-slim-bookworm@sha256:782412e85d0f0984994c290652577d4018aff08145c85b262bb63dc0c7522254",
    "python3.13": "docker.io/library/python:3.13-slim-bookworm@sha256:67a1e1f215ccda113cfc024e8639049257e88f273898f595b61476d128d387e8",
    "python3.14": "docker.io/library/python:3.14-slim-bookworm@sha256:9ab8d9c8514b44f90cf0029dd42fdd7e9e211e639c8b995304cc04568dee900f",
}
_DEFAULTS_GLIBC = "2.36"
_DEFAULT = "python3.11"

_NAME = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-"
_RESERVED = ["default", ENVIRONMENT]

def base_images(images = {}, python = {}, glibc = {}, default = "", mirror = ""):
    """Declares base images in a WORKSPACE file: those of Docker Hub for Python 3.11 to 3.14, and your own.

    An image is fetched when a target uses it, and only its manifest and configuration are.

    Args:
      images: name to reference, such as {"gpu": "registry.example/team/gpu@sha256:…"}. A tag instead of the digest is
        looked up when it is fetched, and Bazel says what to pin. http:// before the reference stands for plain HTTP.
      python: name to version, such as {"gpu": "3.11"}, for images that do not say which Python they have.
      glibc: name to version of the C library, such as {"gpu": "2.35"}, for images that do not say.
      default: the name of the image that pipelines without a `base` are built on; python3.11 unless you say otherwise.
      mirror: where to fetch images from: host/path for those of Docker Hub, or registry=host/path, separated by
        commas. The variable SEMATIC_BASE_MIRROR comes before it.
    """
    for argument, of in [("python", python), ("glibc", glibc)]:
        for name in of:
            if name not in images:
                fail("base_images: %s is given for %r, which is none of images." % (argument, name))
    declare_images(
        {
            name: struct(reference = reference, python = python.get(name, ""), glibc = glibc.get(name, ""))
            for name, reference in images.items()
        },
        default,
        mirror,
    )

def declare_images(images, default, mirror):
    """Declares the repositories of the images that a project adds, and of the default ones.

    Args:
      images: name to struct(reference, python, glibc).
      default: the name of the default image, or nothing.
      mirror: as base_images() has it.
    """
    known = {
        name: struct(reference = reference, python = "", glibc = _DEFAULTS_GLIBC)
        for name, reference in _DEFAULTS.items()
    }
    for name, image in images.items():
        _check_name(name)
        known[name] = image
    default = default or _DEFAULT
    if default not in known:
        fail("base_images: the default %r is none of the images: %s." % (default, ", ".join(sorted(known))))
    targets = {_target(image.reference): name for name, image in known.items() if "@" in image.reference}
    declare(known, targets, default, mirror)

def base_label(text):
    """The label of the image that `base` of a pipeline names.

    Args:
      text: `registry/repository@sha256:…` of an image that base_images() declares; None for the default image.
        Anything else, such as a label or a select(), comes back as it is.

    Returns:
      a label, or what was given.
    """
    if text == None:
        return Label("@sematic_bases//:default")
    if type(text) == "string" and "@sha256:" in text:
        return Label("@sematic_bases//:" + _target(text))
    return text

def _target(reference):
    """A name for a target: the reference in full, without what does not matter and without colons."""
    image, _, digest = reference.split("://")[-1].partition("@")
    registry, slash, repository = image.partition("/")
    if not (slash and ("." in registry or ":" in registry or registry == "localhost")):
        registry = "docker.io"
        repository = image if slash else "library/" + image
    elif registry == "index.docker.io":
        registry = "docker.io"
    repository = repository.partition(":")[0]
    return "%s/%s@%s" % (registry.replace(":", "_"), repository, digest.replace(":", "_"))

def _check_name(name):
    wrong = [character for character in name.elems() if character not in _NAME]
    if wrong or not name or name in _RESERVED:
        fail("base_images: %r cannot be an image's name: letters, digits, '.', '_' and '-' make one, and %s are taken." % (
            name,
            " and ".join(_RESERVED),
        ))
