"""SilentResolver: run a graph here and now, and write nothing anywhere."""

from __future__ import annotations

from typing import Any, TypeVar, cast

from sematic.engine.engine import Engine
from sematic.engine.events import Finish, Submitted
from sematic.engine.records import PipelineRun
from sematic.engine.states import State
from sematic.errors import ArtifactError
from sematic.future import Future
from sematic.ids import random_id
from sematic.resolvers.base import Loop, Ports, Watcher, graph_of
from sematic.resolvers.outcome import result
from sematic.types.artifact import Artifact, MemoryStore

T = TypeVar("T")


class SilentResolver:
    """Runs functions in this process, with the same checks and conversions as everywhere, and keeps no record.

    For consoles, notebooks and tests. A user's exception comes out as itself, with a note that names the path
    through the graph.
    """

    def resolve(self, future: Future[T]) -> T:
        """The value of `future`."""
        finish, loop = run_silently(future)
        return cast(T, result(finish, loop))


def run_silently(future: Future[Any], watcher: Watcher | None = None) -> tuple[Finish, Loop]:
    """Run the graph of `future` to its end, and say what end."""
    graph = graph_of(future)
    pipeline_run = PipelineRun(random_id(), graph.nodes[-1].path, State.RUNNING, 0.0, None, "silent")
    loop = Loop(Engine(pipeline_run.id, recording=False), Ports(MemoryStore(), _no_artifact, watcher=watcher))
    return loop.run(Submitted(graph, pipeline_run, 0.0)), loop


def _no_artifact(id: str) -> Artifact:
    raise ArtifactError(f"artifact {id} is not in memory")
