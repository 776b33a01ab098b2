"""What a terminal gets: colour, tables cut to its width, and no orders from users' programs."""

from __future__ import annotations

import fcntl
import os
import pty
import struct
import subprocess
import termios

import numpy as np
import pytest

import sematic
from sematic.cli.screen import safe, safe_output, size
from sematic.cli.tests import pipelines
from sematic.cli.tests.processes import command, finished, program
from sematic.reading import get_run
from sematic.recorded import Record

WIDTH = 90


def on_terminal(*arguments: str) -> str:
    """What a command shows on a terminal."""
    ours, its = pty.openpty()
    fcntl.ioctl(its, termios.TIOCSWINSZ, struct.pack("HHHH", 24, WIDTH, 0, 0))
    environment = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "NO_COLOR")}
    process = subprocess.Popen(command(*arguments), stdout=its, stderr=its, env=environment | {"TERM": "xterm"})
    os.close(its)
    pieces = []
    try:
        while piece := os.read(ours, 1 << 16):
            pieces.append(piece)
    except OSError:  # Linux says so when the other end is closed
        pass
    os.close(ours)
    process.wait()
    return b"".join(pieces).decode().replace("\r\n", "\n")


def test_ls_is_a_coloured_table() -> None:
    sematic.resolve(sematic.options(pipelines.pipeline(3), name="x" * 200))
    text = on_terminal("ls")
    assert "NAME" in text
    assert "\x1b[32mRESOLVED" in text
    assert "…" in text


def test_show_fits_the_terminal() -> None:
    sematic.resolve(sematic.options(pipelines.pipeline(30), name="x" * 200))
    tree = on_terminal("show", "last", "--depth", "9").split("\n\n")[-1]
    lines = tree.replace("\x1b[32m", "").replace("\x1b[0m", "").splitlines()
    assert all(len(line) <= WIDTH for line in lines)
    assert lines[0].endswith("…")
    assert "\x1b[32mRESOLVED" in tree


def test_logs_pass_colours_only() -> None:
    call = pipelines.mixed(pipelines.Config(1, ""), np.zeros(2), "")
    sematic.resolve(call)
    del call
    assert finished(program("pipeline", 3)).returncode == 0
    older = list(Record().pipeline_runs())[1]
    text = on_terminal("logs", older.id)
    assert "\x1b[31mred\x1b[0m\\x1b[2J\n\x1b[0m" in text


def test_binary_is_not_written_to_a_terminal() -> None:
    sematic.resolve(pipelines.mixed(pipelines.Config(1, ""), np.zeros(2), ""))
    run = get_run(next(Record().pipeline_runs()).id)
    array, config = run.inputs.artifact_id("values"), run.inputs.artifact_id("config")
    assert "of npy, which a terminal cannot show" in on_terminal("artifact", "get", str(array))
    assert on_terminal("artifact", "get", str(config)) == '{\n  "width": 1,\n  "label": ""\n}\n'


def test_settings_are_a_table() -> None:
    assert "MEANING" in on_terminal("settings")
    assert "schema   none recorded yet\n" in on_terminal("version")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain é 日本", "plain é 日本"),
        ("a\x1b[31mb", "a\\x1b[31mb"),
        ("a\nb\tc\rd", "a\\nb\\tc\\rd"),
        ("\x9b2J\x7f\u202e\u2066\ud800", "\\x9b2J\\x7f\\u202e\\u2066\\ud800"),
    ],
)
def test_safe(text: str, shown: str) -> None:
    assert safe(text) == shown


def test_safe_keeps_what_is_asked() -> None:
    assert safe("a\nb\rc", keep="\n") == "a\nb\\rc"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("10%\r20%\r\ndone\n", "10%\n20%\ndone\n"),
        ("\x1b[1;31mred\x1b[m", "\x1b[1;31mred\x1b[m\x1b[0m"),
        ("\x1b]0;title\x07", "\\x1b]0;title\\x07"),
        ("\x1b[2K\x1b[1A", "\\x1b[2K\\x1b[1A"),
    ],
)
def test_safe_output(text: str, shown: str) -> None:
    assert safe_output(text) == shown


def test_size() -> None:
    assert [size(n) for n in (0, 999, 1000, 999_949, 999_960, 10**9)] == [
        "0 B",
        "999 B",
        "1.0 kB",
        "999.9 kB",
        "1.0 MB",
        "1.0 GB",
    ]
