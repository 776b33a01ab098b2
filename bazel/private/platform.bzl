"""The platform that an image is built for."""

_PLATFORMS = "//command_line_option:platforms"
_CPU = "//command_line_option:cpu"

# The names that Bazel has for a Mac's processors.
_LINUX = {
    "darwin_arm64": Label("//platforms:linux_arm64"),
    "darwin_x86_64": Label("//platforms:linux_x86_64"),
}

def _image_platform_impl(settings, attributes):
    """A Mac builds for Linux; whoever names a platform gets that one; everybody else is at home already."""
    chosen = attributes.platform or _LINUX.get(settings[_CPU])
    return {_PLATFORMS: [str(chosen)] if chosen else settings[_PLATFORMS]}

image_platform = transition(
    implementation = _image_platform_impl,
    inputs = [_PLATFORMS, _CPU],
    outputs = [_PLATFORMS],
)
