"""A program waits for the push of its image, and learns how it ended: from files and locks of real processes."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from sematic.errors import NoImage
from sematic.images import PUSH, TARGET
from sematic.resolvers import push
from sematic.resolvers.push import State, follow, progress, wait_for_push

PUSHER = Path(__file__).with_name("pusher.py")
HALF = {"state": "pushing", "pid": 1, "sent": 40_000_000, "total": 80_000_000, "rate": 4_000_000}
PUSHED = {"state": "pushed"}


class Pusher:
    """Another process, which holds the lock and writes what it is told."""

    def __init__(self, path: Path) -> None:
        self.path = path
        path.touch()
        command = [sys.executable, str(PUSHER), str(path)]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def tell(self, command: str) -> None:
        assert self.process.stdin is not None and self.process.stdout is not None
        self.process.stdin.write(command + "\n")
        self.process.stdin.flush()
        assert self.process.stdout.readline() == "done\n"

    def write(self, state: State) -> None:
        self.tell("write " + json.dumps(state) + "\\n")

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def close(self) -> None:
        self.kill()
        assert self.process.stdin is not None and self.process.stdout is not None
        self.process.stdin.close()
        self.process.stdout.close()


@pytest.fixture
def pusher(tmp_path: Path) -> Iterator[Pusher]:
    started = Pusher(tmp_path / "state")
    yield started
    started.close()


class Then:
    """What happens while the reader waits: one step each time that it shows how far the push is."""

    def __init__(self, *steps: Callable[[], None]) -> None:
        self.steps = list(steps)
        self.seen: list[State] = []

    def __call__(self, state: State) -> None:
        self.seen.append(state)
        if self.steps:
            self.steps.pop(0)()


def never(state: State) -> None:
    raise AssertionError(f"there was nothing to wait for: {state}")


def refusal(path: Path, show: push.Show = never, seconds: float = 60.0) -> str:
    with pytest.raises(NoImage) as refused:
        follow(path, show, seconds)
    return str(refused.value)


def test_pushed_already(pusher: Pusher) -> None:
    pusher.tell("lock")
    pusher.write(PUSHED)
    follow(pusher.path, never)
    pusher.kill()
    follow(pusher.path, never)


def test_from_the_beginning_to_the_end(pusher: Pusher) -> None:
    then = Then(
        lambda: pusher.tell("lock"),
        lambda: pusher.write(HALF),
        lambda: pusher.tell("write "),  # between emptying the file and writing it
        lambda: pusher.tell('write {"state": "pus'),
        lambda: pusher.write(PUSHED),
    )
    follow(pusher.path, then, start_seconds=60.0)
    assert then.seen == [{}, {}, HALF, {}, {}]


def test_an_empty_moment_later_on_is_no_late_start(pusher: Pusher, monkeypatch: pytest.MonkeyPatch) -> None:
    pusher.tell("lock")
    pusher.write(HALF)
    follow(pusher.path, Then(lambda: pusher.tell("write "), lambda: pusher.write(PUSHED)), start_seconds=0.0)


def test_a_failed_push_gives_its_reason(pusher: Pusher, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(TARGET, "//churn:main")
    pusher.tell("lock")
    pusher.write({"state": "failed", "reason": "registry.example answered 403 to POST /v2/churn/blobs/uploads/."})
    assert refusal(pusher.path) == (
        "the image of this program was not pushed: registry.example answered 403 to POST /v2/churn/blobs/uploads/. "
        "Nothing was submitted. Start `bazel run //churn:main` again"
    )


def test_a_dead_pusher(pusher: Pusher) -> None:
    pusher.tell("lock")
    pusher.write(HALF)
    assert ": it ended without a result. " in refusal(pusher.path, Then(pusher.kill))


def test_a_pusher_that_dies_while_it_writes(pusher: Pusher) -> None:
    pusher.tell("lock")
    pusher.write(HALF)
    steps = (lambda: pusher.tell('write {"state": "push'), pusher.kill)
    assert ": it ended without a result. " in refusal(pusher.path, Then(*steps))


def test_its_last_words_count(pusher: Pusher, monkeypatch: pytest.MonkeyPatch) -> None:
    """They come between the look into the file and the look at its lock."""
    pusher.tell("lock")
    pusher.write(HALF)
    look = push._is_free

    def end_and_look(file: int) -> bool:
        pusher.write(PUSHED)
        pusher.kill()
        return look(file)

    monkeypatch.setattr(push, "_is_free", end_and_look)
    follow(pusher.path, never)


def test_a_push_that_does_not_start(pusher: Pusher) -> None:
    then = Then()
    assert ": it did not start. " in refusal(pusher.path, then, seconds=0.0)


def test_the_reader_takes_no_lock_before_the_pusher_has_it(pusher: Pusher) -> None:
    """It could make a pusher that does not wait for its lock fail."""

    def alone() -> None:
        with pusher.path.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def start() -> None:
        pusher.tell("lock")
        pusher.write(PUSHED)

    follow(pusher.path, Then(alone, start))


def test_two_readers(pusher: Pusher) -> None:
    pusher.tell("lock")
    pusher.write(HALF)
    follow(pusher.path, Then(lambda: follow(pusher.path, Then(lambda: pusher.write(PUSHED)))))


def test_a_file_that_is_removed_while_it_is_read(pusher: Pusher) -> None:
    pusher.tell("lock")
    pusher.write(HALF)
    assert "it ended without a result" in refusal(pusher.path, Then(pusher.path.unlink, pusher.kill))


def test_no_file(tmp_path: Path) -> None:
    said = refusal(tmp_path / "state")
    assert f"{tmp_path}/state, cannot be read (No such file or directory)" in said


@pytest.mark.parametrize("text", ["[]", "null", "1", '{"state": "pushing", "sent": "x", "total": []}', "{", "\\xff"])
def test_what_no_pusher_writes_is_no_success(pusher: Pusher, text: str) -> None:
    pusher.tell("lock")
    pusher.tell(f"write {text}\\n")
    assert "it ended without a result" in refusal(pusher.path, Then(pusher.kill))


def test_a_program_with_an_image_of_somebody_elses_making_waits_for_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(PUSH, raising=False)
    monkeypatch.delenv(TARGET, raising=False)
    wait_for_push()


def test_bazel_started_it_and_no_push(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(PUSH, raising=False)
    monkeypatch.setenv(TARGET, "//churn:main")
    with pytest.raises(NoImage, match=r"was not pushed: it was not started, see what was said"):
        wait_for_push()


PROGRAM = "from sematic.resolvers.push import wait_for_push\nwait_for_push()\nprint('it is there')"


def environment(path: Path, kind: str) -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": ":".join(sys.path), PUSH: str(path), "SEMATIC_PROGRESS": kind}


def program(path: Path, kind: str) -> subprocess.Popen[str]:
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    return subprocess.Popen([sys.executable, "-c", PROGRAM], env=environment(path, kind), **pipes)


def test_a_log_has_one_line(pusher: Pusher) -> None:
    pusher.tell("lock")
    pusher.write(HALF)
    with program(pusher.path, "auto") as process:
        assert process.stderr is not None
        assert process.stderr.readline() == "sematic: pushing the image: 40 MB of 80 MB, 4.0 MB/s, 10.0 s left\n"
        pusher.write(PUSHED)
        assert process.communicate(timeout=60) == ("it is there\n", "")


def test_quiet(pusher: Pusher) -> None:
    pusher.tell("lock")
    pusher.write(PUSHED)
    with program(pusher.path, "quiet") as process:
        assert process.communicate(timeout=60) == ("it is there\n", "")


def test_a_terminal_has_a_line_that_is_taken_away(pusher: Pusher) -> None:
    pusher.tell("lock")
    pusher.write(HALF)
    ours, theirs = pty.openpty()
    command = [sys.executable, "-c", PROGRAM]
    settings = {**environment(pusher.path, "auto"), "COLUMNS": "120"}
    with subprocess.Popen(command, env=settings, stdout=theirs, stderr=theirs) as process:
        os.close(theirs)
        shown = b""
        while b"10.0 s left" not in shown:
            shown += os.read(ours, 1 << 12)
        pusher.write(PUSHED)
        while b"it is there\r\n" not in shown:
            shown += os.read(ours, 1 << 12)
        assert process.wait(timeout=60) == 0
    os.close(ours)
    assert shown.startswith(b"\rsematic: pushing the image: 40 MB of 80 MB")
    assert shown.endswith(b" \rit is there\r\n")


@pytest.mark.parametrize(
    ("state", "text"),
    [
        ({}, "waiting for the push of the image"),
        ({"total": 0}, "waiting for the push of the image"),
        ({"sent": 0, "total": 999, "rate": 0}, "pushing the image: 0 B of 999 B"),
        (
            {"sent": 1_500, "total": 2_500_000_000, "rate": 1e6},
            "pushing the image: 1.5 kB of 2.5 GB, 1.0 MB/s, 41 min 39 s left",
        ),
        ({"sent": 5, "total": 5, "rate": 5}, "pushing the image: 5 B of 5 B"),
    ],
)
def test_progress_in_words(state: State, text: str) -> None:
    assert progress(state) == text
