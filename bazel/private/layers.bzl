"""The actions that make layers: from files, and from other layers.

A layer is a struct of three files: its blob, its metadata, and the index of what is in it.
"""

# A file for each of ten thousand inputs costs a sandbox more than packing them does; these actions read what their
# list of entries names and nothing else.
_UNSANDBOXED = {"no-sandbox": "1"}

def entry(path, file):
    """A line of a layer's list of entries, as the layer tool reads it.

    Args:
      path: in the image.
      file: of the build, which is to be there.

    Returns:
      a line.
    """
    if getattr(file, "is_symlink", False):
        return json.encode([path, file.path, "link"])
    if file.is_directory:
        return json.encode([path, file.path, "tree"])
    return json.encode([path, file.path, "data" if file.is_source else "file"])

def link_entry(path, target):
    """A line of a layer's list of entries: a link."""
    return json.encode([path, target, "symlink"])

def _declare(ctx, folder):
    return struct(
        blob = ctx.actions.declare_file(folder + "/blob.tar.gz"),
        metadata = ctx.actions.declare_file(folder + "/metadata.json"),
        index = ctx.actions.declare_file(folder + "/index.jsonl"),
    )

def layer_files(layer):
    """The three files of a layer."""
    return [layer.blob, layer.metadata, layer.index]

def _describe(arguments, layer, name, role, reason):
    arguments.add("--name", name)
    arguments.add("--role", role)
    arguments.add("--reason", reason)
    arguments.add("--blob", layer.blob)
    arguments.add("--metadata", layer.metadata)
    arguments.add("--index", layer.index)

def build_layer(ctx, tool, folder, name, role, reason, listed, files, archive = None):
    """Makes a layer of files.

    Args:
      ctx: of the rule or aspect.
      tool: the layer tool.
      folder: of the outputs, below the package's.
      name: by which people know the layer.
      role: see records.py of the layer tool.
      reason: why it is there.
      listed: Args that give the entries, one a line.
      files: a depset of the files that the entries name.
      archive: the .whl that a wheel's files come from, or None.

    Returns:
      the layer.
    """
    layer = _declare(ctx, folder)
    listed.set_param_file_format("multiline")
    entries = ctx.actions.declare_file(folder + "/entries.jsonl")
    ctx.actions.write(entries, listed)
    arguments = ctx.actions.args()
    arguments.add("build")
    _describe(arguments, layer, name, role, reason)
    arguments.add("--entries", entries)
    if role == "wheel":
        arguments.add("--root", "app/site-packages")
        arguments.add("--scripts", "app/bin")
        arguments.add("--prefix", "app")
    if archive:
        arguments.add("--wheel", archive)
    ctx.actions.run(
        executable = tool,
        arguments = [arguments],
        inputs = depset([entries] + ([archive] if archive else []), transitive = [files]),
        outputs = layer_files(layer),
        mnemonic = "SematicLayer",
        progress_message = "Packing %s for %s" % (name, ctx.label),
        execution_requirements = _UNSANDBOXED,
    )
    return layer

def join_layers(ctx, tool, folder, name, plan, pieces):
    """Makes one layer of those of `pieces` that the plan puts into the bin `name`.

    Args:
      ctx: of the rule.
      tool: the layer tool.
      folder: of the outputs, below the package's.
      name: of the bin.
      plan: File.
      pieces: layers.

    Returns:
      the layer; an empty one if the plan puts nothing there.
    """
    layer = _declare(ctx, folder)
    arguments = ctx.actions.args()
    arguments.add("bin")
    _describe(arguments, layer, name, "bin", "")
    arguments.add("--plan", plan)
    for piece in pieces:
        arguments.add_all("--piece", [piece.metadata, piece.index, piece.blob])
    ctx.actions.run(
        executable = tool,
        arguments = [arguments],
        inputs = [plan] + [file for piece in pieces for file in layer_files(piece)],
        outputs = layer_files(layer),
        mnemonic = "SematicBin",
        progress_message = "Joining small wheels for %s (%s)" % (ctx.label, name),
        execution_requirements = _UNSANDBOXED,
    )
    return layer
