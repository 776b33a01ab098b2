"""A program that pushes nothing and says about it what it is told to, in the way a pusher does.

``pusher.py STATE_FILE``, then a command a line on standard input: ``lock``, ``write TEXT``, ``end``. Each is answered
with a line when it is done.
"""

from __future__ import annotations

import fcntl
import os
import sys


def main(path: str) -> None:
    file = os.open(path, os.O_RDWR)
    for line in sys.stdin:
        command, _, text = line.rstrip("\n").partition(" ")
        if command == "lock":
            fcntl.flock(file, fcntl.LOCK_EX)
        elif command == "write":
            os.ftruncate(file, 0)
            os.pwrite(file, text.replace("\\n", "\n").encode(), 0)
        elif command == "end":
            return
        print("done", flush=True)


if __name__ == "__main__":
    main(sys.argv[1])
