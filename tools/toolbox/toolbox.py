"""The toolbox: a Debian root in the cache folder that holds Bazel, and the view in which Bazel runs.

In the view the root's /usr lies over the machine's own, everything else stays as it is. Python programs that Bazel
starts see the machine's own /usr again: the interpreter that Bazel is told of is a script that lays it back.
"""

from __future__ import annotations

import ctypes
import fcntl
import hashlib
import os
import shlex
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from tools.toolbox import host
from tools.toolbox.refusal import Refusal

RECIPE = 1  # Raise it when a root that was made by an older recipe will not do.
SUITE, SUITE_SCRIPT = "forky", "sid"  # debootstrap of Debian 12 has no script named forky; the one of sid fits.
PYTHON_SUITE = "bookworm"  # Has Python 3.11, for machines that do not.
GIGABYTES = 5.0

PACKAGES = ["bazel-bootstrap", "python3", "git", "ca-certificates"]
MARK = Path("/usr/share/sematic-toolbox")  # In the root's /usr: who sees it is in the view.
ROOT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"  # A user's own may lack the sbin folders.
CERTIFICATES = Path("/usr/local/share/ca-certificates")

# A Python program in the view has the machine's ld.so.cache laid over the root's. The root's file is then a
# mount point there, which the root's own ldconfig could not replace.
UNCOVER = 'umount /etc/ld.so.cache 2>/dev/null; exec "$0" "$@"'

MS_RDONLY, MS_REMOUNT, MS_BIND, MS_REC, MS_SLAVE = 1, 32, 4096, 16384, 1 << 19
CLONE_NEWNS = 0x00020000
PR_SET_PDEATHSIG = 1


def cache_folder() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "sematic"


class Step:
    """A part of the making: done once, then stamped; what was not stamped is done anew."""

    def __init__(self, name: str, says: str, make: Callable[[], None]) -> None:  # dataclasses take 10 ms to import.
        self.name = name
        self.says = says
        self.make = make


