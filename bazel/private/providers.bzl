"""What the rules tell one another."""

BaseImageInfo = provider(
    doc = "An image that others are built on. Its layers stay where they are until a registry lacks one.",
    fields = {
        "config": "File: the image's configuration.",
        "glibc": "string: the version of its C library, such as 2.36; empty when nothing says.",
        "insecure": "string: \"http\" where that is what the registry of `reference` speaks.",
        "layout": "File: an OCI layout folder that holds its layers, or None.",
        "manifest": "File: the image's manifest.",
        "python": "string: the version of its Python, such as 3.11; empty when nothing says.",
        "reference": "string: registry/repository@digest that has its layers; empty when only `layout` has them.",
    },
)

ContentsInfo = provider(
    doc = "What an image adds to its base.",
    fields = {
        "brings_python": "bool: whether it has a Python of its own; otherwise the base's is used.",
        "entry_point": "list of string: the command that a container starts.",
        "env": "dict: the variables of a container.",
        "own": "list of layers that are this program's, bottom first (see layers.bzl).",
        "path": "list of string: folders that go before the base's PATH.",
        "uses": "depset of struct(wheel, user), as in WheelsInfo.",
        "wheels": "list of struct(name, repository, layer), in the order of the build.",
        "working_dir": "string: the folder that a container starts in.",
    },
)

ProgramInfo = provider(
    doc = "A program, whose files are the runfiles of its target.",
    fields = {
        "imports": "depset of string: folders below the runfiles that Python imports from, in the order of the build.",
        "main": "File: the entry point.",
    },
)

SematicImageInfo = provider(
    doc = "An image that was built. `description` names all other files by their runfiles paths.",
    fields = {
        "base_tag": "string: the name by which functions ask for this image's base; `default` for the first.",
        "config": "File: the image's configuration.",
        "description": "File: image.json, the description of the image for whoever pushes or explains it.",
        "digest": "File: the digest of the manifest, without a line end.",
        "files": "depset of File: everything that `description` names.",
        "manifest": "File: the image's manifest.",
    },
)

WheelIndexInfo = provider(
    doc = "The archives that wheels were installed from, where a workspace declares them.",
    fields = {"archives": "dict: the name of a wheel's repository → File, its .whl."},
)

WheelsInfo = provider(
    doc = "The wheels that a target needs, each with its layer.",
    fields = {
        "own": "string: the name of the wheel that the target is; None for any other target.",
        "uses": "depset of struct(wheel, user): who asks for a wheel by itself, a target or another wheel.",
        "wheels": "depset of struct(name, repository, layer): the wheel's name on its package index, the repository " +
                  "that it was installed in, and its layer (see layers.bzl).",
    },
)
