"""LocalResolver: run on this machine and keep a record of it. Needs no server."""

from __future__ import annotations

import os
import resource
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from types import FrameType
from typing import Any, NamedTuple, TypeVar

from sematic import settings
from sematic.attempts.body import Outcome, Raised, Value
from sematic.attempts.output import Capture, Mark, start_capture, stop_capture
from sematic.engine.changes import GitNoted, Interrupted
from sematic.engine.engine import Engine
from sematic.engine.events import Cancelled, Event, Finish, Record, RunInline, Submitted, Usage
from sematic.engine.records import Failure, PipelineRun
from sematic.engine.states import State
from sematic.errors import LedgerError, SettingsError
from sematic.future import Future
from sematic.graph import graph_constants
from sematic.home import Home, open_home
from sematic.ids import random_id
from sematic.ledger.owner import current_owner
from sematic.resolvers.base import Loop, graph_of
from sematic.resolvers.outcome import result
from sematic.resolvers.program import GitState, command
from sematic.resolvers.progress import Progress, Quiet, node_name, progress_for
from sematic.types.artifact import keep_in

T = TypeVar("T")


class LocalResolver:
    """Runs functions in this process, tracked in the ledger under SEMATIC_HOME.

    `max_parallelism`: run functions with ``inline=False`` in that many worker processes; without it they run in this
    process too. Raises SettingsError when it is no whole number above 0.
    """

    def __init__(self, max_parallelism: int | None = None) -> None:
        if max_parallelism is not None and (
            not isinstance(max_parallelism, int) or isinstance(max_parallelism, bool) or max_parallelism < 1
        ):
            raise SettingsError(f"LocalResolver: max_parallelism must be 1 or more, got {max_parallelism!r}")
        self.max_parallelism = max_parallelism

    def resolve(self, future: Future[T]) -> T:
        """The value of `future`; the record says how it came about, or what failed."""
        graph = graph_of(future)
        with ExitStack() as stack:
            home = stack.enter_context(open_home())
            for artifact in graph_constants(graph):
                keep_in(home.store, artifact)
            start = _fresh_start(graph, self.max_parallelism)
            return _run(home, start, stack)
