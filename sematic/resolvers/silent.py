"""SilentResolver: run a graph here and now, and write nothing anywhere."""

from __future__ import annotations

from typing import Any, TypeVar

from sematic.engine.engine import Engine
from sematic.engine.events import Submitted
from sematic.engine.records import PipelineRun
from sematic.engine.states import State
from sematic.errors import ArtifactError
from sematic.future import Future
from sematic.ids import random_id
from sematic.resolvers.base import Loop, graph_of
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
        id = random_id()
        graph = graph_of(future)
        engine = Engine(id, recording=False)
        loop = Loop(engine, MemoryStore(), _no_artifact)
        pipeline_run = PipelineRun(id, graph.nodes[-1].path, State.RUNNING, 0.0, None, "silent")
        finish = loop.run(Submitted(graph, pipeline_run, loop.now()))
        return result(finish, loop, engine)


def _no_artifact(id: str) -> Artifact:
    raise ArtifactError(f"artifact {id} is not in memory")


