"""The pusher as the program that it is."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from tools.testing.registry import Registry

_MEASURED = """
import sys
from image_tools.registry.__main__ import main
code = main(sys.argv[1:])
peak = [line for line in open("/proc/self/status") if line.startswith("VmHWM")]
print(int(peak[0].split()[1]) // 1024)
sys.exit(code)
"""


class Pusher:
    """Pushes layouts to a registry as team/app:v1, logged in where it has to be; receipts are in `folder`."""

    def __init__(self, folder: Path, registry: Registry) -> None:
        self.folder, self.registry = folder, registry
        folder.mkdir(exist_ok=True)

    def start(self, layout: Path, *more: str, host: str = "", program: tuple[str, ...] = ()) -> subprocess.Popen[str]:
        """A push that is under way. `host`: where the registry is found, if not at its own address."""
        at = host or self.registry.host
        (self.folder / "config.json").write_text(json.dumps({"auths": self._logins(at)}))
        command = [sys.executable, *(program or ("-m", "image_tools.registry")), str(layout), f"{at}/team/app:v1"]
        security = ["--ca", str(self.registry.ca)] if self.registry.ca else ["--insecure", "http"]
        return subprocess.Popen(
            [*command, *security, "--receipts", str(self.folder / "receipts"), *more],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=self._environment(),
        )

    def push(self, layout: Path, *more: str, host: str = "") -> subprocess.CompletedProcess[str]:
        """A push to its end."""
        return ended(self.start(layout, *more, host=host))

    def peak_megabytes(self, layout: Path) -> int:
        """Of a push that has to succeed. (getrusage would count what this process had when it forked.)"""
        done = ended(self.start(layout, program=("-c", _MEASURED)))
        assert done.returncode == 0, done.stderr
        return int(done.stdout.split()[-1])

    def _logins(self, host: str) -> dict[str, dict[str, str]]:
        return {host: {"auth": self.registry.login.basic}} if self.registry.login else {}

    def _environment(self) -> dict[str, str]:
        path = os.pathsep.join(path for path in sys.path if path)
        return {"PYTHONPATH": path, "HOME": str(self.folder), "DOCKER_CONFIG": str(self.folder)}


def ended(process: subprocess.Popen[str]) -> subprocess.CompletedProcess[str]:
    out, err = process.communicate()
    return subprocess.CompletedProcess(process.args, process.returncode, out, err)


def succeeded(done: subprocess.CompletedProcess[str]) -> str:
    """The reference that the pusher printed."""
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def refusal(done: subprocess.CompletedProcess[str]) -> str:
    """The one sentence in which a push has ended."""
    assert done.returncode == 1, done.stderr
    assert done.stdout == ""
    sentence = done.stderr.splitlines()[-1]
    assert sentence.startswith("push: ")
    assert "Traceback" not in done.stderr
    return sentence