class Toolbox:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.root = folder / "root"
        self.python_root = folder / "python-root"

    @classmethod
    def here(cls) -> Toolbox:
        own = os.environ.get("SEMATIC_TOOLBOX_DIR")
        return cls(Path(own).absolute() if own else cache_folder() / f"toolbox-{SUITE}-{RECIPE}")

    # Making it

    def ensure(self) -> None:
        """Makes what is missing. Costs a few file look-ups when nothing is."""
        if MARK.exists() or not self.missing():
            return
        host.check_kind()
        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder / "lock").open("w") as lock:
            take(lock.fileno())
            missing = self.missing()
            if any(step.name in ("base", "bazel", "python") for step in missing):
                host.check_reachable(f"{host.archive_address()}/dists/{SUITE}/InRelease")
            if any(step.name == "base" for step in missing):
                host.check_room(self.folder, GIGABYTES)
            for number, step in enumerate(missing, 1):
                self.do(step, f"[{number}/{len(missing)}]")

    def missing(self) -> list[Step]:
        return [step for step in self.steps() if not self.stamp(step.name).exists()]

    def stamp(self, name: str) -> Path:
        return self.folder / "stamps" / name

    def steps(self) -> list[Step]:
        python = self.host_python()
        steps = [
            Step("base", f"the base system, Debian {SUITE}: about 40 s", self.make_base),
            Step("bazel", "Bazel and what it needs, 250 MB to fetch: about 90 s", self.make_bazel),
            Step(
                f"certificates-{certificates_key()}", "this machine's certificates: about 10 s", self.make_certificates
            ),
        ]
        if python is None:
            steps.append(Step("python", "Python 3.11, which this machine lacks: about 90 s", self.make_python))
        return steps

    def do(self, step: Step, counted: str) -> None:
        print(f"bazelw: {counted} {step.says}", file=sys.stderr, flush=True)
        began = time.monotonic()
        self.stamp(step.name).parent.mkdir(exist_ok=True)
        step.make()
        self.stamp(step.name).touch()
        print(f"bazelw: {counted} done in {time.monotonic() - began:.0f} s", file=sys.stderr, flush=True)

    def make_base(self) -> None:
        for own in ("usr", "alternatives"):
            (self.folder / "machine" / own).mkdir(parents=True, exist_ok=True)
        (self.folder / "machine" / "ld.so.cache").touch()
        self.stamp("bazel-begun").unlink(missing_ok=True)
        self.bootstrap(self.root, SUITE, SUITE_SCRIPT)

    def make_bazel(self) -> None:
        begun = self.stamp("bazel-begun")
        again = begun.exists()
        begun.touch()
        try:
            self.in_root(
                "dpkg --configure --pending\n"  # What an interrupted start left half-installed.
                "apt-get -y --fix-broken install\n"
                "apt-get -o Acquire::Check-Valid-Until=false update\n"  # The suite renews its list when it likes.
                f"{apt_install(PACKAGES)}\n"
                "apt-get clean\n",
                "bazel",
            )
        except Refusal:
            if again:  # Beyond repair, it seems: the next start begins with a new base.
                self.stamp("base").unlink()
            raise
        settle_java(self.root)
        (self.root / MARK.relative_to("/")).touch()

    def make_certificates(self) -> None:
        """The machine's own certificates into a store of Bazel's Java, one per content: a new one restarts it."""
        inside = self.root / CERTIFICATES.relative_to("/")
        shutil.rmtree(inside, ignore_errors=True)
        if CERTIFICATES.is_dir():
            shutil.copytree(CERTIFICATES, inside)
        self.in_root("update-ca-certificates --fresh\n", "certificates")
        made = self.trust_store.with_suffix(".new")
        shutil.copyfile(self.root / "etc/ssl/certs/java/cacerts", made)
        made.replace(self.trust_store)

    def make_python(self) -> None:
        self.bootstrap(self.python_root, PYTHON_SUITE, PYTHON_SUITE, "python3", "python3-distutils", "ca-certificates")

    def bootstrap(self, root: Path, suite: str, script: str, *packages: str) -> None:
        if shutil.which("debootstrap", path=ROOT_PATH) is None:
            install = apt_install(["debootstrap"])
            self.run(["sh", "-c", f"{install} || {{ apt-get update; {install}; }}"], "debootstrap")
        if root.exists():
            shutil.rmtree(root)
        include = [f"--include={','.join(packages)}"] if packages else []
        self.run(
            ["debootstrap", "--variant=minbase", *include, suite, str(root), host.archive_address(), script],
            root.name,
        )
        bundle = Path("/etc/ssl/certs/ca-certificates.crt")  # For an archive that apt speaks https with.
        if bundle.exists():
            (root / "etc/ssl/certs").mkdir(parents=True, exist_ok=True)
            shutil.copyfile(bundle, root / "etc/ssl/certs/ca-certificates.crt")

    def in_root(self, script: str, log: str) -> None:
        self.run(["chroot", str(self.root), "sh", "-ec", script], log, proc=self.root / "proc")

    def run(self, command: list[str], log: str, proc: Path | None = None) -> None:
        """Runs a step's command so that nothing of it, no process and no mount, outlives this process."""
        apart = ["unshare", "--mount", "--pid", "--fork", "--kill-child", f"--mount-proc={proc or '/proc'}"]
        inside = [*apart, "sh", "-c", UNCOVER, *command]
        path = self.folder / "logs" / f"{log}.log"
        path.parent.mkdir(exist_ok=True)
        with path.open("w") as output:
            code = subprocess.run(
                inside,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env={**os.environ, "PATH": ROOT_PATH, "DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C.UTF-8"},
                preexec_fn=die_with_parent,
                check=False,
            ).returncode
        if code != 0:
            raise Refusal(failed(command[0], path))

    # Using it

    @property
    def trust_store(self) -> Path:
        return self.folder / f"cacerts-{certificates_key()}"

    def become_bazel(self, arguments: list[str]) -> None:
        if not MARK.exists():
            host.check_root()
            script = self.interpreter_script(self.host_python())
            interpreter = self.interpreter(script)
            interpreter.parent.mkdir(parents=True, exist_ok=True)
            keep(interpreter, script, 0o755)
            keep(self.folder / "bazelrc", self.bazelrc(interpreter))
            self.enter()
        os.execv("/usr/bin/bazel", ["bazel", f"--bazelrc={self.folder / 'bazelrc'}", *arguments])

    def enter(self) -> None:
        """Lays the root's /usr over the machine's, for this process and those it starts."""
        machine, usr, etc = self.folder / "machine", Path("/usr"), Path("/etc")
        unshare_mounts()
        bind(self.python_root / "usr" if self.host_python() is None else usr, machine / "usr")
        for own in ("alternatives", "ld.so.cache"):
            theirs = self.python_root / "etc" / own if self.host_python() is None else etc / own
            for source, target in [(theirs, machine / own), (self.root / "etc" / own, etc / own)]:
                try:
                    bind(source, target)
                except Refusal:  # A file that a package manager replaced meanwhile; the loader does without it.
                    if own == "alternatives":
                        raise
        bind(self.root / "usr", usr, read_only=True)
        os.chdir(Path.cwd())  # A working folder under /usr is now the one of the view.

    def host_python(self) -> str | None:
        return host.python_on_path(host.Verdicts(cache_folder() / "verdicts.json"))

    def interpreter(self, script: str) -> Path:
        """Where that script lies: a path of its own, since Bazel takes one path for one Python."""
        return self.folder / "interpreters" / hashlib.sha256(script.encode()).hexdigest()[:12] / "python3"

    def interpreter_script(self, python: str | None) -> str:
        machine = self.folder / "machine"
        lay = [
            f"mount --rbind {shlex.quote(str(machine / own))} {over}"
            for own, over in [
                ("alternatives", "/etc/alternatives"),
                ("ld.so.cache", "/etc/ld.so.cache"),
                ("usr", "/usr"),
            ]
        ]
        # a file, which the machine's own package manager may have replaced since: then it is the machine's already
        lay[1] = f"{{ {lay[1]} 2>/dev/null || true; }}"
        laid = shlex.quote(" && ".join([*lay, 'exec "$0" "$@"']))
        program = shlex.quote(python or "/usr/bin/python3.11")
        return (
            "#!/bin/sh\n"
            "# Python 3.11 for what Bazel runs: in the toolbox's view with the machine's own /usr laid back.\n"
            "export PYTHONNOUSERSITE=1\n"
            f'[ ! -e {MARK} ] || exec unshare --mount sh -c {laid} {program} "$@"\n'
            + (f'exec {program} "$@"\n' if python else "echo 'this Python runs in bazelw only' >&2; exit 1\n")
        )

    def bazelrc(self, interpreter: Path) -> str:
        install = self.root / "usr/share/bazel"  # By its path outside the view: Python programs see that one only.
        modules = {
            **{name: install / "rules" / name.removeprefix("rules_") for name in RULE_SETS},
            "bazel_skylib": install / "tools/skylib",
            "platforms": install / "tools/platforms",
            "bazel_features": install / "tools/features",
        }
        stubs = {name: f"%workspace%/tools/toolbox/modules/{name}" for name in STUBS}
        lines = [
            f"startup --install_base={install} --trust_install_base",
            f"startup --host_jvm_args=-Djavax.net.ssl.trustStore={self.trust_store}",
            f"common --repo_env=SEMATIC_PYTHON={interpreter}",
            f"common --disk_cache={cache_folder() / 'bazel-disk'}",
            "common --experimental_disk_cache_gc_max_size=10G",
            "common --lockfile_mode=off",
            *[f"common:workspace --override_repository={name}={path}" for name, path in modules.items()],
            *[f"common --override_module={name}={path}" for name, path in {**modules, **stubs}.items()],
        ]
        return "# Written by bazelw: the rule sets of Debian, and stand-ins for what no build here uses.\n" + "".join(
            f"{line}\n" for line in lines
        )


