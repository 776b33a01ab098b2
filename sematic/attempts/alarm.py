"""The helper process of `watchdog.py`. Runs by itself: it imports the package only to write to the ledger."""

from __future__ import annotations

import json
import os
import select
import signal
import sys
import time
from pathlib import Path
from typing import Any


def main(home: str, nonce: str, watched: str, path: str) -> None:
    """Read lines from standard input: a body with its deadline, or that it is over. Ends when the input does."""
    body: dict[str, Any] | None = None
    verdict: bytes | None = None
    pending = b""
    while True:
        wait = None if body is None or verdict is not None else max(0.0, body["deadline"] - time.monotonic())
        if body is not None and not select.select([0], [], [], wait)[0]:
            verdict = b"recorded" if record(home, nonce, path, body) else b"in time"
            if verdict == b"recorded" and watched:
                os.kill(int(watched), signal.SIGKILL)
            continue
        data = os.read(0, 65536)
        if not data:
            return
        *lines, pending = (pending + data).split(b"\n")
        for line in lines:
            message = json.loads(line)
            if "over" in message:
                if body is not None and time.monotonic() >= body["deadline"]:
                    os.write(1, (verdict or b"in time") + b"\n")
                body = verdict = None
            else:
                body = message


def record(home: str, nonce: str, path: str, body: dict[str, Any]) -> bool:
    """End the attempt as timed out. False when it ended in the meantime, or the ledger cannot be written."""
    sys.path[:] = json.loads(path)
    from sematic.engine.changes import AttemptEnded
    from sematic.engine.records import Failure
    from sematic.engine.states import State
    from sematic.errors import SematicError
    from sematic.home import open_home

    message = f"the time limit of {body['seconds']:g} s is over, and the body did not stop"
    failure = Failure("timeout", "sematic.attempts.limits.TimedOut", message)
    ended = AttemptEnded(body["run_id"], body["attempt"], nonce, State.FAILED, time.time(), failure=failure.to_json())
    try:
        with open_home(Path(home)) as opened:
            opened.ledger.commit(body["pipeline_run_id"], [ended])
    except SematicError:
        return False
    return True


if __name__ == "__main__":
    main(*sys.argv[1:])
