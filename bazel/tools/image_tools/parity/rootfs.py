"""The image on this machine, for a user without rights: what it adds to its base, beside a clean interpreter.

In a scratch folder there are

root         the image's layers, unpacked: what a container has in /app is in the app below it
python       an interpreter that knows the standard library and nothing that is installed on this machine
home, tmp
calls        the arguments with which functions were called
"""

from __future__ import annotations

import gzip
import io
import os
import re
import shutil
import sys
import tarfile
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from image_tools.parity.plan import APP, ParityError, Plan

_VERSION = ".".join(map(str, sys.version_info[:2]))
_BUFFER = 1 << 20
_APP_PATH = re.compile(rf"(?<![\w./-]){APP}(?=[/:,;\s]|$)")
_SITE = """\
import os
if "SEMATIC_PARITY" in os.environ:
    import sematic_parity_watch
    sematic_parity_watch.start(os.environ["SEMATIC_PARITY"])
"""


class Root:
    """The folders of one test."""

    def __init__(self, scratch: Path, plan: Plan) -> None:
        self.scratch = scratch
        self.root = scratch / "root"
        self.source = self.root / "app/src"
        self.python = scratch / "python/bin/python3"
        self.tools = scratch / f"python/lib/python{_VERSION}/site-packages"
        self.calls = scratch / "calls"
        self._plan = plan

    def make(self, inside: Path) -> None:
        """Unpack the layers and lay out the interpreter, in which `inside` is installed to watch every process."""
        for name in ("root", "home", "tmp", "calls"):
            (self.scratch / name).mkdir(parents=True)
        unpack(self._plan.blobs, self.root)
        self.working_dir.mkdir(parents=True, exist_ok=True)
        self._make_python(inside)

    @property
    def working_dir(self) -> Path:
        """Where a container of the image starts."""
        return self.root / self._plan.working_dir.lstrip("/")

    def environment(self) -> dict[str, str]:
        """What the image sets, with its paths as they are here, and what every container has."""
        env = {name: self.here(value) for name, value in self._plan.env.items()}
        path = env["PATH"]
        ours = [part for part in path.split(os.pathsep) if part.startswith(str(self.scratch))]
        rest = [part for part in path.split(os.pathsep) if part not in ours]
        env["PATH"] = os.pathsep.join([*ours, str(self.python.parent), *rest])
        env.setdefault("LANG", "C.UTF-8")
        return {**env, "HOME": str(self.scratch / "home"), "TMPDIR": str(self.scratch / "tmp")}

    def here(self, text: str) -> str:
        """`text` with the image's own paths as they are on this machine."""
        return _APP_PATH.sub(lambda _: f"{self.root}{APP}", text)

    def there(self, text: str) -> str:
        """`text` with the scratch paths as they are in a container."""
        return text.replace(f"{self.root}/", "/").replace(str(self.root), "/")

    def _make_python(self, inside: Path) -> None:
        """What `python -m venv` makes, without pip: it also holds for the processes that a program starts."""
        base = Path(os.path.realpath(getattr(sys, "_base_executable", None) or sys.executable))
        for folder in (self.python.parent, self.tools):
            folder.mkdir(parents=True)
        for name in ("python3", "python", f"python{_VERSION}"):
            (self.python.parent / name).symlink_to(base)
        configuration = f"home = {base.parent}\ninclude-system-site-packages = false\n"
        (self.scratch / "python/pyvenv.cfg").write_text(configuration)
        for file in inside.glob("*.py"):
            shutil.copy(file, self.tools)
        (self.tools / "sitecustomize.py").write_text(_SITE)


def unpack(blobs: Iterable[Path], folder: Path) -> None:
    """The layers' files; the layers of one image do not contradict each other, so their order does not matter."""
    with ThreadPoolExecutor(max_workers=2) as pool:
        for _ in pool.map(lambda blob: _unpack(blob, folder), blobs):
            pass


def _unpack(blob: Path, folder: Path) -> None:
    try:
        with (
            gzip.open(blob) as data,
            io.BufferedReader(data, _BUFFER) as stream,
            tarfile.open(fileobj=stream, mode="r|", bufsize=_BUFFER) as tar,
        ):
            for member in tar:
                _unpack_member(tar, member, str(folder))
    except (OSError, EOFError, tarfile.TarError) as error:
        raise ParityError(f"The layer {blob} cannot be unpacked: {error}.") from error


def _unpack_member(tar: tarfile.TarFile, member: tarfile.TarInfo, folder: str) -> None:
    """Several times as fast as `extract`, which also restores times and owners."""
    path = f"{folder}/{member.name}"
    if member.isdir():
        os.makedirs(path, exist_ok=True)
    elif member.issym():
        os.symlink(member.linkname, path)
    elif member.islnk():
        os.link(f"{folder}/{member.linkname}", path)
    else:
        source = tar.extractfile(member)
        assert source is not None
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, member.mode), "wb") as target:
            shutil.copyfileobj(source, target, _BUFFER)
