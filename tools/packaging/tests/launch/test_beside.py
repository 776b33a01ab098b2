"""A push in the life of the program that it is for."""

from __future__ import annotations

import ast
import fcntl
import json
import os
import pty
import select
import signal
import subprocess
import termios
import threading
from pathlib import Path
from typing import Any

import pytest

from tools.packaging.tests.launch.built import GOES_ON, LABEL, REPOSITORY, Built, no_room, write
from tools.packaging.tests.launch.following import SOURCE
from tools.packaging.tests.registry.pushing import LARGE, data, holds, image
from tools.packaging.tests.registry.scripted import Handler, Registry, Seen, hang


def program(built: Built, source: str) -> Built:
    return built.python(f"{SOURCE}\n{source}").build()


def hangs(registry: Registry) -> threading.Event:
    """Every push hangs from now on; set when one does."""
    reached = threading.Event()
    registry.fault("", hang(reached), times=1000)
    return reached


def left(built: Built) -> list[str]:
    return sorted(path.name for path in built.states.iterdir())


# `run` returns when nobody has its standard error open any more: the push program, too, is gone then.


def test_program_learns_of_its_push(built: Built, registry: Registry, shell: tuple[str, ...]) -> None:
    built.shell = shell
    ran = program(built, "print(wait())").run()
    assert (ran.returncode, ran.stdout) == (0, "{'state': 'pushed'}\n")
    digest = built.images["default"].digest
    assert ran.stderr.startswith(f"pushed {registry.host}/{REPOSITORY}@{digest}: 3 blobs, ")
    assert ran.stderr.count("\n") == 1
    holds(registry, built.images["default"], digest)
    assert left(built) == []


def test_unchanged_image_is_one_request_and_no_word(built: Built, registry: Registry) -> None:
    program(built, "print(wait())").run()
    registry.log.clear()
    ran = built.run()
    assert (ran.stdout, ran.stderr) == ("{'state': 'pushed'}\n", "")
    assert registry.asked() == [f"PUT /v2/{REPOSITORY}/manifests/{built.images['default'].digest}"]


def test_program_that_never_asks_is_not_held_up(built: Built, registry: Registry) -> None:
    hangs(registry)
    ran = built.python("print('done')").build().run()
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "done\n", "")
    assert left(built) == []


