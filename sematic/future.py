"""Futures: what calling a function gives before it ran, and the body in which the call was made."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Generic, NoReturn, Protocol, TypeVar, Unpack

from sematic import entry
from sematic.errors import ConversionError, GraphError
from sematic.graph import Collect, Constant, Field, Graph, Item, Node, Output, Reference, check_size, dependencies
from sematic.options import CallOptions, Options
from sematic.types.artifact import MemoryStore, Store, converted, encode
from sematic.types.base import CompositeType, ValueType, describe
from sematic.types.registry import flows

if TYPE_CHECKING:
    from sematic.function import Function

T = TypeVar("T")


class Resolver(Protocol):
    """Runs the graph of a future and gives its value."""

    def resolve(self, future: Future[T]) -> T: ...


def default_resolver() -> Resolver:
    """The resolver of ``f.resolve()``; the package puts LocalResolver here."""
    raise GraphError("no resolver was given, and there is no default one")


every_resolver: Resolver | None = None
"""Runs every graph in the place of the resolver that the program asks for, while it is set: see sematic.parity."""


class Body:
    """One execution of a function's body: the calls made in it, in order, and where constants are stored."""

    __slots__ = ("calls", "context", "function", "store")

    def __init__(self, function: Function[..., Any] | None, store: Store, context: Any = None) -> None:
        self.function = function
        self.store = store
        self.context = context
        self.calls: list[Call] = []


current_body: ContextVar[Body | None] = ContextVar("sematic_body", default=None)
_MEMORY = MemoryStore()


class Call:
    """One call of a function: a node of a graph that is being built. `position` is None outside of any body."""

    __slots__ = ("arguments", "body", "callers", "function", "line", "options", "position")

    def __init__(
        self,
        function: Function[..., Any],
        body: Body | None,
        arguments: Mapping[str, Reference],
        callers: tuple[Call, ...],
        line: int,
    ) -> None:
        self.function = function
        self.body = body
        self.arguments = arguments
        self.callers = callers
        self.options: Options = function.options
        self.line = line
        if body is not None:
            self.position = len(body.calls)
            body.calls.append(self)
        else:
            self.position = next(_outside)

    def __repr__(self) -> str:
        return f"{self.function.name}(…) at line {self.line}"

    def node(self) -> Node:
        arguments = self.arguments
        return Node(self.function.path, arguments, self.options, dependencies(arguments.values()), self.function)


def _count() -> Iterator[int]:
    number = 0
    while True:
        yield number
        number += 1


_outside = _count()
"""Positions of calls made outside of any body: unique, and in order; renumbered when a graph is resolved."""


