"""What the push program says."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable

from image_tools.launch.plan import Plan
from image_tools.registry.errors import Broken, RegistryError
from image_tools.registry.progress import size
from image_tools.registry.push import Pushed

GOES_ON = "The program goes on; submitting remote jobs will fail."
_LONG_SECONDS = 5.0
_QUIET_SECONDS = 10.0


def summary(pushed: Pushed, seconds: float) -> str:
    """What was pushed, and what it took."""
    counts = pushed.counts
    mounted = f", {len(pushed.mounted)} mounted" if pushed.mounted else ""
    return (
        f"pushed {', '.join(map(str, pushed.references))}: {_count(len(pushed.uploaded), 'blob')}{mounted}, "
        f"{size(counts.sent)}, {_count(counts.requests, 'request')}, {seconds:.1f} s"
    )


class Complaints:
    """Says what keeps a push waiting, so that it does not look as if it hung: now and then, from any thread."""

    def __init__(self, say: Callable[[str], None], clock: Callable[[], float] = time.monotonic) -> None:
        self._say, self._clock = say, clock
        self._next = clock()
        self._lock = threading.Lock()

    def hear(self, failure: RegistryError, seconds: float) -> None:
        """A registry that is merely busy for a moment is not worth a word."""
        with self._lock:
            if self._clock() < self._next or not (isinstance(failure, Broken) or seconds >= _LONG_SECONDS):
                return
            self._next = self._clock() + _QUIET_SECONDS
        self._say(f"push: {failure}; asking again in {seconds:.0f} s.")


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


class Failed(Exception):
    """`what` did not happen, and `why`, without a full stop. A program that submits says the first part itself."""

    def __init__(self, what: str, why: str) -> None:
        super().__init__(f"{what}: {why}")
        self.why = why


def unreadable(error: RegistryError) -> Failed:
    """There is no plan."""
    return Failed("nothing can be pushed", str(error))


def refused(plan: Plan, error: RegistryError) -> Failed:
    """A registry, or a file of ours, is in the way."""
    if len(plan.tags) == 1 or error.target is None:
        return Failed(_not_pushed(plan), str(error))
    return Failed(_not_pushed(plan), f"image {plan.tags[error.target]}: {error}")


def stopped(plan: Plan, number: int) -> Failed:
    """It was told to end."""
    how = "Ctrl-C" if number == signal.SIGINT else signal.Signals(number).name if number else "the program's end"
    return Failed(_not_pushed(plan), f"{how} stopped the push before the registry had confirmed it")


def unexpected(error: Exception) -> Failed:
    """A mistake of ours. Only where it happened is shown: its text may quote what nobody should see."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    where = f" at {trace.tb_frame.f_code.co_filename}, line {trace.tb_lineno}" if trace else ""
    return Failed(
        "nothing, or not all, was pushed", f"{type(error).__name__}{where} was not foreseen: please report it"
    )


def _not_pushed(plan: Plan) -> str:
    return (
        f"the image of {plan.label} was not pushed"
        if len(plan.tags) == 1
        else f"not all images of {plan.label} were pushed"
    )
