"""One attempt at a run: arguments in, an outcome out. The same for every resolver and for workers."""

from __future__ import annotations

import os
import traceback as tracebacks
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from types import TracebackType
from typing import Any, NamedTuple, TypeAlias

from sematic.attempts.limits import TimeLimit
from sematic.context import Context
from sematic.engine.records import Failure
from sematic.errors import ArtifactError, BodyExited, ConversionError, GraphError, SematicError
from sematic.function import Function
from sematic.future import Body, Future, capture, contains_future, current_body, refuse_unused
from sematic.graph import Constant, Graph, Materials, Node, Output, materialise
from sematic.options import RetrySettings
from sematic.types import scratch
from sematic.types.artifact import Artifact, converted, encode, load

FORKED = 70
"""The exit code of a process that a body forked and let return."""

_OUR_PACKAGE = __name__.partition(".")[0] + "."


class Value(NamedTuple):
    """The body returned a value."""

    artifact: Artifact
    inputs: Mapping[str, Artifact]


class Expansion(NamedTuple):
    """The body returned a graph."""

    graph: Graph
    inputs: Mapping[str, Artifact]


class Raised(NamedTuple):
    """The body raised, or its arguments or result are not what is declared."""

    failure: Failure
    error: BaseException
    inputs: Mapping[str, Artifact]


Outcome: TypeAlias = Value | Expansion | Raised


Limit: TypeAlias = Callable[[Context, float], AbstractContextManager[None]]
"""Limits the running time of a body, in seconds."""


def _soft(context: Context, seconds: float) -> TimeLimit:
    return TimeLimit(seconds)


def run_body(
    node: Node,
    function: Function[..., Any],
    materials: Materials,
    context: Context,
    time_limit: Limit | None = None,
) -> Outcome:
    """Execute one body. What goes wrong is an outcome; only KeyboardInterrupt comes out as an exception."""
    inputs: dict[str, Artifact] = {}
    try:
        with scratch.of_run():
            values = _values(node, function, materials, inputs)
            body = Body(function, materials.store, context)
            token = current_body.set(body)
            try:
                limit = node.options.timeout
                with nullcontext() if limit is None else (time_limit or _soft)(context, limit):
                    result = _called(function, values)
            finally:
                current_body.reset(token)
            del values
            return _outcome(function, body, result, inputs)
    except KeyboardInterrupt:
        raise
    except BaseException as raised:
        error = _exited(raised) if isinstance(raised, SystemExit) else raised
        return Raised(failure_of(error, node.options.retry), error, inputs)


def _called(function: Function[..., Any], values: dict[str, Any]) -> Any:
    """What the body returns, or raises. In a process that the body forked it comes back to nobody: going on would
    report its result a second time, and run everything that comes afterwards twice."""
    pid = os.getpid()
    try:
        return function._run(values)
    finally:
        if os.getpid() != pid:
            os._exit(FORKED)


def _values(
    node: Node, function: Function[..., Any], materials: Materials, inputs: dict[str, Artifact]
) -> dict[str, Any]:
    """The decoded arguments, a copy of its own for this body. Artifacts that had to be made are put in `inputs`."""
    values = {}
    parameters = function.parameters
    for name, reference in node.arguments.items():
        parameter = parameters.get(name)
        if parameter is None:
            raise GraphError(f"{function.name} has no parameter {name} any more; run the pipeline again from the start")
        try:
            artifact = materialise(reference, parameter.type, materials)
        except (LookupError, TypeError) as error:
            raise at(error, f"{function.name}({name})") from error
        if reference.__class__ is not Constant and not (
            reference.__class__ is Output and materials.outputs[reference.position] is artifact
        ):
            inputs[name] = artifact
        values[name] = load(artifact, materials.store)
    return values


def at(error: Exception, where: str) -> SematicError:
    """The same problem of putting a value together, saying which value it is about."""
    if isinstance(error, ConversionError):
        return error.within(where)
    return ConversionError(f"{type(error).__name__}: {error}", (where,))


def _outcome(function: Function[..., Any], body: Body, result: Any, inputs: Mapping[str, Artifact]) -> Outcome:
    where = f"the result of {function.name}"
    if result.__class__ is Future:
        return Expansion(capture(body, result, function.returns, where), inputs)
    try:
        value = converted(function.returns, result, where)
    except ConversionError:
        if not contains_future(result):
            raise
        return Expansion(capture(body, result, function.returns, where), inputs)
    if body.calls:
        refuse_unused(body, tuple(call.node() for call in body.calls), None)
    try:
        return Value(encode(function.returns, value, body.store), inputs)
    except SematicError as error:
        error.add_note(f"while storing {where}")
        raise


def failure_of(error: BaseException, retry: RetrySettings | None) -> Failure:
    """An exception as the record keeps it: class, message, traceback, and whether to try again.

    What the body raised is the user's to retry; what Sematic found wrong would be the same again.
    """
    if isinstance(error, SystemExit):
        error = _exited(error)
    kind = "timeout" if isinstance(error, TimeoutError) and getattr(error, "sematic_limit", None) else "user"
    retryable = retry is not None and retry.matches(error) and not isinstance(error, ArtifactError | GraphError)
    cls = type(error)
    name = cls.__qualname__ if cls.__module__ == "builtins" else f"{cls.__module__}.{cls.__qualname__}"
    return Failure(kind, name, _message(error), _traceback(error), retryable)


def _exited(error: SystemExit) -> BodyExited:
    """What comes out instead: raised as itself it would end the program, with exit code 0 as if all were well."""
    exited = BodyExited(f"the body asked the program to exit (sys.exit({error.code!r})); return a value, or raise")
    exited.__cause__ = error
    return exited.with_traceback(error.__traceback__)


def _message(error: BaseException) -> str:
    try:
        return str(error)
    except Exception as problem:  # a user's __str__ may raise anything
        return f"(its message cannot be shown: {type(problem).__name__})"


def _traceback(error: BaseException) -> str:
    """The traceback from the user's first frame on: how Sematic called it helps nobody."""
    try:
        exception = tracebacks.TracebackException(type(error), error, users_part(error.__traceback__), compact=True)
        return "".join(exception.format())
    except Exception as problem:
        return f"(the traceback cannot be shown: {type(problem).__name__})"


def users_part(traceback: TracebackType | None) -> TracebackType | None:
    """A traceback from the first frame that is not ours."""
    inside = traceback
    while inside is not None and inside.tb_frame.f_globals.get("__name__", "").startswith(_OUR_PACKAGE):
        inside = inside.tb_next
    return inside or traceback
