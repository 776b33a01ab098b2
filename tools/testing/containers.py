"""Runs commands in containers, with runc: the image's files, the host's network, nothing left afterwards.

Everything happens in a mount and a process namespace of one run, so that what is mounted and started there ends with
it. Control groups do not, so they are looked for.
"""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tools.testing.images import Image
from tools.testing.tools import check_root, program

Json = dict[str, Any]
CGROUPS = Path("/sys/fs/cgroup")
_SECONDS = 600
_GRACE_SECONDS = 10.0
_PATH = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
OWN_SPACE = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"]
# What the container writes goes into memory: the image stays as it is, for the next run.
_LAY_ROOT = """set -e
mount -t tmpfs none "$1"
mkdir "$1/upper" "$1/work" "$1/root" "$1/state"
mount -t overlay -o "lowerdir=$2,upperdir=$1/upper,workdir=$1/work" none "$1/root"
shift 2
exec "$@"
"""
_CAPABILITIES = [
    f"CAP_{name}"
    for name in (
        "CHOWN DAC_OVERRIDE FSETID FOWNER MKNOD NET_RAW SETGID SETUID SETFCAP SETPCAP NET_BIND_SERVICE SYS_CHROOT "
        "KILL AUDIT_WRITE"
    ).split()
]


@dataclass(frozen=True)
class Result:
    """How a container ended."""

    code: int
    out: str
    err: str


class LeftOver(AssertionError):
    """Something of a container is still there after it."""


def run(image: Image, command: Sequence[str] = (), env: Mapping[str, str] | None = None) -> Result:
    """Runs `command`, or what the image would run, to its end."""
    check_root("containers")
    with tempfile.TemporaryDirectory(prefix="sematic-test-") as scratch:
        folder, name = Path(scratch), Path(scratch).name
        (folder / "live").mkdir()
        spec = specification(image, command, env or {}, folder / "live/root", name)
        (folder / "config.json").write_text(json.dumps(spec))
        runc = [*program("runc"), "--root", f"{folder}/live/state", "run", "--bundle", scratch, name]
        laid = ["sh", "-c", _LAY_ROOT, "sh", f"{folder}/live", str(image.root)]
        try:
            return _ended([*OWN_SPACE, *laid, *runc])
        except BaseException:
            remove_cgroups(name)  # It was ended in the middle of something, and runc with it.
            raise
        finally:
            check_nothing_left(name)


def _ended(command: list[str]) -> Result:
    """Whatever happens, all that it started is over when this returns: until then the pipes are open."""
    process = subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        out, err = process.communicate(timeout=_SECONDS)
    except BaseException:
        process.kill()
        process.communicate()
        raise
    return Result(process.returncode, out, err)


def specification(image: Image, command: Sequence[str], env: Mapping[str, str], root: Path, name: str) -> Json:
    """What runc is told. No limits and no out-of-memory score: setting those takes rights that CI may lack."""
    arguments = [*command] or [*image.setting("Entrypoint", []), *image.setting("Cmd", [])]
    variables = [*image.setting("Env", [_PATH]), *(f"{key}={value}" for key, value in env.items())]
    return {
        "ociVersion": "1.0.2",
        "hostname": "container",
        "root": {"path": str(root)},
        "process": {
            "user": _user(image.setting("User", "0")),
            "args": arguments,
            "env": variables,
            "cwd": image.setting("WorkingDir", "/"),
            "capabilities": dict.fromkeys(("bounding", "effective", "permitted"), _CAPABILITIES),
        },
        "mounts": _mounts(),
        "linux": {
            "cgroupsPath": f"/{name}",
            "namespaces": [{"type": kind} for kind in ("pid", "ipc", "uts", "mount")],
            "resources": {"devices": [{"allow": False, "access": "rwm"}]},
        },
    }


def _user(text: str) -> Json:
    uid, _, gid = text.partition(":")
    assert uid.isdigit(), f"the image's user is {text!r}: a number is needed here"
    return {"uid": int(uid), "gid": int(gid or 0)}


def _mounts() -> list[Json]:
    return [
        {"destination": "/proc", "type": "proc", "source": "proc"},
        _memory("/dev", "nosuid", "strictatime", "mode=755", "size=65536k"),
        {
            "destination": "/dev/pts",
            "type": "devpts",
            "source": "devpts",
            "options": ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620"],
        },
        _memory("/dev/shm", "nosuid", "noexec", "nodev", "mode=1777", "size=65536k"),
        _bound("/sys"),
        *(_bound(path) for path in ("/etc/hosts", "/etc/resolv.conf") if os.path.exists(path)),
    ]


def _memory(path: str, *options: str) -> Json:
    return {"destination": path, "type": "tmpfs", "source": "tmpfs", "options": [*options]}


def _bound(path: str) -> Json:
    return {
        "destination": path,
        "type": "none",
        "source": path,
        "options": ["rbind", "ro", "nosuid", "noexec", "nodev"],
    }


def check_nothing_left(name: str) -> None:
    """Raises LeftOver with every control group, process and mount that `name` is in the name of."""
    left = [*map(str, cgroups(name)), *_processes(name), *_mounted(name)]
    if left:
        raise LeftOver(f"of {name} there is still: {', '.join(left)}")


def cgroups(name: str) -> list[Path]:
    """Those of one container, deepest first, in whatever hierarchies this machine has."""
    found = [path for pattern in (f"{name}*", f"*/{name}*") for path in CGROUPS.glob(pattern)]
    return sorted((path for top in found for path in _folders(top)), key=lambda path: -len(path.parts))


def remove_cgroups(name: str) -> None:
    """Those of a container that was killed; the kernel may still be busy with its processes."""
    deadline = time.monotonic() + _GRACE_SECONDS
    while (found := cgroups(name)) and time.monotonic() < deadline:
        for path in found:
            with suppress(OSError):
                path.rmdir()
        time.sleep(0.01)


def _folders(top: Path) -> Iterator[Path]:
    for folder, _, _ in os.walk(top):
        yield Path(folder)


def _processes(name: str) -> Iterator[str]:
    for process in Path("/proc").glob("[0-9]*"):
        try:
            told = (process / "cgroup").read_text() + (process / "cmdline").read_text()
        except OSError:
            continue  # It has ended meanwhile.
        if name in told and process.name != str(os.getpid()):
            yield f"process {process.name}"


def _mounted(name: str) -> Iterator[str]:
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        if name in line:
            yield f"mount {line.split()[4]}"
