"""What the machine already has: a Bazel, a Python 3.11, an address of Debian's archive, room on the disk."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

from tools.toolbox.refusal import Refusal

OLDEST_BAZEL = 7
PYTHON = (3, 11)


class Verdicts:
    """Answers that take a process to find, kept per program until that program changes."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def of(self, question: str, program: str, ask: Callable[[str], str | None]) -> str | None:
        """The kept answer to `question` about `program`, else what `ask` says."""
        key = f"{question} {program} {Path(program).stat().st_mtime_ns}"
        known = self._read()
        if key not in known:
            known[key] = ask(program)
            self._write(known)
        return known[key]

    def _read(self) -> dict[str, str | None]:
        try:
            read = json.loads(self.path.read_text())
        except (OSError, ValueError):
            return {}
        return read if isinstance(read, dict) else {}

    def _write(self, known: dict[str, str | None]) -> None:
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            write_whole(self.path, json.dumps(known, indent=1))
        except OSError:
            pass  # A cache that cannot be written only costs the next start its time.


def write_whole(path: Path, text: str, mode: int = 0o644) -> None:
    """Writes a file so that another process sees the old text or the new one, nothing between."""
    beside = path.with_name(f"{path.name}.{os.getpid()}")
    beside.write_text(text)
    beside.chmod(mode)
    beside.replace(path)


def answer(command: list[str], folder: Path | None = None, seconds: float = 300) -> str | None:
    """What a command prints when it succeeds, else None."""
    try:
        done = subprocess.run(
            command, cwd=folder, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=seconds, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout if done.returncode == 0 else None


# Bazel


def bazel_on_path(repository: Path, verdicts: Verdicts) -> str | None:
    """The user's bazel or bazelisk, when it can build this repository."""
    for name in ("bazel", "bazelisk"):
        found = shutil.which(name)
        if found is None or Path(found).samefile(repository / "bazelw"):
            continue
        if verdicts.of("bazel", found, lambda program: "yes" if builds(program, repository) else None):
            return found
    return None


def builds(program: str, repository: Path) -> bool:
    """Whether it runs here and is new enough. Builds without a version number have to know what our .bazelrc says."""
    said = answer([program, "--version"], repository)
    if said is None:
        return False
    major = bazel_major(said)
    if major is not None:
        return major >= OLDEST_BAZEL
    return answer([program, "info", "release"], repository) is not None


def bazel_major(said: str) -> int | None:
    number = re.search(r"\bbazel (\d+)\.", said)
    return int(number[1]) if number else None


# Python


def python_on_path(verdicts: Verdicts, search: str | None = None) -> str | None:
    """The real path (no version manager's shim, no virtual environment) of a Python 3.11."""
    wanted = ".".join(map(str, PYTHON))
    for name in (os.environ.get("SEMATIC_PYTHON"), f"python{wanted}", "python3", f"/usr/bin/python{wanted}"):
        found = shutil.which(name, path=search) if name else None
        if found is None:
            continue
        real = verdicts.of("python", found, real_python)
        if real is not None and Path(real).exists():
            return real
    return None


def real_python(program: str) -> str | None:
    """The interpreter behind `program`, if it is of the wanted version and not cut down."""
    said = answer(
        [
            program,
            "-c",
            "import sys, ctypes, ssl, sqlite3, zlib\n"
            "print(*sys.version_info[:2])\n"
            "print(getattr(sys, '_base_executable', sys.executable))",
        ]
    )
    if said is None:
        return None
    version, path = said.splitlines()[:2]
    return path if version == "{} {}".format(*PYTHON) else None


# Debian's archive


def archive_address(apt: Path = Path("/etc/apt")) -> str:
    """Where this machine gets Debian's packages from."""
    for uri in _package_sources(apt):
        if uri.startswith("mirror+file:"):
            listed = Path(uri.removeprefix("mirror+file:"))
            lines = listed.read_text().split() if listed.exists() else []
            uri = lines[0] if lines else ""
        if re.match(r"https?://.*/debian/?$", uri):
            return uri.rstrip("/")
    raise Refusal(
        "apt on this machine names no archive of Debian, which Bazel would be installed from: install Bazel 7.7.1 or "
        "bazelisk yourself and start again."
    )


def _package_sources(apt: Path) -> Iterator[str]:
    parts = apt / "sources.list.d"
    for path in [apt / "sources.list", *sorted(parts.glob("*.list"))]:
        if path.exists():
            yield from addresses_of_lines(path.read_text())
    for path in sorted(parts.glob("*.sources")):
        yield from addresses_of_stanzas(path.read_text())


def addresses_of_lines(text: str) -> Iterator[str]:
    """The addresses in apt's one-line format: `deb [options] URI suite components`."""
    for line in text.splitlines():
        entry = re.match(r"\s*deb\s+(?:\[[^]]*\]\s*)?(\S+)\s", line)
        if entry:
            yield entry[1]


def addresses_of_stanzas(text: str) -> Iterator[str]:
    """The addresses in apt's deb822 format."""
    for stanza in re.split(r"\n\s*\n", text):
        lines = [line for line in stanza.splitlines() if not line.startswith("#")]
        fields = dict(re.findall(r"^(\S+?):[ \t]*((?:.*)(?:\n[ \t]+.*)*)", "\n".join(lines), re.MULTILINE))
        fields = {name.lower(): value.split() for name, value in fields.items()}
        if "deb" in fields.get("types", []) and fields.get("enabled", ["yes"]) != ["no"]:
            yield from fields.get("uris", [])


# What the making needs: each refuses, in one sentence, a machine on which it cannot be done


def check_kind() -> None:
    if not is_debian():
        raise Refusal(
            "there is no usable Bazel on PATH, and this is no Debian that one could be installed on: install Bazel "
            "7.7.1 or bazelisk and start again."
        )
    check_root()


def check_root() -> None:
    if os.geteuid() != 0:
        raise Refusal(
            "there is no usable Bazel on PATH, and the one that can be installed for you runs as root only: install "
            "Bazel 7.7.1 or bazelisk, or start this as root."
        )


def is_debian() -> bool:
    return Path("/etc/debian_version").exists() and shutil.which("apt-get") is not None


def check_room(folder: Path, gigabytes: float) -> None:
    existing = next(path for path in [folder, *folder.parents] if path.exists())
    free = shutil.disk_usage(existing).free / 1e9
    if free < gigabytes:
        raise Refusal(
            f"{existing} has {free:.1f} GB free and Bazel's toolbox needs {gigabytes:.0f}: make room, or set "
            "SEMATIC_TOOLBOX_DIR to a folder on a larger disk."
        )


def check_reachable(address: str) -> None:
    import urllib.request  # Takes as long to import as everything else in a start that has nothing to make.

    try:
        with urllib.request.urlopen(urllib.request.Request(address, method="HEAD"), timeout=30):
            return
    except (OSError, ValueError) as error:
        reason = getattr(error, "reason", error)
        raise Refusal(
            f"{address} cannot be reached ({reason}): connect this machine to the network (or set http_proxy), or "
            "install Bazel 7.7.1 yourself."
        ) from None