def test_program_that_ends_while_its_push_hangs(built: Built, registry: Registry) -> None:
    reached = hangs(registry)
    process = program(built, "started()\nsys.stdin.read()\nsys.exit(7)").start(
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert reached.wait(60)
    said = process.communicate(timeout=60)
    assert (process.returncode, said) == (7, ("", ""))
    assert left(built) == []
    assert not registry.released.is_set()


def test_push_is_no_child_of_the_program(built: Built, registry: Registry, shell: tuple[str, ...]) -> None:
    hangs(registry)
    built.shell = shell
    ran = program(
        built,
        """
assert started()["state"] == "pushing"
try:
    os.waitpid(-1, 0)
except ChildProcessError:
    print("no child")
""",
    ).run()
    assert ran.stdout == "no child\n"


def test_output_of_the_program_ends_with_it(built: Built, registry: Registry) -> None:
    """The push holds neither its standard output nor any other file open."""
    hangs(registry)
    reading, writing = os.pipe()
    built.environment["GIVEN"] = str(writing)
    source = (
        "started()\nos.close(int(os.environ['GIVEN']))\nos.close(1)\nsys.stdin.read()\nprint(read(), file=sys.stderr)"
    )
    process = program(built, source).start(
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, pass_fds=(writing,)
    )
    os.close(writing)
    assert process.stdout is not None
    for ended in (process.stdout.fileno(), reading):
        assert select.select([ended], [], [], 60)[0], "somebody still has it open"
        assert os.read(ended, 1) == b""
    os.close(reading)
    _, said = process.communicate(timeout=60)
    assert ast.literal_eval(said)["state"] == "pushing"


def test_progress_can_be_followed(built: Built, registry: Registry) -> None:
    large = image(data(1, LARGE))
    reached, release = threading.Event(), threading.Event()

    def half(handler: Handler, seen: Seen) -> None:
        handler.take(LARGE // 2)
        reached.set()
        release.wait()
        handler.hang_up()

    registry.fault("PATCH", half)
    built.images = {"default": large}
    source = "print(wait(lambda found: found.get('sent')), flush=True)\nsys.stdin.read()\nprint(wait())"
    process = program(built, source).start(stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdout is not None
    found = ast.literal_eval(process.stdout.readline())
    assert reached.wait(60)
    release.set()
    said, _ = process.communicate(timeout=60)
    assert list(found) == ["state", "pid", "sent", "total", "rate"]
    assert 0 < found["sent"] <= found["total"] == sum(blob.size for blob in large.blobs)
    assert found["pid"] != process.pid
    assert said == "{'state': 'pushed'}\n"


def test_readers_never_see_half_a_line(built: Built, registry: Registry) -> None:
    built.images = {"default": image(*[data(number, LARGE) for number in range(4)])}
    source = """
seen, found = set(), None
while not found or found["state"] == "pushing":
    found = read()
    seen.add(found and found["state"])
print(sorted(seen - {None}))
"""
    assert program(built, source).run().stdout in ("['pushed', 'pushing']\n", "['pushed']\n")


def test_several_images_go_side_by_side(built: Built, registry: Registry) -> None:
    built.images = {"default": image(data(1), data(2)), "gpu": image(data(1), data(3))}
    built.names = {"gpu": ["latest-gpu"]}
    ran = program(built, "print(wait())").run()
    references = [f"{registry.host}/{REPOSITORY}@{each.digest}" for each in built.images.values()]
    assert ran.stderr.startswith(f"pushed {', '.join(references)}: 5 blobs, ")
    holds(registry, built.images["default"], built.images["default"].digest)
    holds(registry, built.images["gpu"], "latest-gpu")
    registry.log.clear()
    assert built.run().stderr == ""
    assert len(registry.log) == 2


def test_error_names_the_image_that_failed(built: Built, registry: Registry) -> None:
    built.images = {"default": image(data(1)), "gpu": image(data(2))}
    (program(built, "print(wait())").runfiles / "_main/gpu/layer0").unlink()
    ran = built.run()
    reason = ast.literal_eval(ran.stdout)["reason"]
    assert reason.startswith("image gpu: ")
    assert ran.stderr == f"push: not all images of {LABEL} were pushed: {reason}. {GOES_ON}\n"


def test_two_programs_at_once(built: Built, registry: Registry) -> None:
    program(built, "started()\nsys.stdin.read()\nprint(wait())")
    options: dict[str, Any] = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
    both = [built.start(**options) for _ in range(2)]
    said = [process.communicate(timeout=60)[0] for process in both]
    assert said == ["{'state': 'pushed'}\n"] * 2
    holds(registry, built.images["default"], built.images["default"].digest)
    assert left(built) == []


# Ends that nobody wished for


def test_push_that_is_killed(built: Built, registry: Registry) -> None:
    hangs(registry)
    ran = program(built, f"os.kill(started()['pid'], {int(signal.SIGKILL)})\nprint(wait())").run()
    assert ran.stdout == "{'state': 'failed', 'reason': 'the push ended without a result'}\n"


def test_files_of_pushes_that_were_killed_are_removed(built: Built, registry: Registry) -> None:
    hangs(registry)
    program(built, f"os.kill(started()['pid'], {int(signal.SIGKILL)})\nwait()").run()
    (stale,) = left(built)
    write(built.states / "keep.me", "not a program's")
    registry.faults.clear()
    ran = program(built, "print(wait())").run()
    assert ran.stdout == "{'state': 'pushed'}\n"
    assert left(built) == ["keep.me"]
    assert stale.isdigit()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_signal_ends_the_push_and_the_program_is_told(built: Built, registry: Registry, number: signal.Signals) -> None:
    reached = hangs(registry)
    process = program(built, "print(started()['pid'], flush=True)\nprint(wait())").start(
        stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert process.stdout is not None
    pid = int(process.stdout.readline())
    assert reached.wait(60)
    os.kill(pid, number)
    said, errors = process.communicate(timeout=60)
    how = "Ctrl-C" if number == signal.SIGINT else number.name
    reason = f"{how} stopped the push before the registry had confirmed it"
    assert ast.literal_eval(said) == {"state": "failed", "reason": reason}
    assert errors == f"push: the image of {LABEL} was not pushed: {reason}. {GOES_ON}\n"
    assert left(built) == []
    assert registry.tags() == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGKILL])
def test_signal_that_ends_the_program(built: Built, registry: Registry, number: signal.Signals) -> None:
    reached = hangs(registry)
    source = "import signal\nsignal.signal(signal.SIGINT, signal.SIG_DFL)\nstarted()\nsys.stdin.read()"
    process = program(built, source).start(stdin=subprocess.PIPE, stderr=subprocess.PIPE)
    assert reached.wait(60)
    os.kill(process.pid, number)
    assert process.communicate(timeout=60)[1] == ""
    assert process.returncode == -number
    assert left(built) == []


def test_hang_up_that_the_user_has_ruled_out(built: Built, registry: Registry) -> None:
    """As nohup does."""
    reached = hangs(registry)
    process = program(built, "print(started()['pid'], flush=True)\nprint(wait())").start(
        stdout=subprocess.PIPE,
        start_new_session=True,
        preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN),
    )
    assert reached.wait(60)
    assert process.stdout is not None
    process.stdout.readline()
    os.killpg(process.pid, signal.SIGHUP)
    registry.faults.clear()
    registry.released.set()
    assert process.communicate(timeout=60)[0] == "{'state': 'pushed'}\n"


class Terminal:
    """A terminal whose foreground is a program's."""

    def __init__(self, built: Built, command: list[str] | None = None) -> None:
        self.master, slave = pty.openpty()
        self.process = subprocess.Popen(
            command or built.command,
            env=built.env,
            stdin=slave,
            stdout=slave,
            stderr=slave,
            start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
        )
        os.close(slave)
        self.said = b""

    def until(self, words: bytes) -> None:
        while words not in self.said:
            self.said += os.read(self.master, 1000)

    def end(self) -> str:
        """Everything, once nobody has it open any more."""
        while True:
            try:
                piece = os.read(self.master, 1000)
            except OSError:
                break
            if not piece:
                break
            self.said += piece
        os.close(self.master)
        self.process.wait(60)
        return self.said.decode().replace("\r\n", "\n")


def test_control_c_ends_push_and_program(built: Built, registry: Registry, shell: tuple[str, ...]) -> None:
    reached = hangs(registry)
    built.shell = shell
    source = """
import signal
def interrupted(number, frame):
    os.write(1, b"goodbye\\n")
    os._exit(3)
signal.signal(signal.SIGINT, interrupted)
started()
print("ready", flush=True)
signal.pause()
"""
    terminal = Terminal(program(built, source))
    terminal.until(b"ready")
    assert reached.wait(60)
    os.write(terminal.master, b"\x03")
    assert "goodbye\n" in terminal.end()
    assert terminal.process.returncode == 3
    assert left(built) == []
    assert registry.tags() == []


def test_program_that_ignores_control_c_learns_that_its_push_ended(built: Built, registry: Registry) -> None:
    reached = hangs(registry)
    source = "import signal\nsignal.signal(signal.SIGINT, signal.SIG_IGN)\nstarted()\nprint('ready', flush=True)\nprint(wait()['reason'])"
    terminal = Terminal(program(built, source))
    terminal.until(b"ready")
    assert reached.wait(60)
    os.write(terminal.master, b"\x03")
    assert "\nCtrl-C stopped the push" in terminal.end()
    assert terminal.process.returncode == 0


def test_push_alone_on_a_terminal(built: Built, registry: Registry) -> None:
    release = threading.Event()

    def half(handler: Handler, seen: Seen) -> None:
        handler.take(LARGE // 2)
        release.wait()
        handler.behave(seen)

    registry.fault("PATCH", half)
    built.images = {"default": image(data(1, LARGE))}
    terminal = Terminal(built, built.build().alone)
    terminal.until(b"\rpushing: ")
    terminal.until(b" of 3.1 MB, ")
    release.set()
    shown = terminal.end()
    assert "\npushed " in shown
    assert shown.endswith(f"\n{registry.host}/{REPOSITORY}@{built.images['default'].digest}\n")
    assert terminal.process.returncode == 0


def test_control_c_ends_a_push_alone(built: Built, registry: Registry) -> None:
    reached = hangs(registry)
    terminal = Terminal(built, built.build().alone)
    assert reached.wait(60)
    os.write(terminal.master, b"\x03")
    assert terminal.end() == (
        f"^Cpush: the image of {LABEL} was not pushed: Ctrl-C stopped the push before the registry had confirmed it.\n"
    )
    assert terminal.process.returncode == 130


def test_terminal_that_is_closed_ends_both(built: Built, registry: Registry) -> None:
    reached = hangs(registry)
    terminal = Terminal(program(built, "started()\nprint('ready', flush=True)\ntime.sleep(1000)"))
    terminal.until(b"ready")
    assert reached.wait(60)
    os.close(terminal.master)
    assert terminal.process.wait(60) == -signal.SIGHUP


# What stands in its way here


def test_state_file_that_another_push_holds(built: Built, registry: Registry, tmp_path: Path) -> None:
    program(built, "")
    built.states.mkdir(parents=True)
    state = built.states / "1"
    with state.open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        ran = run_beside(built, os.getpid(), state)
        assert ran.returncode == 1
        assert (
            ran.stderr == f"push: {state} cannot be opened and locked (Resource temporarily unavailable). {GOES_ON}\n"
        )
        assert held.tell() == state.stat().st_size == 0
    assert registry.log == []


def test_state_file_that_is_a_link(built: Built, registry: Registry, tmp_path: Path) -> None:
    program(built, "")
    write(tmp_path / "precious", "precious")
    (tmp_path / "link").symlink_to(tmp_path / "precious")
    ran = run_beside(built, os.getpid(), tmp_path / "link")
    assert "cannot be opened and locked" in ran.stderr
    assert (tmp_path / "precious").read_text() == "precious"


def test_disk_without_room_for_the_state(built: Built, registry: Registry, tmp_path: Path) -> None:
    program(built, "")
    state = tmp_path / "state"
    ran = run_beside(built, os.getpid(), state, preexec_fn=no_room)
    assert ran.returncode == 1
    assert ran.stderr == f"push: {state} cannot be written (File too large). {GOES_ON}\n"
    with state.open() as free:
        fcntl.flock(free, fcntl.LOCK_SH | fcntl.LOCK_NB)


def test_program_that_is_gone_before_the_push_begins(built: Built, registry: Registry, tmp_path: Path) -> None:
    hangs(registry)
    program(built, "")
    ended = subprocess.Popen(["/bin/true"])
    ended.wait()
    state = tmp_path / "state"
    ran = run_beside(built, ended.pid, state)
    assert ran.stderr == ""
    assert not state.exists()


def run_beside(built: Built, pid: int, state: Path, **options: Any) -> subprocess.CompletedProcess[str]:
    command = [*built.alone, "--program", str(pid), "--state", str(state)]
    return subprocess.run(command, env=built.env, capture_output=True, text=True, timeout=60, **options)


def test_wrong_arguments(built: Built) -> None:
    pusher = built.build().runfiles / "_main/push"
    for wrong in ([], ["--plan"], ["--plan", "x"], ["--help"], ["--plan", "x", "--runfiles", "y", "--state", "z"]):
        ran = subprocess.run([pusher, *wrong], env=built.env, capture_output=True, text=True)
        assert ran.returncode == 2
        assert "push --plan PUSH.JSON --runfiles FOLDER" in ran.stderr


def test_state_is_one_line(built: Built, registry: Registry, tmp_path: Path) -> None:
    ran = program(built, "wait()\nprint(repr(open(os.environ['SEMATIC_PUSH']).read()))").run()
    text = ast.literal_eval(ran.stdout)
    assert text.endswith("\n")
    assert text.count("\n") == 1
    assert json.loads(text) == {"state": "pushed"}
