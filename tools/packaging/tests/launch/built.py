"""A target as the rule would build it: a launcher, its runfiles, and a program that a test writes."""

from __future__ import annotations

import json
import resource
import shlex
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from image_tools.registry.image import Image
from tools.packaging.tests.registry.pushing import data, image

TEMPLATE = next(
    Path(folder) / "image_tools/launch/launcher.sh.tpl"
    for folder in sys.path
    if (Path(folder) / "image_tools/launch/launcher.sh.tpl").exists()
)
GOES_ON = "The program goes on; submitting remote jobs will fail."
LABEL = "//examples/digits:main"
REPOSITORY = "team/app"
_PUSHER = """#!{python}
import sys
sys.path[:0] = {path!r}
from image_tools.launch.pusher import main
from image_tools.registry.patience import Patience
from image_tools.registry.session import Settings
sys.exit(main(sys.argv[1:], Settings(patience=Patience(**{patience!r}), timeout={timeout!r})))
"""


@dataclass
class Built:
    """`shell`: the words that run the launcher, none for its own first line."""

    folder: Path
    registry: str = "127.0.0.1:1"
    shell: tuple[str, ...] = ()
    images: dict[str, Image] = field(default_factory=lambda: {"default": image(data(1), data(2))})
    names: dict[str, list[str]] = field(default_factory=dict)
    plan: dict[str, Any] = field(default_factory=dict)
    patience: dict[str, float] = field(default_factory=dict)
    timeout: float = 60
    environment: dict[str, str] = field(default_factory=dict)
    program: str = "#!/bin/sh\n"
    pusher: str = ""
    """A stand-in where a test is about the launcher alone."""

    @property
    def home(self) -> Path:
        return self.folder / "home"

    @property
    def launcher(self) -> Path:
        return self.folder / "bin/main"

    @property
    def runfiles(self) -> Path:
        return self.folder / "bin/main.runfiles"

    @property
    def states(self) -> Path:
        return self.home / ".cache/sematic/push"

    @property
    def receipts(self) -> Path:
        return self.home / ".cache/sematic/receipts"

    def python(self, source: str) -> Built:
        """The program, in Python."""
        self.program = f"#!{sys.executable} -S\n{source}"
        return self

    def build(self) -> Built:
        self.home.mkdir(parents=True, exist_ok=True)
        write(self.runfiles / "_main/push", self.pusher or _PUSHER.format(**self._settings()), 0o755)
        write(self.runfiles / "_main/program", self.program, 0o755)
        for tag, each in self.images.items():
            write_image(self.runfiles, f"_main/{tag}", each)
        write(self.runfiles / "_main/push.json", json.dumps(self._plan()))
        write(self.launcher, self._launcher(), 0o755)
        return self

    def _settings(self) -> dict[str, Any]:
        path = [folder for folder in sys.path if folder]
        return {"python": sys.executable, "path": path, "patience": self.patience, "timeout": self.timeout}

    def _plan(self) -> dict[str, Any]:
        images = [
            {"tag": tag, "image": f"_main/{tag}/image.json", "names": self.names.get(tag, [])} for tag in self.images
        ]
        return {
            "registry": self.registry,
            "repository": REPOSITORY,
            "insecure": "http",
            "ca": "",
            "target": LABEL,
            "images": images,
            **self.plan,
        }

    def _launcher(self) -> str:
        lines = [
            f"sematic_image {shlex.quote(tag)} {self.registry}/{REPOSITORY} {shlex.quote(f'_main/{tag}/digest')}"
            for tag in self.images
        ]
        return expanded(
            TARGET=shlex.quote(LABEL),
            PLAN="'_main/push.json'",
            PUSHER="'_main/push'",
            PROGRAM="'_main/program'",
            IMAGES="\n".join(lines),
        )

    @property
    def command(self) -> list[str]:
        return [*self.shell, str(self.launcher)]

    @property
    def env(self) -> dict[str, str]:
        return {"PATH": "/usr/bin:/bin", "HOME": str(self.home), **self.environment}

    def start(self, *arguments: str, **options: Any) -> subprocess.Popen[str]:
        return subprocess.Popen([*self.command, *arguments], env=self.env, text=True, **options)

    def run(self, *arguments: str, **options: Any) -> subprocess.CompletedProcess[str]:
        settings = {"capture_output": True, "text": True, "timeout": 60, "env": self.env, **options}
        return subprocess.run([*self.command, *arguments], check=False, **settings)

    @property
    def alone(self) -> list[str]:
        """What the target that only pushes runs."""
        plan = self.runfiles / "_main/push.json"
        return [str(self.runfiles / "_main/push"), "--plan", str(plan), "--runfiles", str(self.runfiles)]

    def push(self) -> subprocess.CompletedProcess[str]:
        return subprocess.run(self.alone, capture_output=True, text=True, timeout=60, env=self.env, check=False)


def no_room() -> None:
    """For this process no file can grow, as on a full disk."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))


def expanded(**values: str) -> str:
    text = TEMPLATE.read_text()
    for name, value in values.items():
        text = text.replace(f"@{name}@", value)
    return text


def write(path: Path, text: str | bytes, mode: int = 0o644) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    path.chmod(mode)


def write_image(runfiles: Path, folder: str, of: Image, **base: str) -> None:
    """What a manifest action leaves: the last blobs are ours, those without content the base's."""
    layers = []
    config, *others = of.blobs
    for number, blob in enumerate(others):
        if blob.content is not None:
            write(runfiles / folder / f"layer{number}", blob.content(0).read(blob.size))
            layers.append({"name": f"layer{number}", "digest": blob.digest, "blob": f"{folder}/layer{number}"})
    assert config.content is not None
    write(runfiles / folder / "config.json", config.content(0).read(config.size))
    write(runfiles / folder / "manifest.json", of.manifest)
    write(runfiles / folder / "digest", of.digest)
    document = {
        "manifest": f"{folder}/manifest.json",
        "config": f"{folder}/config.json",
        "digest": of.digest,
        "base": {"reference": "", "layout": "", **base},
        "layers": layers,
    }
    write(runfiles / folder / "image.json", json.dumps(document))
