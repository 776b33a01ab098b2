"""What `resolve` gives in the end: the value, or the exception that failed the pipeline run."""

from __future__ import annotations

from typing import Any

from sematic.attempts.body import users_part
from sematic.engine.engine import Live
from sematic.engine.events import Finish
from sematic.engine.states import State
from sematic.errors import RunFailed, RunTimedOut
from sematic.resolvers.base import Loop
from sematic.types.artifact import load


def result(finish: Finish, loop: Loop) -> Any:
    """The root's value, or raise: the user's own exception with a note, when it was raised in this process."""
    if finish.state is State.RESOLVED:
        (output,) = loop.outputs({0: finish.output}).values()
        return load(output, loop.ports.store)
    if finish.state is State.CANCELED:
        raise KeyboardInterrupt
    assert finish.failed is not None and finish.failure is not None
    path = path_of(loop.engine.runs[finish.failed])
    error = loop.errors.get(finish.failed)
    if error is not None:
        error.add_note(f"in {path}")
        raise error.with_traceback(users_part(error.__traceback__))
    kind = RunTimedOut if finish.failure.kind == "timeout" else RunFailed
    failure = finish.failure
    failed = kind(failure.class_name, failure.message, failure.traceback, path, finish.failed)
    if failure.traceback:
        failed.add_note(f"\nIn the process that ran it:\n{failure.traceback}")
    raise failed


def path_of(run: Live) -> str:
    """Names from the root to a run: ``pipeline → train_all → train``; long ones are shortened in the middle."""
    names = []
    current: Live | None = run
    while current is not None:
        names.append(current.node.options.name or current.node.path.partition(":")[2])
        current = current.parent
    names.reverse()
    if len(names) > 12:
        names = [*names[:5], f"… {len(names) - 10} more …", *names[-5:]]
    return " → ".join(names)
