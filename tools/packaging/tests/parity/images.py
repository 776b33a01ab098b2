"""A workspace, the image that its build would make of it, and the parity test of that image, in a process of its own."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from tools.packaging.tests.layer.testing import Built, build

WHEELS = ("sematic", "cloudpickle", "absl")
PIPELINE = """
import sematic


@sematic.func
def double(n: int) -> int:
    return 2 * n


@sematic.func
def pipeline(n: int) -> int:
    return double(n)
"""
MAIN = """
import sematic
from fit.pipeline import pipeline

if __name__ == "__main__":
    sematic.resolve(pipeline(2))
"""
_BLOCK = re.compile(r"^\d+\. (?P<file>\S+?):(?P<line>\d+): ", re.MULTILINE)
_MARK = "# mistake"


@dataclass
class Pipeline:
    """A workspace by its files. What is not `undeclared` is in the image; `installed` is on the machine, in no build."""

    files: Mapping[str, str]
    undeclared: Sequence[str] = ()
    installed: Mapping[str, str] = field(default_factory=dict)
    main: str = "fit/main.py"
    args: Sequence[str] | None = ()
    env: Mapping[str, str] = field(default_factory=dict)
    wheels: Mapping[str, str] = field(default_factory=dict)
    scripts: Mapping[str, str] = field(default_factory=dict)

    def marked(self) -> list[tuple[str, int]]:
        """The lines that have a mistake."""
        return [
            (name, number)
            for name, text in self.files.items()
            for number, line in enumerate(text.splitlines(), 1)
            if _MARK in line
        ]


class Verdict(NamedTuple):
    """What the test said."""

    code: int
    output: str

    @property
    def places(self) -> list[tuple[str, int]]:
        """File and line of every mistake."""
        return [(found["file"], int(found["line"])) for found in _BLOCK.finditer(self.output)]


def sematic_layer(folder: Path) -> Built:
    """The layer of the wheels that every pipeline needs."""
    lines = []
    for name in WHEELS:
        spec = importlib.util.find_spec(name)
        assert spec is not None and spec.submodule_search_locations is not None
        package = Path(spec.submodule_search_locations[0])
        files = [path.relative_to(package) for path in sorted(package.rglob("*")) if path.is_file()]
        wanted = [file for file in files if file.suffix != ".pyc" and "tests" not in file.parts]
        lines += [[f"app/site-packages/{name}/{file}", str(package / file)] for file in wanted]
    return build(folder, lines, name="sematic")


def judge(folder: Path, pipeline: Pipeline, sematic: Built | None) -> Verdict:
    """Build the image of `pipeline` and test it."""
    workspace, runfiles = folder / "workspace", folder / "runfiles"
    for name, text in pipeline.files.items():
        _write(workspace / name, text.replace("@WORKSPACE@", str(workspace)))
    for name, text in pipeline.installed.items():
        _write(folder / "installed" / name, text)
    main = runfiles / "_main" / pipeline.main
    main.parent.mkdir(parents=True)
    main.symlink_to(workspace / pipeline.main)
    layers = [*([sematic] if sematic else []), *_layers(folder, workspace, pipeline)]
    plan = _plan(runfiles, pipeline, layers)
    path = os.pathsep.join([*filter(None, sys.path), str(folder / "installed")])
    command = [sys.executable, "-m", "image_tools.parity.parity", "--plan", str(plan), "--runfiles", str(runfiles)]
    env = {**os.environ, "PYTHONPATH": path, "TEST_TMPDIR": str(folder), "LAPTOP_ONLY": "1"}
    ended = subprocess.run(command, env=env, capture_output=True, text=True)
    return Verdict(ended.returncode, ended.stdout + ended.stderr)


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def _layers(folder: Path, workspace: Path, pipeline: Pipeline) -> list[Built]:
    declared = [name for name in pipeline.files if name not in pipeline.undeclared]
    app = [[f"app/src/_main/{name}", str(workspace / name)] for name in declared]
    made = [build(folder / "app", app, "--role", "app", name="app")]
    others = {f"site-packages/{name}": text for name, text in pipeline.wheels.items()}
    others |= {f"bin/{name}": text for name, text in pipeline.scripts.items()}
    for name, text in others.items():
        _write(folder / "others" / name, text)
    if others:
        lines = [[f"app/{name}", str(folder / "others" / name)] for name in others]
        made.append(build(folder / "wheel", lines, name="wheel"))
    return made


def _plan(runfiles: Path, pipeline: Pipeline, layers: Sequence[Built]) -> Path:
    """What the rule writes."""
    env = {
        "PATH": "/app/bin:/usr/local/bin:/usr/bin:/bin",
        "PYTHONSAFEPATH": "1",
        "PYTHONPATH": "/app/src:/app/site-packages:/app/src/_main",
        "RUNFILES_DIR": "/app/src",
    }
    plan = {
        "target": f"//{os.path.dirname(pipeline.main)}:main",
        "main": f"_main/{pipeline.main}",
        "test_args": None if pipeline.args is None else list(pipeline.args),
        "env": {**env, **pipeline.env},
        "working_dir": "/app/src/_main",
        "layers": [os.path.relpath(each.blob, runfiles) for each in layers],
    }
    (runfiles / "plan.json").write_text(json.dumps(plan))
    return runfiles / "plan.json"
