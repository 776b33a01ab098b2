"""A stand-in: only `bazel mod tidy` runs buildozer, and it needs the network anyway."""

def _nothing_impl(ctx):
    ctx.file("BUILD", "")

_nothing = repository_rule(implementation = _nothing_impl)

def _buildozer_binary_impl(_ctx):
    _nothing(name = "buildozer_binary")

buildozer_binary = module_extension(implementation = _buildozer_binary_impl)
