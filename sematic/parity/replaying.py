"""Running a body again in a process that has only imported the program, which is where it runs in the cluster.

What `main.py`, or a function in another pod, put into modules, flags or the environment is not there.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sematic.attempts.body import Outcome, Raised, run_body
from sematic.context import Context
from sematic.errors import ArtifactError, EncodingError, SematicError
from sematic.function import Function, find
from sematic.graph import Constant, Materials, Node
from sematic.parity.problems import Problem, place_of
from sematic.types.artifact import Artifact, MemoryStore, encode
from sematic.types.base import BinaryType
from sematic.types.registry import of


def packed(arguments: Mapping[str, Any]) -> bytes | None:
    """The arguments of a call for another process; None when they cannot be pickled."""
    try:
        return b"".join(_any_value().to_chunks(dict(arguments)))
    except EncodingError:
        return None


def replay(path: str, arguments: bytes) -> Problem | None:
    """Call the function at `path` once more, and say what it raises now. It did not when the arguments were packed."""
    try:
        function = find(path)
    except SematicError:
        return None  # `check` has said so.
    try:
        outcome = _outcome(function, _any_value().from_buffer(arguments))
    except Exception as error:  # reading what a user's class made of itself may raise anything
        return Problem(f"{function.name} cannot read its arguments", *place_of(function), error=error)
    if not isinstance(outcome, Raised):
        return None
    return Problem(f"{function.name} fails in a process of its own", *place_of(function), error=outcome.error)


def _outcome(function: Function[..., Any], values: dict[str, Any]) -> Outcome:
    store = MemoryStore()
    kinds = function.parameters
    arguments = {name: Constant(encode(kinds[name].type, value, store)) for name, value in values.items()}
    node = Node(function.path, arguments, function.options, (), function)
    context = Context("replay", "replay", 1)
    outcome = run_body(node, function, Materials({}, _no_artifact, store), context)
    for _ in range(function.options.retry.retries if function.options.retry else 0):
        if not isinstance(outcome, Raised):
            break
        outcome = run_body(node, function, Materials({}, _no_artifact, store), context)
    return outcome


def _any_value() -> BinaryType:
    found = of(object)
    assert isinstance(found, BinaryType)
    return found


def _no_artifact(id: str) -> Artifact:
    raise ArtifactError(f"artifact {id} is not in memory")
