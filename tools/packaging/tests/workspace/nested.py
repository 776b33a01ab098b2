"""The example workspace, built by a Bazel that a test starts.

Its output bases stay in the cache folder between runs, since fetching Python packages takes minutes. What is tested is
always fresh: the workspace is copied, and the wheel's hash goes into the copy's lock, so that another wheel is fetched.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import pwd
import shlex
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).parents[4]
STUBS = ("apple_support", "buildozer", "protobuf", "zlib")
HOME = pwd.getpwuid(os.getuid()).pw_dir  # $HOME is a test's own, where there is no Bazel.
PASSED_ON = ("LANG", "PATH", "SEMATIC_TOOLBOX_DIR", "TMPDIR", "USER", "XDG_CACHE_HOME")
SETTINGS = ("PIP_", "http", "https", "no_proxy", "HTTP", "HTTPS", "NO_PROXY", "SSL_CERT")


def checkout() -> Path:
    """The checkout that is tested: a repository rule says where, outside of Bazel it is where this file is."""
    for said in ROOT.parent.glob("*checkout/checkout.json"):
        return Path(json.loads(said.read_text())["root"])
    return ROOT


def wheel() -> Path:
    """What //sematic:wheel made."""
    folders = [ROOT / "sematic/wheel", ROOT / "bazel-bin/sematic/wheel"]
    (found,) = next(folder for folder in folders if folder.is_dir()).glob("*.whl")
    return found


def outside(environment: Mapping[str, str]) -> dict[str, str]:
    """The environment without what Bazel and pytest put into it."""
    kept = {name: value for name, value in environment.items() if name in PASSED_ON or name.startswith(SETTINGS)}
    return {**kept, "HOME": HOME}


class Workspace:
    """A copy of examples/workspace and an output base of its own; one test at a time has it.

    `mode`: bzlmod or workspace.
    """

    def __init__(self, mode: str, changes: Mapping[str, str] | None = None) -> None:
        self.mode = mode
        self.root = checkout()
        cache = os.environ.get("XDG_CACHE_HOME") or f"{HOME}/.cache"
        self.folder = Path(cache) / "sematic/workspace-test" / mode
        self.folder.mkdir(parents=True, exist_ok=True)
        self._lock = (self.folder / "lock").open("w")
        fcntl.flock(self._lock, fcntl.LOCK_EX)
        self.tree = self.folder / "tree"
        self._copy(changes or {})

    def _copy(self, changes: Mapping[str, str]) -> None:
        """Fresh, with the wheel's hash in the lock, and with `changes` by path."""
        shutil.rmtree(self.tree, ignore_errors=True)
        ignored = shutil.ignore_patterns("bazel-*", "user.bazelrc")
        shutil.copytree(self.root / "examples/workspace", self.tree, ignore=ignored)
        wheels = self.folder / "wheels"
        shutil.rmtree(wheels, ignore_errors=True)
        wheels.mkdir()
        shutil.copyfile(wheel(), wheels / wheel().name)
        lock = self.tree / "third_party/requirements_lock.txt"
        text, version, after = lock.read_text().rpartition("sematic==0.1.0")
        hashed = f"{version} --hash=sha256:{hashlib.sha256(wheel().read_bytes()).hexdigest()}"
        changes = {"third_party/requirements_lock.txt": f"{text}{hashed}{after}", **changes}
        for path, changed in changes.items():
            (self.tree / path).parent.mkdir(parents=True, exist_ok=True)
            (self.tree / path).write_text(changed)

    def bazel(self, verb: str, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Runs it in the workspace. `environment` is for the program that `bazel run` starts: in Bazel's own, another
        home or cache folder would be another toolbox."""
        start = [str(self.root / "bazelw"), f"--output_base={self.folder / 'base'}", "--max_idle_secs=120"]
        given = shlex.join(f"{name}={value}" for name, value in environment.items())
        under = [f"--run_under=env {given}"] if given else []
        return subprocess.run(
            [*start, verb, *(self._flags() if verb != "shutdown" else ()), *under, *arguments],
            cwd=self.tree,
            env=outside(os.environ),
            text=True,
            capture_output=True,
            timeout=1500,
        )

    def _flags(self) -> list[str]:
        """What a user's own machine needs none of: the rules and the wheel of this checkout, in place of published ones."""
        legacy = self.mode == "workspace"
        modules = {"rules_sematic": self.root / "bazel"}
        modules |= {name: self.root / "tools/toolbox/modules" / name for name in STUBS}
        find = " ".join(filter(None, [str(self.folder / "wheels"), os.environ.get("PIP_FIND_LINKS")]))
        return [
            "--noshow_progress",
            "--color=no",
            f"--repo_env=PIP_FIND_LINKS={find}",
            *(f"--override_module={name}={path}" for name, path in modules.items()),
            *(["--config=workspace", f"--override_repository=rules_sematic={self.root / 'bazel'}"] if legacy else []),
        ]

    def close(self) -> None:
        """Ends its server."""
        self.bazel("shutdown")
        self._lock.close()
