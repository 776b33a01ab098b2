"""LocalResolver: run on this machine and keep a record of it. Uses a server only if the settings name one."""

from __future__ import annotations

import time
from contextlib import ExitStack
from typing import NamedTuple, TypeVar, cast

from sematic import entry, settings
from sematic.attempts.meter import ProcessMeter
from sematic.attempts.output import Capture, start_capture, stop_capture
from sematic.attempts.watchdog import Watchdog
from sematic.engine.engine import Engine
from sematic.engine.events import Event, Finish, Resumed, Submitted
from sematic.engine.rebuild import rebuild
from sematic.engine.records import PipelineRun
from sematic.engine.states import State
from sematic.errors import SettingsError
from sematic.function import find
from sematic.future import Future
from sematic.graph import Graph, graph_constants
from sematic.home import RUNS_PATIENCE, Home, open_home
from sematic.ids import random_id
from sematic.ledger.owner import current_owner
from sematic.resolvers import resume
from sematic.resolvers.base import Loop, Ports, graph_of
from sematic.resolvers.interrupts import Interrupts
from sematic.resolvers.outcome import result
from sematic.resolvers.program import GitState, command
from sematic.resolvers.progress import Watch, node_name, progress_for
from sematic.resolvers.tracking import Recorder
from sematic.types.artifact import keep

T = TypeVar("T")


class LocalResolver:
    """Runs functions in this process, tracked in the ledger under SEMATIC_HOME, or on the server the settings name.

    `max_parallelism`: run functions with ``inline=False`` in that many worker processes; without it they run in this
    process too. Raises SettingsError when it is no whole number above 0.
    """

    def __init__(self, max_parallelism: int | None = None) -> None:
        if max_parallelism is None:
            self.max_parallelism = int(settings.get("max_parallelism") or 0)
            return
        if not isinstance(max_parallelism, int) or isinstance(max_parallelism, bool) or max_parallelism < 1:
            raise SettingsError(f"LocalResolver: max_parallelism must be 1 or more, got {max_parallelism!r}")
        self.max_parallelism = max_parallelism

    def resolve(self, future: Future[T]) -> T:
        """The value of `future`; the record says how it came about, or what failed.

        A user's exception comes out as itself, with a note that names the path through the graph.
        """
        entry.adopt_main()
        graph = graph_of(future)
        with open_home(patience=RUNS_PATIENCE) as home, ExitStack() as stack:
            for artifact in graph_constants(graph):
                keep(artifact, home.store)
            start = _start(home, graph, self.max_parallelism)
            return cast(T, _run(home, start, node_name(graph.nodes[-1]), stack))


class _Start(NamedTuple):
    """How a pipeline run begins: new, or with what an earlier one left."""

    pipeline_run: PipelineRun
    engine: Engine
    event: Event
    nonce: str
    announcement: str


def _start(home: Home, graph: Graph, max_parallelism: int) -> _Start:
    new = _described(graph)
    nonce = random_id()
    asked = resume.wish()
    earlier = resume.find_wanted(home.ledger, asked, new.function) if asked is not None else None
    if asked is None or earlier is None:
        engine = Engine(new.id, claimant=nonce, max_parallelism=max_parallelism)
        return _Start(new, engine, Submitted(graph, new, new.created_at), nonce, "")
    plan = resume.plan(home.ledger, earlier, asked, new, graph)
    engine = Engine(plan.pipeline_run.id, claimant=nonce, max_parallelism=max_parallelism)
    rebuild(engine, plan.runs, find, lambda run_id: resume.failures(home.ledger, run_id))
    home.ledger.commit(engine.id, plan.changes)
    resume.granted()
    return _Start(plan.pipeline_run, engine, Resumed(new.created_at), nonce, plan.announcement)


def _described(graph: Graph) -> PipelineRun:
    """The record of a new pipeline run of this program."""
    root = graph.nodes[-1]
    return PipelineRun(
        id=random_id(),
        function=root.path,
        state=State.RUNNING,
        created_at=time.time(),
        owner=current_owner(),
        resolver="local",
        name=root.options.name,
        tags=",".join(root.options.tags) or None,
        command=command(),
    )


def _run(home: Home, start: _Start, name: str, stack: ExitStack) -> object:
    begun = time.monotonic()
    id = start.pipeline_run.id
    capture = _capture(home, id, stack)
    recorder = Recorder(home.ledger, start.pipeline_run, GitState())
    watch = Watch(progress_for(str(settings.get("progress")), capture), start.engine)
    interrupts = stack.enter_context(Interrupts())
    ports = Ports(
        home.store,
        home.ledger.artifact,
        recorder.record,
        ProcessMeter(capture),
        watcher=watch,
        interrupts=interrupts,
        time_limit=stack.enter_context(Watchdog(home.folder, start.nonce)).limit,
    )
    loop = Loop(start.engine, ports)
    if start.engine.max_parallelism:
        from sematic.resolvers.workers import WorkerPool

        pool = WorkerPool(home, loop, start.nonce, start.pipeline_run.command or "{}", capture)
        ports.workers = stack.enter_context(pool)
    watch.begin(id, name, start.announcement)
    finish = _until_the_end(loop, start.event, recorder, interrupts)
    recorder.note_git()
    watch.finish(finish, time.monotonic() - begun)
    return result(finish, loop)


def _capture(home: Home, id: str, stack: ExitStack) -> Capture | None:
    if not settings.get("output_capture"):
        return None
    capture = start_capture(home.logs / id)
    stack.callback(stop_capture, capture)
    return capture


def _until_the_end(loop: Loop, event: Event, recorder: Recorder, interrupts: Interrupts) -> Finish:
    try:
        return loop.run(event)
    except KeyboardInterrupt:
        interrupts.last_chance()
        return loop.cancel()
    except BaseException as error:
        recorder.give_up(error)
        raise
