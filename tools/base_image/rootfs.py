"""A Debian root with Python, made by debootstrap, without what differs between two makings."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from tools.toolbox import host
from tools.toolbox.refusal import Refusal
from tools.toolbox.toolbox import ROOT_PATH, Toolbox

SUITE = "bookworm"
PACKAGES = ("python3", "ca-certificates")
_DAY = "10957"  # 2000-01-01, as the layers have it: the day that passwords were changed last.

_CLEAN = ("env", "-i", f"PATH={ROOT_PATH}", "LC_ALL=C.UTF-8")  # A TMPDIR of this machine's is not in there.

# The machine's own certificates came in with debootstrap, and the compiled modules name the seconds they were made in.
_SETTLE = """
umask 022
rm -rf /etc/ssl/certs/*
update-ca-certificates --fresh
find / -xdev -name __pycache__ -prune -exec rm -rf {} +
ln -sf python3 /usr/bin/python
PYTHONHASHSEED=0 python3 -B -m compileall -q --invalidation-mode unchecked-hash /usr/lib/python3*
"""


def check_machine() -> None:
    """Refuses a machine on which it cannot be done, in one sentence."""
    if not host.is_debian():
        raise Refusal(
            "a base image is made with Debian's own tools, and this is no Debian: make it on a Debian 12, or take one "
            "of Docker Hub's python images."
        )
    if os.geteuid() != 0:
        raise Refusal("debootstrap makes a root file system, which only root may do: start this as root.")


def archive() -> str:
    """Where this machine gets Debian's packages from."""
    try:
        return host.archive_address()
    except Refusal:
        raise Refusal("apt on this machine names no archive of Debian: add one to /etc/apt/sources.list.") from None


def make(folder: Path) -> Path:
    """Makes the root in a folder, and says where it is. What debootstrap says is in the folder's logs."""
    root = folder / "root"
    _require_archive(archive())
    toolbox = Toolbox(folder)
    toolbox.bootstrap(root, SUITE, SUITE, *PACKAGES)
    toolbox.run(["chroot", str(root), *_CLEAN, "sh", "-ec", _SETTLE], "settle", proc=root / "proc")
    _settle_passwords(root / "etc/shadow")
    return root


def architecture() -> str:
    """Of this machine; Debian and container images call it the same."""
    return (host.answer(["dpkg", "--print-architecture"]) or "amd64").strip()


def versions(root: Path) -> tuple[str, str]:
    """Of Python and of glibc."""
    installed = (root / "var/lib/dpkg/status").read_text()
    return _installed(installed, "python3"), _installed(installed, "libc6")


def _require_archive(address: str) -> None:
    try:
        host.check_reachable(f"{address}/dists/{SUITE}/InRelease")
    except Refusal:
        raise Refusal(
            f"{address}, which apt on this machine names, cannot be reached: connect it to the network, or set "
            "http_proxy."
        ) from None


def _installed(status: str, package: str) -> str:
    """The version that its authors gave a package, without what Debian adds."""
    entry = "\n" + status.partition(f"Package: {package}\n")[2].partition("\n\n")[0]
    return entry.partition("\nVersion: ")[2].partition("\n")[0].partition("-")[0]


def _settle_passwords(shadow: Path) -> None:
    lines = [line.split(":") for line in shadow.read_text().splitlines()]
    shadow.write_text("".join(":".join([*line[:2], _DAY, *line[3:]]) + "\n" for line in lines))


def remove(folder: Path) -> None:
    """What a making left behind."""
    if folder.exists():
        shutil.rmtree(folder)
