"""Flags of the rule set."""

RegistryInfo = provider(doc = "A registry that goes before those of BUILD files.", fields = {"address": "string"})

def _registry_flag_impl(ctx):
    return [RegistryInfo(address = ctx.build_setting_value)]

registry_flag = rule(
    doc = "A flag that names a registry, `host[:port][/folder]`; empty for what BUILD files say.",
    implementation = _registry_flag_impl,
    build_setting = config.string(flag = True),
)
