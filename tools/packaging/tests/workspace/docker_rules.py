"""Stand-ins for io_bazel_rules_docker's public symbols, as a workspace that uses both declares and loads them.

It cannot be fetched everywhere. What is shown is that names, repositories and targets of the two do not meet.
"""

from __future__ import annotations

RULES = """
def _impl(ctx):
    out = ctx.actions.declare_file(ctx.label.name + ".tar")
    ctx.actions.write(out, "")
    return [DefaultInfo(files = depset([out]), executable = out)]

stand_in = rule(
    implementation = _impl,
    attrs = {
        "base": attr.label(allow_files = True),
        "deps": attr.label_list(),
        "format": attr.string(),
        "image": attr.label(),
        "main": attr.label(allow_single_file = True),
        "registry": attr.string(),
        "repository": attr.string(),
        "srcs": attr.label_list(allow_files = True),
        "tag": attr.string(),
    },
    executable = True,
)
"""

FILES = {
    "WORKSPACE": 'workspace(name = "io_bazel_rules_docker")\n',
    "BUILD": "",
    "stand_in.bzl": RULES,
    "repositories/BUILD": "",
    "repositories/repositories.bzl": "def repositories():\n    pass\n",
    "container/BUILD": "",
    "container/container.bzl": (
        'load("//:stand_in.bzl", "stand_in")\ncontainer_image = stand_in\ncontainer_push = stand_in\n'
    ),
    "python3/BUILD": "",
    "python3/image.bzl": 'load("//:stand_in.bzl", "stand_in")\n\ndef py3_image(name, **kwargs):\n    stand_in(name = name, **kwargs)\n',
}

# As its own documentation has it, and the user's document.
IN_WORKSPACE = """
local_repository(
    name = "io_bazel_rules_docker",
    path = "io_bazel_rules_docker",
)

load("@io_bazel_rules_docker//repositories:repositories.bzl", "repositories")

repositories()
"""

IN_BUILD = """
load("@io_bazel_rules_docker//container:container.bzl", "container_push")
load("@io_bazel_rules_docker//python3:image.bzl", "py3_image")

py3_image(
    name = "old_image",
    srcs = ["main.py"],
    main = "main.py",
    deps = [":main_lib"],
)

container_push(
    name = "old_image_push",
    format = "Docker",
    image = ":old_image",
    registry = "localhost:5000",
    repository = "monorepo/old",
    tag = "latest",
)
"""


def beside(workspace: str, build: str) -> dict[str, str]:
    """Changes by path: the stand-ins, and both rule sets in one WORKSPACE file and one BUILD file."""
    files = {f"io_bazel_rules_docker/{path}": text for path, text in FILES.items()}
    head, marker, tail = workspace.partition("# Sematic's rules\n")
    assert marker
    return {**files, "WORKSPACE": head + IN_WORKSPACE + marker + tail, "wines/BUILD": build + IN_BUILD}
