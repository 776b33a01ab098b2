"""Where a running function is: its run, pipeline run and attempt."""

from __future__ import annotations

from typing import NamedTuple

from sematic.errors import NotInFunctionError
from sematic.future import current_body


class Context(NamedTuple):
    """The run that a function's body is executed for."""

    run_id: str
    pipeline_run_id: str
    attempt: int


def context() -> Context:
    """The context of the function whose body is running. Raises NotInFunctionError anywhere else."""
    body = current_body.get()
    if body is None or body.context is None:
        raise NotInFunctionError("sematic.context() is known only inside the body of a Sematic function")
    found: Context = body.context
    return found
