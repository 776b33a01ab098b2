"""`@sematic.func`: a plain typed function becomes a step of a pipeline."""

from __future__ import annotations

import functools
import hashlib
import inspect
import sys
import textwrap
import warnings
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Generic, NamedTuple, ParamSpec, TypeVar, cast, overload

from sematic.entry import MAIN, real_module
from sematic.errors import DefinitionError
from sematic.future import Call, Future, current_body, reference_to
from sematic.graph import Output, Reference
from sematic.options import DEFAULTS, Options, RetrySettings
from sematic.resources import ResourceRequirements
from sematic.types import registry
from sematic.types.base import ValueType
from sematic.types.hints import of_function

P = ParamSpec("P")
R = TypeVar("R")

_REQUIRED: Any = inspect.Parameter.empty


class Parameter(NamedTuple):
    """One parameter: its declared type, and its default (`_REQUIRED` without one)."""

    name: str
    type: ValueType
    default: Any
    kind: Any


class Function(Generic[P, R]):
    """A typed function whose calls are recorded as futures. Made by `sematic.func`.

    To a type checker a call gives the return type itself, so that graphs compose; `future()` gives the `Future`.

    Attributes: `path` (``module:name``, how other processes find it), `name`, `options`; in tests `mock`, while
    `sematic.testing.mock_sematic_funcs` replaces the body.
    """

    mock: Any

    def __init__(self, body: Callable[P, R], options: Options) -> None:
        _refuse_unsupported(body)
        functools.update_wrapper(self, body)
        self.body = body
        self.name = body.__name__
        self.path = f"{real_module(body.__module__)}:{body.__name__}"
        self.options = options
        with suppress(NameError):  # a forward reference: read again at the first call, when the module is complete
            self._annotations = self._read_annotations()
        _known[self.path] = self

    @functools.cached_property
    def parameters(self) -> dict[str, Parameter]:
        """The parameters, in order. Raises DefinitionError for a name in an annotation that does not exist."""
        return self._annotations[0]

    @functools.cached_property
    def returns(self) -> ValueType:
        """The declared type of the result."""
        return self._annotations[1]

    @functools.cached_property
    def _names(self) -> tuple[str, ...]:
        """The names of the parameters, when all can be given by position and by name."""
        parameters = self.parameters
        usual = all(p.kind is inspect.Parameter.POSITIONAL_OR_KEYWORD for p in parameters.values())
        return tuple(parameters) if usual else ()

    @functools.cached_property
    def _positional(self) -> tuple[str, ...]:
        """The names of the parameters that can be given by position only."""
        return tuple(p.name for p in self.parameters.values() if p.kind is inspect.Parameter.POSITIONAL_ONLY)

    @functools.cached_property
    def _annotations(self) -> tuple[dict[str, Parameter], ValueType]:
        try:
            return self._read_annotations()
        except NameError as error:
            raise DefinitionError(f"{self._place}: an annotation names what does not exist: {error}") from None

    @property
    def _place(self) -> str:
        """The function and where it is written."""
        code = self.body.__code__
        return f"{self.name} ({code.co_filename}:{code.co_firstlineno})"

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        return cast(R, self._future(args, kwargs, sys._getframe(1).f_lineno))

    def future(self, *args: P.args, **kwargs: P.kwargs) -> Future[R]:
        """The same as a call, typed as what it is: a `Future`."""
        return self._future(args, kwargs, sys._getframe(1).f_lineno)

    def _run(self, values: dict[str, Any]) -> Any:
        """Run the body here and now; `values` are its arguments by parameter."""
        if not self._positional:
            return self.body(**values)  # type: ignore[call-arg]
        first = [values.pop(name) for name in self._positional if name in values]
        return self.body(*first, **values)

    def _future(self, args: tuple[Any, ...], kwargs: dict[str, Any], line: int) -> Future[R]:
        parameters = self.parameters
        given = self._bind(args, kwargs)
        body = current_body.get()
        arguments: dict[str, Reference] = {}
        callers: list[Call] = []
        for name, value in given.items():
            parameter = parameters[name]
            if value.__class__ is Future and value._type is parameter.type and value._call.body is body:
                callers.append(value._call)
                arguments[name] = value._reference
            else:
                arguments[name] = reference_to(value, parameter.type, body, f"{self.name}({name})", callers)
        kept = () if body is not None else tuple(callers)
        call = Call(self, body, arguments, kept, line)
        return Future(call, Output(call.position), self.returns)

    def _bind(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any]:
        """Arguments by parameter name, in order, defaults filled in; raises TypeError as a plain call would."""
        names = self._names
        if names and len(args) + len(kwargs) == len(names):
            given = dict(zip(names, args, strict=False))
            given.update(kwargs)
            if given.keys() == self.parameters.keys():
                return given
        try:
            bound = self._signature.bind(*args, **kwargs)
        except TypeError as error:
            unknown = ", ".join(name for name in kwargs if name not in self.parameters)
            also = f" (there is no parameter {unknown})" if unknown and unknown not in str(error) else ""
            raise TypeError(f"{self.name}(): {error}{also}") from None
        bound.apply_defaults()
        return bound.arguments

    @functools.cached_property
    def _signature(self) -> inspect.Signature:
        return inspect.signature(self.body)

    def _read_annotations(self) -> tuple[dict[str, Parameter], ValueType]:
        hints = of_function(self.body)
        signature = self._signature
        missing = [name for name in signature.parameters if name not in hints]
        if missing:
            raise DefinitionError(
                f"{self._place}: {', '.join(missing)} {'has' if len(missing) == 1 else 'have'} no type annotation; "
                "every parameter needs one, it is what values are checked against"
            )
        if "return" not in hints:
            raise DefinitionError(f"{self._place}: the result has no type annotation; write `-> None` if there is none")
        returns = self._type(hints["return"], "the result")
        parameters = {
            name: Parameter(name, self._type(hints[name], name), p.default, p.kind)
            for name, p in signature.parameters.items()
        }
        self._check_defaults(parameters)
        return parameters, returns

    def _type(self, annotation: Any, what: str) -> ValueType:
        try:
            return registry.of(annotation)
        except DefinitionError as error:
            raise DefinitionError(f"{self._place}: {what}: {error}") from None

    def _check_defaults(self, parameters: dict[str, Parameter]) -> None:
        for parameter in parameters.values():
            if parameter.default is not _REQUIRED and parameter.default.__class__ is not Future:
                try:
                    parameter.type.convert(parameter.default)
                except TypeError as error:
                    raise DefinitionError(f"{self._place}: the default of {parameter.name}: {error}") from None

    @functools.cached_property
    def source(self) -> tuple[str, str]:
        """Digest and text of the function's source; the text is empty where there is none (a console)."""
        try:
            text = textwrap.dedent(inspect.getsource(self.body))
        except (OSError, TypeError):
            text = ""
        return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest(), text

    def __repr__(self) -> str:
        return f"<sematic.func {self.path}>"

    def __reduce__(self) -> tuple[Any, ...]:
        return (find, (self.path,))


