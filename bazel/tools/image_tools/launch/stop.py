"""What ends a push before it is done: a signal, or the end of the program that it is for."""

from __future__ import annotations

import signal
import threading
from types import FrameType

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Stop:
    """`event` is set when the push is to end, `signal` to the number of the signal if one said so."""

    def __init__(self) -> None:
        self.event = threading.Event()
        self.signal = 0

    def listen(self) -> None:
        """A shell makes what it starts in the background deaf to Ctrl-C; nohup's wish for SIGHUP is respected."""
        for number in _SIGNALS:
            if number == signal.SIGINT or signal.getsignal(number) != signal.SIG_IGN:
                signal.signal(number, self._told)

    def _told(self, number: int, frame: FrameType | None) -> None:
        """The second signal ends the process itself."""
        self.signal = number
        self.event.set()
        signal.signal(number, signal.SIG_DFL)

    @property
    def code(self) -> int:
        """The exit code of a push that failed."""
        return 128 + self.signal if self.signal else 1
