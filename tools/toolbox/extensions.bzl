"""toolbox_programs as MODULE.bazel needs it."""

load(":programs.bzl", "toolbox_programs")

def _toolbox_impl(_ctx):
    toolbox_programs(
        name = "toolbox_containers",
        group = "containers",
    )
    toolbox_programs(
        name = "toolbox_postgres",
        group = "postgres",
    )

toolbox = module_extension(implementation = _toolbox_impl)