RULE_SETS = ["rules_cc", "rules_java", "rules_license", "rules_proto", "rules_python"]
STUBS = ["apple_support", "buildozer", "protobuf", "zlib"]


def take(lock: int) -> None:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        print("bazelw: another start is making the toolbox; waiting for it", file=sys.stderr, flush=True)
        fcntl.flock(lock, fcntl.LOCK_EX)


def keep(path: Path, text: str, mode: int = 0o644) -> None:
    if not path.exists() or path.read_text() != text:
        host.write_whole(path, text, mode)


def certificates_key(folder: Path = CERTIFICATES) -> str:
    """Changes whenever a certificate of the machine's does."""
    found = sorted(folder.rglob("*.crt")) if folder.is_dir() else []
    told = [f"{path} {stat.st_size} {stat.st_mtime_ns}" for path in found for stat in [path.stat()]]
    return hashlib.sha256("\n".join(told).encode()).hexdigest()[:12]


def apt_install(packages: list[str]) -> str:
    options = "-o DPkg::Lock::Timeout=300 -o Dpkg::Use-Pty=0 -y --no-install-recommends"
    return f"apt-get {options} install {shlex.join(packages)}"


def settle_java(root: Path) -> None:
    """Java's settings into the root's /usr: the view shows the machine's /etc, which has none or another Java's."""
    for link in (root / "usr/lib/jvm").rglob("*"):
        if link.is_symlink() and str(link.readlink()).startswith("/etc/java"):
            real = root / str(link.readlink()).lstrip("/")
            link.unlink()
            (shutil.copytree if real.is_dir() else shutil.copyfile)(real, link)


def failed(program: str, log: Path) -> str:
    said = [line.strip() for line in log.read_text(errors="replace").splitlines() if line.strip()]
    last = next((line for line in said if line.startswith("E: ")), said[-1] if said else "nothing")
    return f"{program} failed and said '{last}': see {log}, then start again, it goes on from the last finished step."


# The kernel's part


def libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def die_with_parent() -> None:
    libc().prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def unshare_mounts() -> None:
    if libc().unshare(CLONE_NEWNS) != 0:
        raise Refusal(
            "Bazel's toolbox is a view of the file system, and this process may not make one: start it as root (in a "
            "container with --cap-add SYS_ADMIN), or install Bazel 7.7.1."
        )
    mount(None, Path("/"), MS_REC | MS_SLAVE)


def bind(source: Path, target: Path, *, read_only: bool = False) -> None:
    mount(source, target, MS_BIND | MS_REC)
    if read_only:
        mount(None, target, MS_BIND | MS_REMOUNT | MS_RDONLY)


def mount(source: Path | None, target: Path, flags: int) -> None:
    if libc().mount(os.fsencode(source or "none"), os.fsencode(target), None, flags, None) != 0:
        raise Refusal(f"{target} cannot be laid over ({os.strerror(ctypes.get_errno())}): start this as root.")
