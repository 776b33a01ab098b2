"""Images as files: pulled into an OCI layout by skopeo, unpacked into a root file system by an applier of our own.

The applier shares nothing with the programs that write layers, so that it can say whether they are right.
"""

from __future__ import annotations

import json
import os
import shutil
import stat
import subprocess
import tarfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tools.testing.registry import Registry
from tools.testing.tools import program

Json = dict[str, Any]
_WHITEOUT, _OPAQUE = ".wh.", ".wh..wh..opq"
_MOST_LINKS = 40  # As many as Linux follows.


@dataclass(frozen=True)
class Image:
    """A root file system, and the configuration that belongs to it."""

    root: Path
    config: Json

    def setting(self, name: str, otherwise: Any) -> Any:
        """Of what a container is started with: Env, Cmd, WorkingDir, …"""
        return (self.config.get("config") or {}).get(name) or otherwise


def fetch(registry: Registry, repository: str, name: str, folder: Path) -> Image:
    """The image, by tag or digest, ready to be run; its files are below `folder`."""
    return unpack(pull(registry, repository, name, folder), folder / "root")


def pull(registry: Registry, repository: str, name: str, folder: Path) -> Path:
    """The image, by tag or digest, as an OCI layout in `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    source = [f"docker://{registry.reference(repository, name)}", *_trust(registry, folder), *_login(registry, folder)]
    subprocess.run(
        [*program("skopeo"), "copy", "--quiet", "--insecure-policy", *source, f"oci:{folder}/layout:latest"],
        check=True,
        stdout=subprocess.DEVNULL,
    )
    return folder / "layout"


def _trust(registry: Registry, folder: Path) -> list[str]:
    if registry.ca is None:
        return ["--src-tls-verify=false"]
    (folder / "trusted").mkdir(exist_ok=True)
    shutil.copy(registry.ca, folder / "trusted/ca.crt")
    return [f"--src-cert-dir={folder}/trusted"]


def _login(registry: Registry, folder: Path) -> list[str]:
    if registry.login is None:
        return []
    (folder / "auth.json").write_text(json.dumps({"auths": {registry.host: {"auth": registry.login.basic}}}))
    return [f"--src-authfile={folder}/auth.json"]


def unpack(layout: Path, root: Path) -> Image:
    """The one image of an OCI layout, all its layers one over the other."""
    (entry,) = json.loads((layout / "index.json").read_bytes())["manifests"]
    manifest = json.loads(_blob(layout, entry["digest"]).read_bytes())
    config: Json = json.loads(_blob(layout, manifest["config"]["digest"]).read_bytes())
    root.mkdir(parents=True)
    root.chmod(0o755)
    for layer in manifest["layers"]:
        apply(_blob(layout, layer["digest"]), root)
    return Image(root, config)


def _blob(layout: Path, digest: str) -> Path:
    return layout / "blobs" / digest.replace(":", "/")


def apply(layer: Path, root: Path) -> None:
    """One layer over what is there. Folders get their modes last: one may be closed to its owner."""
    folders: dict[Path, int] = {}
    with tarfile.open(layer, "r:*", encoding="utf-8", errors="surrogateescape") as archive:
        for member in archive:
            target = _put(archive, member, root)
            if target is not None and member.isdir():
                folders[target] = member.mode
    for folder, mode in folders.items():
        if folder.is_dir():
            folder.chmod(stat.S_IMODE(mode))


def _put(archive: tarfile.TarFile, member: tarfile.TarInfo, root: Path) -> Path | None:
    """Where it went, if anywhere."""
    folder, _, name = member.name.strip("/").removeprefix("./").rpartition("/")
    if name in ("", "."):
        return root
    inside = resolve(root, folder)
    inside.mkdir(parents=True, exist_ok=True)
    if name.startswith(_WHITEOUT):
        _remove_below(inside, name)
        return None
    target = inside / name
    if not (member.isdir() and target.is_dir() and not target.is_symlink()):
        _remove(target)
        _maker(member)(archive, member, target, root)
    os.chown(target, member.uid, member.gid, follow_symlinks=False)
    if not (member.isdir() or member.issym() or member.islnk()):
        target.chmod(stat.S_IMODE(member.mode))
    return target


Maker = Callable[[tarfile.TarFile, tarfile.TarInfo, Path, Path], None]


def _maker(member: tarfile.TarInfo) -> Maker:
    for holds, make in _MAKERS:
        if holds(member):
            return make
    raise AssertionError(f"{member.name} is of a kind that no image should have: {member.type!r}")


def _file(archive: tarfile.TarFile, member: tarfile.TarInfo, target: Path, root: Path) -> None:
    content = archive.extractfile(member)
    assert content is not None
    with content, target.open("wb") as out:
        shutil.copyfileobj(content, out, 1 << 20)


def _folder(archive: tarfile.TarFile, member: tarfile.TarInfo, target: Path, root: Path) -> None:
    target.mkdir()


def _symlink(archive: tarfile.TarFile, member: tarfile.TarInfo, target: Path, root: Path) -> None:
    target.symlink_to(member.linkname)


def _hardlink(archive: tarfile.TarFile, member: tarfile.TarInfo, target: Path, root: Path) -> None:
    folder, _, name = member.linkname.strip("/").removeprefix("./").rpartition("/")
    os.link(resolve(root, folder) / name, target, follow_symlinks=False)


def _node(archive: tarfile.TarFile, member: tarfile.TarInfo, target: Path, root: Path) -> None:
    kind = stat.S_IFCHR if member.ischr() else stat.S_IFBLK if member.isblk() else stat.S_IFIFO
    os.mknod(target, kind | member.mode, os.makedev(member.devmajor, member.devminor))


_MAKERS: list[tuple[Callable[[tarfile.TarInfo], bool], Maker]] = [
    (tarfile.TarInfo.isreg, _file),
    (tarfile.TarInfo.isdir, _folder),
    (tarfile.TarInfo.issym, _symlink),
    (tarfile.TarInfo.islnk, _hardlink),
    (tarfile.TarInfo.isdev, _node),
]


def resolve(root: Path, path: str) -> Path:
    """Where `path` leads inside `root`: links are followed as they are in a container, never out of the root."""
    parts, found, links = path.split("/")[::-1], root, 0
    while parts:
        part = parts.pop()
        if part in ("", "."):
            continue
        if part == "..":
            found = found if found == root else found.parent
            continue
        if not (found / part).is_symlink():
            found /= part
            continue
        links += 1
        assert links <= _MOST_LINKS, f"{path} leads in a circle"
        target = os.readlink(found / part)
        found = root if target.startswith("/") else found
        parts += target.split("/")[::-1]
    return found


def _remove_below(folder: Path, name: str) -> None:
    hidden = list(folder.iterdir()) if name == _OPAQUE else [folder / name.removeprefix(_WHITEOUT)]
    for path in hidden:
        _remove(path)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