class Future(Generic[T]):
    """The value of a call that has not run yet, or a part of one (``f[0]``, ``f.field``).

    Its public names are `resolve` and `set`; for a declared field of that name use `sematic.field(f, "set")`.
    """

    __slots__ = ("__weakref__", "_call", "_reference", "_type")

    def __init__(self, call: Call, reference: Reference, type: ValueType) -> None:
        self._call = call
        self._reference = reference
        self._type = type

    def resolve(self, resolver: Resolver | None = None) -> T:
        """Run the graph of this future and return its value. The default resolver is LocalResolver()."""
        if current_body.get() is not None:
            raise GraphError(
                f"{_name(self)}.resolve() was called inside a function's body; return the future instead: "
                "the function that returns it takes its value"
            )
        if entry.worker_of is not None:
            raise GraphError(
                f"{_name(self)}.resolve() was called while a worker imported {entry.worker_of}; put what the "
                "program does under `if __name__ == '__main__':`, so that it can be imported"
            )
        if not isinstance(self._reference, Output):
            raise GraphError(f"{_name(self)} is a part of a future; resolve the whole and take the part from its value")
        if resolver is None:
            resolver = default_resolver()
        if isinstance(resolver, type) or not hasattr(resolver, "resolve"):
            raise GraphError(f"resolve() takes a resolver such as SilentResolver(), got {describe(resolver)}")
        return (every_resolver or resolver).resolve(self)

    def set(self, **options: Unpack[CallOptions]) -> Future[T]:
        """Change options of this one call, such as `name`, `tags`, `inline`, `timeout`, `retry`, `cache`,
        `resource_requirements`; returns the future itself. Raises SettingsError."""
        if not isinstance(self._reference, Output):
            raise GraphError(f"{_name(self)} is a part of a future; .set() belongs on the call itself")
        self._call.options = self._call.options.changed(**options)
        return self

    def __getitem__(self, key: Any) -> Any:
        if isinstance(key, slice):
            raise GraphError(f"{_name(self)} has no value yet and cannot be sliced; do it inside a function")
        if isinstance(key, Future):
            _same_body(key, self._call.body)
            return Future(self._call, Item(self._reference, key._reference), self._type.item(None))._also(key)
        item = self._type.item(key)
        key_type = _key_type(self._type, key)
        artifact = encode(key_type, converted(key_type, key, f"{_name(self)}[…]"), _MEMORY)
        return Future(self._call, Item(self._reference, Constant(artifact)), item)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return Future(self._call, Field(self._reference, name), self._type.field(name))

    def __iter__(self) -> Iterator[Any]:
        length = _length(self._type)
        if length is None:
            self._unsupported("be iterated")
        return iter([self[i] for i in range(length)])

    def _also(self, other: Future[Any]) -> Future[T]:
        """This projection, knowing that it needs `other` too (an index that is a future)."""
        if self._call.body is None:
            self._call = _Joined(self._call, other._call)
        return self

    def _unsupported(self, what: str) -> NoReturn:
        raise GraphError(
            f"{_name(self)} is a future: it has no value yet and cannot {what}. Pass it to a function that takes its "
            f"value ({self._type.name}) and do it there"
        )

    def __bool__(self) -> NoReturn:
        self._unsupported("be used as a condition")

    def __len__(self) -> NoReturn:
        self._unsupported("be measured with len()")

    def __contains__(self, item: object) -> NoReturn:
        self._unsupported("be searched with `in`")

    def __call__(self, *args: object, **kwargs: object) -> NoReturn:
        self._unsupported("be called")

    def __format__(self, spec: str) -> NoReturn:
        self._unsupported("be put into a text")

    def __reduce__(self) -> NoReturn:
        self._unsupported("be pickled or copied")

    def __eq__(self, other: object) -> bool:
        if self is not other:
            self._unsupported("be compared")
        return True

    def __ne__(self, other: object) -> bool:
        return not self.__eq__(other)

    def __hash__(self) -> int:
        return id(self)

    def __repr__(self) -> str:
        return f"<Future {_name(self)}: {self._type.name}>"

    def __setattr__(self, name: str, value: object) -> None:
        if name not in Future.__slots__:
            raise GraphError(f"{_name(self)} is a future: its fields cannot be set")
        object.__setattr__(self, name, value)


class _Joined(Call):
    """The call of a projection outside of any body whose index is a future: it stands for both calls."""

    __slots__ = ()

    def __init__(self, call: Call, other: Call) -> None:
        for name in Call.__slots__:
            object.__setattr__(self, name, getattr(call, name))
        self.callers = (*call.callers, call, other)


_OPERATORS = (
    "add sub mul matmul truediv floordiv mod divmod pow lshift rshift and xor or radd rsub rmul rmatmul rtruediv "
    "rfloordiv rmod rpow rlshift rrshift rand rxor ror neg pos abs invert int float complex index round lt le gt ge "
    "enter exit await aiter anext next reversed delitem setitem"
).split()


def _refusing(operator: str) -> Any:
    def method(self: Future[Any], *_: object, **__: object) -> NoReturn:
        self._unsupported(f"be used in an operation (__{operator}__)")

    method.__name__ = f"__{operator}__"
    return method


for _operator in _OPERATORS:
    setattr(Future, f"__{_operator}__", _refusing(_operator))


def _name(future: Future[Any]) -> str:
    call = object.__getattribute__(future, "_call")
    return f"{call.function.name}(…){_suffix(future._reference)}"


def _suffix(reference: Reference) -> str:
    if isinstance(reference, Item):
        return f"{_suffix(reference.of)}[…]"
    return f"{_suffix(reference.of)}.{reference.name}" if isinstance(reference, Field) else ""


def _length(type: ValueType) -> int | None:
    """How many elements unpacking gives, where the declared type says."""
    from sematic.types.sequences import TupleType
    from sematic.types.structs import NamedTupleType

    if isinstance(type, TupleType) and not type.any_length:
        return len(type.elements)
    return len(type.fields) if isinstance(type, NamedTupleType) else None


def _key_type(container: ValueType, key: object) -> ValueType:
    from sematic.types.registry import of

    return getattr(container, "key", None) or of(type(key))


def field(future: Any, name: str) -> Any:
    """``future.name`` for a declared field whose name a future uses itself: `resolve`, `set`, or one with a leading
    underscore."""
    if not isinstance(future, Future):
        return getattr(future, name)
    return Future(future._call, Field(future._reference, name), future._type.field(name))


