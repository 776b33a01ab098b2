"""SilentResolver: nothing written, anywhere; the rest as everywhere (see also test_both.py)."""

from __future__ import annotations

import json
import threading
from pathlib import Path

import pytest

import sematic
from sematic.resolvers.tests import steps
from sematic.resolvers.tests.running import run, tree

SILENT = sematic.SilentResolver()

WATCH = """
import json, os
seen = []
WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
ALWAYS = {"os.mkdir", "os.rename", "os.remove", "os.rmdir", "os.link", "os.symlink", "os.truncate", "os.chmod",
          "socket.__new__", "socket.connect", "socket.bind", "sqlite3.connect", "subprocess.Popen", "os.fork",
          "os.exec", "os.posix_spawn", "os.system", "tempfile.mkstemp", "tempfile.mkdtemp", "os.utime"}
def hook(event, arguments):
    if event in ALWAYS:
        seen.append([event, repr(arguments)])
    elif event == "open":
        path, mode, flags = arguments
        if (isinstance(mode, str) and set(mode) & set("wax+")) or (isinstance(flags, int) and flags & WRITES):
            seen.append([event, repr(arguments)])
sys.addaudithook(hook)
"""


def test_nothing_is_written_and_nothing_started(tmp_path: Path) -> None:
    home, folder = tmp_path / "home", tmp_path / "folder"
    home.mkdir()
    folder.mkdir()
    code = """
for _ in range(2):
    assert steps.fan_out(20).resolve(sematic.SilentResolver()) == 190
    assert len(steps.large.future(1_000_000).resolve(sematic.SilentResolver())) == 1_000_000
    try:
        steps.outer(3).resolve(sematic.SilentResolver())
    except steps.Broken:
        pass
print(json.dumps(seen))
"""
    ended = run(home, WATCH + code, folder=folder, HOME=str(folder), TMPDIR=str(folder))
    assert json.loads(ended.stdout) == [], ended.stderr
    assert ended.stderr == ""
    assert tree(home) == tree(folder) == []


def test_the_watch_of_the_test_above_sees_what_it_is_to_see(tmp_path: Path) -> None:
    home = tmp_path / "home"
    ended = run(home, WATCH + "steps.number(1).resolve(sematic.LocalResolver())\nprint(json.dumps(seen))")
    events = {event for event, _ in json.loads(ended.stdout)}
    assert {"open", "os.mkdir", "sqlite3.connect", "subprocess.Popen"} <= events


def test_two_threads_at_once() -> None:
    results: dict[int, list[int]] = {}
    together = threading.Barrier(2)

    def resolve(key: int) -> None:
        together.wait()
        results[key] = [steps.fan_out.future(key + n).resolve(SILENT) for n in range(20)]

    threads = [threading.Thread(target=resolve, args=(key,)) for key in (10, 20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == {key: [sum(range(key + n)) for n in range(20)] for key in (10, 20)}


def test_a_console_defines_and_runs_functions(tmp_path: Path) -> None:
    code = """
import code
console = code.InteractiveInterpreter({"__name__": "__main__", "sematic": sematic})
for source in (
    "@sematic.func\\ndef twice(x: int) -> int:\\n    return 2 * x\\n",
    "@sematic.func\\ndef four(x: int) -> int:\\n    return twice(twice(x))\\n",
    "print(four(5).resolve(sematic.SilentResolver()))\\n",
    "@sematic.func\\ndef twice(x: int) -> int:\\n    return 3 * x\\n",
    "print(four(5).resolve(sematic.SilentResolver()))\\n",
):
    console.runsource(source, symbol="exec")
"""
    ended = run(tmp_path / "home", code)
    assert (ended.stdout, ended.stderr) == ("20\n45\n", "")


def test_ten_thousand_deep() -> None:
    assert steps.descend.future(10_000).resolve(SILENT) == 0


def test_a_time_limit_in_another_thread() -> None:
    raised: list[BaseException] = []

    def resolve() -> None:
        with pytest.raises(TimeoutError, match="the time limit of 0.05 s is over") as caught:
            steps.too_long.future().resolve(SILENT)
        raised.append(caught.value)
        assert steps.short_enough.future().resolve(SILENT) == 1

    thread = threading.Thread(target=resolve)
    thread.start()
    thread.join()
    assert len(raised) == 1