_known: dict[str, Function[..., Any]] = {}
"""Functions by path, the newest of a path (a console may define one again)."""


def find(path: str) -> Function[..., Any]:
    """The function at ``module:name``, imported when needed. Raises DefinitionError saying what is missing."""
    if path in _known:
        return _known[path]
    module, _, name = path.partition(":")
    if module == MAIN:
        raise DefinitionError(
            f"{name} was defined in a console, or in a program that no other process can import; put it in a module "
            "(a .py file), or run it with inline=True in the process that defines it"
        )
    try:
        found = getattr(__import__(module, fromlist=[name]), name)
    except ImportError as error:
        raise DefinitionError(f"function {path} cannot be imported: {error}") from error
    except AttributeError:
        raise DefinitionError(f"function {path} does not exist any more: {module} has no {name}") from None
    if not isinstance(found, Function):
        raise DefinitionError(f"{path} is no Sematic function any more; decorate it with @sematic.func")
    return found


def _refuse_unsupported(body: Any) -> None:
    if not inspect.isfunction(body):
        raise DefinitionError(f"@sematic.func goes on a function written with def, got {type(body).__name__}")
    name = body.__qualname__
    code = body.__code__
    problem = ""
    if body.__name__ == "<lambda>":
        problem = "a lambda has no name by which another process could find it; write a def at the top of a module"
    elif "<locals>" in name:
        problem = "a local function cannot be found by another process; move it to the top of its module"
    elif "." in name:
        problem = "a method cannot be a Sematic function; move it to the top of its module and pass what it needs"
    elif code.co_flags & (inspect.CO_COROUTINE | inspect.CO_ASYNC_GENERATOR):
        problem = "a coroutine cannot be a Sematic function; use asyncio.run(…) inside a plain one"
    elif code.co_flags & inspect.CO_GENERATOR:
        problem = "a generator cannot be a Sematic function; return a list"
    elif code.co_flags & (inspect.CO_VARARGS | inspect.CO_VARKEYWORDS):
        problem = "*args and **kwargs have no declared names and types; use parameters such as `values: list[int]`"
    if problem:
        raise DefinitionError(f"{name} ({code.co_filename}:{code.co_firstlineno}): {problem}")


@overload
def func(body: Callable[P, R], /) -> Function[P, R]: ...


@overload
def func(
    *,
    inline: bool = ...,
    resource_requirements: ResourceRequirements | None = ...,
    retry: RetrySettings | None = ...,
    timeout: float | None = ...,
    cache: bool = ...,
    base_image_tag: str | None = ...,
) -> Callable[[Callable[P, R]], Function[P, R]]: ...


def func(body: Any = None, /, **options: Any) -> Any:
    """Make a step of a pipeline from a plain function whose parameters and result are annotated.

    Options:
        inline: True (default) runs it in the driver; False in a worker of its own, in the cloud with resources of
            its own. Not inherited by the functions it calls.
        resource_requirements: the `ResourceRequirements` of its worker.
        retry: `RetrySettings` for exceptions of its own body.
        timeout: seconds that one attempt may run.
        cache: whether its result may be reused.
        base_image_tag: which of the pipeline's base images its worker uses.

    Raises DefinitionError for what could not run in another process or be checked, SettingsError for options.
    """
    resolved = DEFAULTS.changed(**options) if options else DEFAULTS
    if resolved.inline and resolved.resource_requirements is not None:
        warnings.warn(
            "resource_requirements have no effect on a function that runs in the driver; add inline=False to give it "
            "a worker of its own, or size the driver with CloudResolver(resources=…)",
            stacklevel=2,
        )
    if body is None:
        return lambda function: Function(function, resolved)
    return Function(body, resolved)