def _same_body(future: Future[Any], body: Body | None) -> None:
    if future._call.body is not body:
        made = future._call.body
        origin = f"the body of {made.function.name}" if made and made.function else "outside of any function"
        raise GraphError(
            f"{_name(future)} (line {future._call.line}) was made in another place: {origin}. A future belongs to the "
            "body execution that made it; do not keep futures in globals, closures or caches, pass them as arguments"
        )


def reference_to(value: Any, target: ValueType, body: Body | None, where: str, callers: list[Call]) -> Reference:
    """What a call takes an argument from, or a body its result: a constant, a future, or a container of both.

    Constants are converted and encoded here and now, so that changing them later changes nothing. The calls that
    are needed are added to `callers`. Raises ConversionError (its path starts with `where`) and GraphError.
    """
    if value.__class__ is Future:
        return _reference_to_future(value, target, body, where, callers)
    try:
        value_converted = converted(target, value, where)
    except ConversionError:
        if not contains_future(value):
            raise
        return _reference_to_container(value, target, body, where, callers)
    store = body.store if body is not None else _MEMORY
    return Constant(encode(target, value_converted, store))


def _reference_to_future(
    future: Future[Any], target: ValueType, body: Body | None, where: str, callers: list[Call]
) -> Reference:
    _same_body(future, body)
    if future._type is not target and not flows(future._type, target):
        raise ConversionError(f"expected {target.name}, got {_name(future)}, a future of {future._type.name}", (where,))
    callers.append(future._call)
    return future._reference


def _reference_to_container(
    value: Any, target: ValueType, body: Body | None, where: str, callers: list[Call]
) -> Reference:
    if not isinstance(target, CompositeType):
        raise GraphError(
            f"{where}: futures inside a {type(value).__name__} need a declared type that says what they are, such as "
            f"list[int] or a dataclass; {target.name} does not"
        )
    try:
        shape, parts = target.split(value)
    except ConversionError as error:
        raise error.within(where) from None
    elements = tuple(reference_to(part, kind, body, f"{where}{step}", callers) for step, kind, part in parts)
    return Collect(target.spec, shape, elements, tuple(kind.spec for _, kind, _ in parts))


def contains_future(value: Any) -> bool:
    """Whether a future is inside of containers or of classes with declared fields, however deep."""
    seen: set[int] = set()
    stack = [value]
    while stack:
        item = stack.pop()
        if item.__class__ is Future:
            return True
        if id(item) in seen:
            continue
        seen.add(id(item))
        if isinstance(item, list | tuple | set | frozenset | deque):
            stack.extend(item)
        elif isinstance(item, dict):
            stack.extend(item.keys())
            stack.extend(item.values())
        else:
            stack.extend(getattr(item, name, None) for name in _declared_fields(type(item)))
    return False


def _declared_fields(cls: type) -> Iterable[str]:
    """The names of a class's fields, if it is a dataclass, or one of attrs or of pydantic."""
    if hasattr(cls, "__attrs_attrs__"):
        return [attribute.name for attribute in cls.__attrs_attrs__]
    return getattr(cls, "__dataclass_fields__", None) or getattr(cls, "__pydantic_fields__", None) or ()


def capture(body: Body, value: Any, returns: ValueType, where: str) -> Graph:
    """The graph that a body returned. Raises GraphError for calls whose result nothing uses."""
    output = reference_to(value, returns, body, where, [])
    nodes = tuple(call.node() for call in body.calls)
    refuse_unused(body, nodes, output)
    graph = Graph(nodes, output)
    check_size(graph, f"the graph that {body.function.name if body.function else 'the body'} returned")
    return graph


def refuse_unused(body: Body, nodes: tuple[Node, ...], output: Reference | None) -> None:
    """Raise GraphError naming the calls of a body that its output does not depend on."""
    used = bytearray(len(nodes))
    stack = list(dependencies([output])) if output is not None else []
    while stack:
        position = stack.pop()
        if not used[position]:
            used[position] = 1
            stack.extend(nodes[position].dependencies)
    unused = [body.calls[i] for i, flag in enumerate(used) if not flag]
    if unused:
        named = ", ".join(map(repr, unused[:3])) + (f" and {len(unused) - 3} more" if len(unused) > 3 else "")
        name = body.function.name if body.function else "the body"
        raise GraphError(
            f"{name}: the output does not depend on {named}, which would not run. Use the result in the returned "
            "value, or remove the call"
        )
