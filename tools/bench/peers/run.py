"""Install a peer in a venv of its own in a cache folder, and have it run its chain. Loopback only, no telemetry."""

from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

from tools.bench import processes

INSTALL_SECONDS = 1200.0
RUN_SECONDS = 900.0

_SILENCE = {
    "DO_NOT_TRACK": "1",
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "DAGSTER_DISABLE_TELEMETRY": "yes",
    "HAMILTON_TELEMETRY_ENABLED": "false",
    "ZENML_ANALYTICS_OPT_IN": "false",
    "ZENML_LOGGING_VERBOSITY": "ERROR",
}


class Known(NamedTuple):
    """A peer: what pip installs, how many steps it is given, and what it keeps of a run.

    `pins` is what pip must be told beside the package's name.
    """

    package: str
    how: str
    steps: int = 500
    pins: tuple[str, ...] = ()


PEERS = {
    "luigi": Known("luigi", "local scheduler, a file a task"),
    "hamilton": Known("sf-hamilton", "in process, results and metadata in its disk cache"),
    "flytekit": Known("flytekit", "local execution, keeps nothing"),
    "prefect": Known("prefect", "its server started beside the flow, SQLite", pins=("fastapi<0.120",)),
    "dagster": Known("dagster", "execute_in_process, SQLite instance, outputs in files"),
    "metaflow": Known("metaflow", "local metadata and datastore, a process a step", 20),
    "zenml": Known("zenml[local]", "local stack, SQLite", 50),
    "sematic-0.41": Known("sematic", "LocalRunner with its server, SQLite", pins=("sematic==0.41.0", "sqlalchemy<2.1")),
}


class Peer(NamedTuple):
    """What a peer needs for one step, or why that is not known."""

    name: str
    how: str
    steps: int
    version: str = ""
    milliseconds: float = 0.0
    problem: str = ""


def compare(name: str) -> Peer:
    """Install a peer when it is not there yet, and measure it."""
    known = PEERS[name]
    peer = Peer(name, known.how, known.steps)
    try:
        python = installed(name, known)
        peer = peer._replace(version=_version(python, known))
        return peer._replace(milliseconds=_seconds(name, known, python) * 1e3 / known.steps)
    except processes.ProgramFailed as problem:
        return peer._replace(problem=str(problem))


def installed(name: str, known: Known) -> Path:
    """The interpreter of the peer's venv, which is made when it is missing or was left half made."""
    folder = processes.CACHE / name
    python = folder / "bin" / "python"
    done = folder / "installed"
    if not done.exists():
        processes.CACHE.mkdir(parents=True, exist_ok=True)
        shutil.rmtree(folder, ignore_errors=True)
        processes.run([sys.executable, "-m", "venv", str(folder)], processes.CACHE, timeout=INSTALL_SECONDS)
        pip = [str(python), "-m", "pip", "install", "--quiet", known.package, *known.pins]
        processes.run(pip, processes.CACHE, timeout=INSTALL_SECONDS)
        done.touch()
    return python


def _version(python: Path, known: Known) -> str:
    package = known.package.partition("[")[0]
    code = f"import importlib.metadata as m; print(m.version({package!r}))"
    return processes.run([str(python), "-c", code], processes.CACHE, timeout=60).strip()


def _seconds(name: str, known: Known, python: Path) -> float:
    """The peer's program, in a folder and a home of its own."""
    program = Path(__file__).with_name(f"{name.replace('-', '_').replace('.', '_')}_chain.py")
    with tempfile.TemporaryDirectory(prefix="sematic-bench-peer-") as folder:
        text = processes.run(
            [str(python), str(program), str(known.steps)], Path(folder), _environment(folder), RUN_SECONDS
        )
    return float(processes.last_line(text)["seconds"])


def _environment(folder: str) -> dict[str, str]:
    homes = dict.fromkeys(("PREFECT_HOME", "DAGSTER_HOME", "ZENML_CONFIG_PATH"), f"{folder}/home")
    Path(folder, "home").mkdir()
    return {**_SILENCE, **homes, "HOME": folder, "USER": "bench", "PYTHONPATH": "", "PYTHONUNBUFFERED": "1"}
