"""Where this checkout is, and what its folders that are no packages hold: files of those cannot be declared as data."""

_FOLDERS = ["bazel", "examples/workspace", "tools/toolbox"]

_DIGEST = """
import hashlib, pathlib, sys
digest = hashlib.sha256()
for folder in map(pathlib.Path, sys.argv[1:]):
    for path in sorted(folder.rglob("*")):
        if path.is_file() and "__pycache__" not in path.parts and not path.relative_to(folder).parts[0].startswith("bazel-"):
            digest.update(repr((str(path.relative_to(folder)), path.read_bytes())).encode())
print(digest.hexdigest())
"""

def _watch(ctx, folder):
    """All of a folder but bazel-bin and its like, which lead elsewhere."""
    for entry in folder.readdir():
        if entry.is_dir and not entry.basename.startswith("bazel-"):
            ctx.watch_tree(entry)
        elif not entry.is_dir:
            ctx.watch(entry)

def _checkout_impl(ctx):
    root = ctx.path(Label("//:MODULE.bazel")).dirname
    folders = [root.get_child(folder) for folder in _FOLDERS]
    for folder in folders:
        _watch(ctx, folder)
    python = ctx.os.environ.get("SEMATIC_PYTHON") or ctx.which("python3")
    asked = ctx.execute([python, "-SE", "-c", _DIGEST] + folders)
    if asked.return_code != 0:
        fail("The folders %s cannot be read: %s" % (", ".join(_FOLDERS), asked.stderr))
    ctx.file("checkout.json", json.encode({"digest": asked.stdout.strip(), "root": str(root)}))
    ctx.file("BUILD", 'exports_files(["checkout.json"], visibility = ["//visibility:public"])\n')

checkout = repository_rule(
    doc = "`checkout.json`: the folder of this checkout, and a digest of what a test reads there.",
    implementation = _checkout_impl,
    local = True,
)

def _extension_impl(_ctx):
    checkout(name = "checkout")

checkout_extension = module_extension(implementation = _extension_impl)
