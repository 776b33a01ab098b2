"""Programs beside Bazel: groups of packages that the toolbox gets when a target first needs them.

Bazel may be running in its view of the root meanwhile: dpkg puts each file in its place by renaming, so nothing that
runs loses what it has open, and the view shows the new programs as soon as they are there.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shlex
import shutil
import sys
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
if __name__ == "__main__":
    sys.path[0] = str(REPOSITORY)

from tools.toolbox import toolbox  # noqa: E402
from tools.toolbox.refusal import Refusal  # noqa: E402
from tools.toolbox.toolbox import Step, Toolbox  # noqa: E402


class Group:
    """Packages of the toolbox's Debian suite, and the programs of theirs that are used here.

    `beside`: a pattern of folders that are on nobody's PATH; of several the newest is taken.
    """

    def __init__(self, name: str, says: str, packages: list[str], programs: list[str], beside: str = "") -> None:
        self.name = name
        self.says = says
        self.packages = packages
        self.programs = programs
        self.beside = beside

    @property
    def stamp(self) -> str:
        """Another list of packages is another step."""
        return f"group-{self.name}-{hashlib.sha256(' '.join(self.packages).encode()).hexdigest()[:12]}"


GROUPS = {
    group.name: group
    for group in [
        Group(
            "containers",
            "a registry and container tools for tests, 50 MB to fetch: about 20 s",
            ["containerd", "docker-registry", "openssl", "runc", "skopeo"],
            ["containerd", "ctr", "docker-registry", "openssl", "runc", "skopeo"],
        ),
        Group(
            "postgres",
            "PostgreSQL for tests, 40 MB to fetch: about 20 s",
            ["postgresql"],
            ["initdb", "postgres"],
            "/usr/lib/postgresql/*/bin",
        ),
    ]
}


def commands(box: Toolbox, group: Group) -> dict[str, list[str] | None]:
    """How to start each program: from the toolbox where there is one, else from PATH; None is neither."""
    if in_use(box):
        install(box, group)
        return {name: in_view(box, name, group.beside) for name in group.programs}
    return {name: on_path(name, group.beside) for name in group.programs}


def in_use(box: Toolbox) -> bool:
    """Whether Bazel comes from the toolbox; only root can then enter its view."""
    return os.geteuid() == 0 and box.stamp("bazel").exists()


def install(box: Toolbox, group: Group) -> None:
    """Into the toolbox's root, unless it is there."""
    if box.stamp(group.stamp).exists():
        return
    with (box.folder / "lock").open("w") as lock:
        toolbox.take(lock.fileno())
        if not box.stamp(group.stamp).exists():
            box.do(Step(group.stamp, group.says, lambda: fetch(box, group)), "[1/1]")


def fetch(box: Toolbox, group: Group) -> None:
    """Begins with what an interrupted start left half-installed."""
    box.in_root(
        "dpkg --configure --pending\n"
        "apt-get -y --fix-broken install\n"
        "apt-get -o Acquire::Check-Valid-Until=false update\n"
        f"{toolbox.apt_install(group.packages)}\n"
        "apt-get clean\n",
        group.stamp,
    )


def in_view(box: Toolbox, name: str, beside: str = "") -> list[str]:
    """The program in a view of its own, since Python programs do not see the one that Bazel is in."""
    folders = ["/usr/bin", "/usr/sbin", *(f"/{path.relative_to(box.root)}" for path in folders_of(box.root, beside))]
    found = next((folder for folder in folders if (box.root / folder[1:] / name).exists()), None)
    if found is None:
        raise Refusal(
            f"{box.root} lacks {name}, which its packages should have brought: remove {box.folder / 'stamps'}."
        )
    usr, cache = (shlex.quote(str(box.root / own)) for own in ("usr", "etc/ld.so.cache"))
    # The machine's package manager may have replaced the cache since this view was made; the loader does without it.
    lay = (
        f"mount --rbind {usr} /usr && {{ mount --bind {cache} /etc/ld.so.cache 2>/dev/null || true; }} && "
        f'PATH={toolbox.ROOT_PATH} exec "$0" "$@"'
    )
    return ["unshare", "--mount", "sh", "-c", lay, f"{found}/{name}"]


def on_path(name: str, beside: str = "") -> list[str] | None:
    """A user's PATH may lack the folders of the administrator's programs."""
    places = [os.environ.get("PATH", ""), toolbox.ROOT_PATH, *map(str, folders_of(Path("/"), beside))]
    found = shutil.which(name, path=":".join(places))
    return [found] if found else None


def folders_of(root: Path, pattern: str) -> list[Path]:
    """The newest first."""
    return sorted(root.glob(pattern[1:]), key=_numbers, reverse=True) if pattern else []


def _numbers(path: Path) -> list[int]:
    return [int(number) for number in re.findall(r"\d+", str(path))]


def main(arguments: list[str]) -> None:
    """Writes the commands of the group that is named into a file, as JSON."""
    name, file = arguments
    Path(file).write_text(json.dumps(commands(Toolbox.here(), GROUPS[name]), indent=1) + "\n")


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except (Refusal, OSError) as refusal:
        sys.exit(f"toolbox: {refusal}")
