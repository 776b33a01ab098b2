"""What ships beside the wheels: the files of a program's runfiles, and the folders that its Python imports from."""

load("@rules_python//python:defs.bzl", "PyInfo")
load(":layers.bzl", "entry", "link_entry")
load(":providers.bzl", "ProgramInfo")

_ROOT = "app/src/"
_SITE_PACKAGES = "/app/site-packages"
_INSTALLED = "/site-packages"

def runfiles_path(ctx, file):
    """Where a file is below the folder of runfiles."""
    return _below(ctx, file.short_path)

def _below(ctx, path):
    return path[len("../"):] if path.startswith("../") else ctx.workspace_name + "/" + path

def _python_files(target):
    """The runfiles of a target and its Python sources, which rules_python since 0.37 keeps out of a library's."""
    transitive = [target[DefaultInfo].default_runfiles.files]
    if PyInfo in target:
        transitive.append(target[PyInfo].transitive_sources)
    return depset(transitive = transitive)

def first_party_files(program, wheels, interpreter):
    """The files that a program needs and that no wheel and no interpreter brought.

    Args:
      program: its target.
      wheels: the names of the wheels' repositories, as keys of a dict.
      interpreter: the files of the interpreter, as keys of a dict.

    Returns:
      a list of files.
    """
    start = program[DefaultInfo].files_to_run.executable
    return [
        file
        for file in _python_files(program).to_list()
        if not (file == start or file in interpreter or file.owner.workspace_name in wheels)
    ]

def groups(files, targets, package):
    """Divides files: those of each of `targets` that no earlier one has, those of other packages, those of `package`.

    Args:
      files: a list.
      targets: libraries that are to have a layer of their own.
      package: the label of the pipeline.

    Returns:
      struct(targets, stable, app): a list of lists, and two lists.
    """
    left = {file: None for file in files}
    per_target = []
    for target in targets:
        per_target.append([file for file in _python_files(target).to_list() if file in left and left.pop(file) == None])
    app = [file for file in left if _is_in(file, package)]
    return struct(targets = per_target, stable = [file for file in left if not _is_in(file, package)], app = app)

def _is_in(file, package):
    return file.owner.package == package.package and file.owner.workspace_name == package.workspace_name

def entries_of(ctx, files):
    """The entries of files, each at its place below the image's folder of runfiles."""
    return [entry(_ROOT + runfiles_path(ctx, file), file) for file in files]

def other_entries(ctx, program, wheels):
    """Entries of the runfiles that are no files of their own, and the files that they need.

    Args:
      ctx: of the rule.
      program: its target.
      wheels: the names of the wheels' repositories.

    Returns:
      struct(lines, files).
    """
    runfiles = program[DefaultInfo].default_runfiles
    placed = [(_below(ctx, link.path), link.target_file) for link in runfiles.symlinks.to_list()]
    placed += [(link.path, link.target_file) for link in _rooted(program)]
    mapping = getattr(program[DefaultInfo].files_to_run, "repo_mapping_manifest", None)
    if mapping:
        placed.append(("_repo_mapping", mapping))
    lines = [entry(_ROOT + path, file) for path, file in placed]
    for path in runfiles.empty_filenames.to_list():
        below = _below(ctx, path)
        if below.partition("/")[0] not in wheels:
            lines.append(json.encode([_ROOT + below, "", "empty"]))
    lines += [link_entry("%s%s%s" % (_ROOT, name, _INSTALLED), "../.." + _INSTALLED) for name in wheels]
    return struct(lines = lines, files = [file for _, file in placed])

def import_path(ctx, program, files, wheels):
    """The folders of the image that Python imports from, in the order in which the build's own programs look.

    Bazel's starter of programs puts the runfiles first, then each `imports`, then the folder of each repository, by
    name. The folders of wheels, which are one in the image, stand where the first of them did.

    Args:
      ctx: of the rule.
      program: its target.
      files: the first-party files.
      wheels: the names of the wheels' repositories, as keys of a dict.

    Returns:
      a list of absolute paths.
    """
    found = {"/app/src": None}
    for path in program[ProgramInfo].imports.to_list():
        repository = path.partition("/")[0]
        if repository not in wheels:
            found["/app/src/" + path] = None
        elif path.endswith(_INSTALLED):
            found[_SITE_PACKAGES] = None
    repositories = {ctx.workspace_name: None}
    for path in [runfiles_path(ctx, file) for file in files] + [link.path for link in _rooted(program)]:
        repositories[path.partition("/")[0]] = None
    for repository in sorted(repositories):
        found["/app/src/" + repository] = None
    return found.keys()

def _rooted(program):
    return program[DefaultInfo].default_runfiles.root_symlinks.to_list()
