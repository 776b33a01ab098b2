"""``sematic start``, ``stop`` and ``status``: the server of this home."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from importlib.util import find_spec
from pathlib import Path

import click

from sematic import settings
from sematic.cli.screen import say, say_json
from sematic.entry import import_path
from sematic.errors import SematicError, SettingsError
from sematic.server.state import gone, log_path, running, server_folder

DEFAULT_PORT = 7042
_ENDS_WITHIN = 15.0
_LOOKS = 0.05
_BOOT = (
    "import json, runpy, sys; sys.path[:] = json.loads(sys.argv[1]); "
    "runpy.run_module('sematic.server', run_name='__main__')"
)


@click.command()
@click.option("--foreground", is_flag=True, help="Serve in this terminal, until Ctrl-C.")
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen on; 0.0.0.0 for all.")
@click.option("--port", default=DEFAULT_PORT, show_default=True, type=click.IntRange(0, 65535), help="0: any free one.")
@click.option("--name", "names", multiple=True, help="Another host name by which clients reach it. May be repeated.")
def start(foreground: bool, host: str, port: int, names: tuple[str, ...]) -> None:
    """Start the server: it gives the record of this home to others, and takes theirs.

    It goes on when the terminal is closed; `sematic stop` ends it.
    """
    home = settings.home()
    _check_installed()
    found = running(home)
    if found is not None:
        raise SematicError(f"a server for {home} runs already: {found.address} (process {found.pid})")
    if foreground:
        from sematic.server.__main__ import Asked, main

        main(Asked(str(home), host, port, names))
        return
    address = _in_background(home, host, port, names)
    say(f"serving {home} at {address}")
    say(f"log      {log_path(home)}")
    say("record there, in any program:")
    say(f"  SEMATIC_API_ADDRESS={address}")
    say(f"  SEMATIC_API_TOKEN={(server_folder(home) / 'token').read_text().strip()}")


@click.command()
def stop() -> None:
    """End the server. What runs elsewhere and records on it waits until it is started again."""
    home = settings.home()
    found = running(home)
    if found is None:
        say(f"no server for {home} runs")
        return
    os.kill(found.pid, signal.SIGTERM)
    if not _ended(home):
        os.kill(found.pid, signal.SIGKILL)
        _ended(home)
    say(f"ended the server at {found.address}")


@click.command()
@click.option("--json", "as_json", is_flag=True, help="One JSON document: running, address, pid, version, log.")
def status(as_json: bool) -> None:
    """Say whether the server runs, and where."""
    home = settings.home()
    found = running(home)
    if as_json:
        facts = found._asdict() if found else {}
        say_json({"running": found is not None, **facts, "log": str(log_path(home))})
    elif found is None:
        say(f"no server for {home} runs: `sematic start` starts it")
    else:
        say(f"{found.address} (process {found.pid}, Sematic {found.version}, log {log_path(home)})")


def _check_installed() -> None:
    missing = [name for name in ("flask", "waitress") if find_spec(name) is None]
    if missing:
        raise SettingsError(f"the server needs {' and '.join(missing)}: install sematic[server]")


def _in_background(home: Path, host: str, port: int, names: tuple[str, ...]) -> str:
    """The address of a new process that serves. Raises SematicError with what it says when it cannot."""
    here, there = os.pipe()
    log = log_path(home)
    log.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    asked = json.dumps({"home": str(home), "host": host, "port": port, "names": names, "ready": there})
    try:
        with open(os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "ab") as output:
            subprocess.Popen(
                [sys.executable, "-c", _BOOT, json.dumps([os.path.abspath(entry) for entry in import_path()]), asked],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                pass_fds=(there,),
                start_new_session=True,  # the terminal's end is not its own
                cwd="/",
            )
    finally:
        os.close(there)
    with open(here) as answer:
        said = json.loads(answer.readline() or "{}")
    if "address" not in said:
        raise SematicError(said.get("error") or f"the server ended before it listened: {log} says why")
    return str(said["address"])


def _ended(home: Path) -> bool:
    deadline = time.monotonic() + _ENDS_WITHIN
    while not gone(home):
        if time.monotonic() > deadline:
            return False
        time.sleep(_LOOKS)
    return True
