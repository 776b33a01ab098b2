"""A containerd of a test's own: what a node of Kubernetes makes of an image."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from tools.testing import containers
from tools.testing.registry import Registry
from tools.testing.tools import check_root, program

_SOCKET = "/run/containerd/containerd.sock"
_CONFIG = """version = 2
root = "{root}"
state = "/run/containerd/state"
disabled_plugins = ["io.containerd.grpc.v1.cri", "io.containerd.cri.v1.images", "io.containerd.cri.v1.runtime"]
[grpc]
  address = "{socket}"
"""
# Its /run is a memory of its own: a socket with a short name, and nothing to remove.
_LAY_RUN = 'mount -t tmpfs none /run && mkdir /run/containerd /run/images && exec "$@"'
_READY = "containerd successfully booted"


class Containerd:
    """A daemon in a mount and a process namespace of its own, as a context manager."""

    def __init__(self) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="sematic-test-containerd-"))
        self._mounted = 0

    def __enter__(self) -> Containerd:
        check_root("containers")
        config = self._folder / "config.toml"
        config.write_text(_CONFIG.format(root=self._folder / "root", socket=_SOCKET))
        daemon = [*program("containerd"), "--config", str(config)]
        self._process = subprocess.Popen(
            [*containers.OWN_SPACE, "sh", "-c", _LAY_RUN, "sh", *daemon],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        self._await()
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()  # The whole of its namespaces goes with it.
        assert self._process.stderr is not None
        self._process.stderr.read()  # Ends when the last of them is gone.
        self._process.stderr.close()
        self._process.wait()
        shutil.rmtree(self._folder)
        containers.check_nothing_left(self._folder.name)

    def pull(self, registry: Registry, repository: str, name: str) -> Path:
        """Pulls an image, by tag or digest, and mounts it. The root file system; it is there as long as the daemon."""
        reference = registry.reference(repository, name)
        self._run(self._ctr, "image", "pull", *self._access(registry), reference)
        self._mounted += 1
        target = f"/run/images/{self._mounted}"
        self._run("mkdir", target)
        self._run(self._ctr, "image", "mount", reference, target)
        return Path(f"/proc/{self._pid}/root{target}")

    def _access(self, registry: Registry) -> list[str]:
        login = ["--user", f"{registry.login.user}:{registry.login.password}"] if registry.login else []
        if registry.ca is None:
            return [*login, "--plain-http"]
        trusted = self._folder / "hosts" / registry.host
        trusted.mkdir(parents=True, exist_ok=True)
        (trusted / "hosts.toml").write_text(f'server = "https://{registry.host}"\nca = "{registry.ca}"\n')
        return [*login, f"--hosts-dir={trusted.parent}"]

    def _run(self, *command: str) -> None:
        """In the daemon's mount namespace, where mounts stay and programs are where the daemon's are."""
        enter = ["nsenter", "--mount", "--target", str(self._pid), "--wdns=/"]
        done = subprocess.run([*enter, *command], capture_output=True, text=True, check=False, env=_environment())
        assert done.returncode == 0, f"{' '.join(command)}: {done.stderr or done.stdout}"

    @property
    def _ctr(self) -> str:
        return program("ctr")[-1]

    @property
    def _pid(self) -> int:
        """The daemon's; `unshare`, which was started, is its parent."""
        own = self._process.pid
        return int(Path(f"/proc/{own}/task/{own}/children").read_text().split()[0])

    def _await(self) -> None:
        assert self._process.stderr is not None
        said = []
        for line in self._process.stderr:
            said.append(line)
            if _READY in line:
                return
        raise AssertionError(f"containerd ended with {self._process.wait()}: {''.join(said)}")


def _environment() -> dict[str, str]:
    return {**os.environ, "CONTAINERD_ADDRESS": _SOCKET}
