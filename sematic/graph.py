"""A graph as data: calls by function and references, and the reference tree of what the body returned."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from sematic.errors import ArtifactError, GraphError
from sematic.options import Options
from sematic.types.artifact import Artifact, Store, compose, encode, load, project
from sematic.types.base import CompositeType, Json, Spec, ValueType
from sematic.types.jsontext import dumps

if TYPE_CHECKING:
    from sematic.function import Function


class Constant(NamedTuple):
    """A value that was given. `artifact` is its id only, when the graph was read from a ledger."""

    artifact: Artifact | str


class Output(NamedTuple):
    """What the call at `position` of the same graph gives."""

    position: int


class Item(NamedTuple):
    """``of[key]``; the key is a reference as well."""

    of: Reference
    key: Reference


class Field(NamedTuple):
    """``of.name``."""

    of: Reference
    name: str


class Collect(NamedTuple):
    """A container of references: its type, its shape (see CompositeType.split) and its elements in order."""

    spec: Spec
    shape: Json
    elements: tuple[Reference, ...]
    element_specs: tuple[Spec, ...]


Reference: TypeAlias = Constant | Output | Item | Field | Collect


class Node(NamedTuple):
    """One call. `function` is the function itself where it is at hand, else it is found by `path`."""

    path: str
    arguments: Mapping[str, Reference]
    options: Options
    dependencies: tuple[int, ...]
    function: Function[..., Any] | None = None


class Graph(NamedTuple):
    """What a body returned: calls in the order they were made, and the reference of its output."""

    nodes: tuple[Node, ...]
    output: Reference


def positions(reference: Reference) -> Iterator[int]:
    """The positions of the calls that a reference needs, each as often as it occurs."""
    stack = [reference]
    while stack:
        item = stack.pop()
        if item.__class__ is Output:
            yield item.position
        else:
            stack.extend(_inner(item))


def constants(reference: Reference) -> Iterator[Artifact]:
    """The artifacts of all constants in a reference that was made in this process."""
    stack = [reference]
    while stack:
        item = stack.pop()
        if isinstance(item, Constant):
            assert isinstance(item.artifact, Artifact)
            yield item.artifact
        else:
            stack.extend(_inner(item))


def graph_constants(graph: Graph) -> Iterator[Artifact]:
    """The artifacts of all constants in a graph."""
    for node in graph.nodes:
        for reference in node.arguments.values():
            yield from constants(reference)
    yield from constants(graph.output)


LIMIT = 64 << 20
"""Bytes of a graph, which is recorded in one transaction and, where a server keeps the record, sent in one request."""

_NODE = 200
_REFERENCE = 40
_SMALL = 1000
_IN_STORE = 65536
"""Larger values, and the large parts of values, are on their way to the record already: the graph only names them."""


def check_size(graph: Graph, what: str) -> None:
    """Raise GraphError for a graph above LIMIT. Everywhere, so that it is known before there is a server."""
    size = 0
    counted: set[str] = set()
    for node in graph.nodes:
        size += _NODE + len(node.path)
        for reference in node.arguments.values():
            size += _size(reference, counted)
    size += _size(graph.output, counted)
    if size > LIMIT:
        raise GraphError(
            f"{what} is too large to be recorded at once: {len(graph.nodes)} calls with {size >> 20} MB of references "
            f"and values, where {LIMIT >> 20} MB are possible. Nest: call functions that make a part of it each; and "
            "pass a large value as the result of a function instead of writing it into many calls"
        )


def _size(reference: Reference, counted: set[str]) -> int:
    """About the bytes of a reference and of those values in it that were not `counted` yet."""
    if reference.__class__ is Output:
        return _REFERENCE
    if reference.__class__ is not Constant:
        return _REFERENCE + sum(_size(inner, counted) for inner in _inner(reference))
    artifact = reference.artifact
    if isinstance(artifact, str):
        return _REFERENCE
    size = artifact.known_size
    if size > _SMALL:  # equal values are recorded once
        if size > _IN_STORE or artifact.id in counted:
            return _REFERENCE
        counted.add(artifact.id)
    return _REFERENCE + size


def _inner(reference: Reference) -> tuple[Reference, ...]:
    if isinstance(reference, Item):
        return (reference.of, reference.key)
    if isinstance(reference, Field):
        return (reference.of,)
    return reference.elements if isinstance(reference, Collect) else ()


def renumbered(reference: Reference, numbers: Mapping[int, int]) -> Reference:
    """The same reference in a graph whose calls have other positions."""
    if isinstance(reference, Output):
        return Output(numbers[reference.position])
    if isinstance(reference, Item):
        return Item(renumbered(reference.of, numbers), renumbered(reference.key, numbers))
    if isinstance(reference, Field):
        return Field(renumbered(reference.of, numbers), reference.name)
    if isinstance(reference, Collect):
        return reference._replace(elements=tuple(renumbered(element, numbers) for element in reference.elements))
    return reference


def to_json(reference: Reference) -> Json:
    """A reference as JSON: ``["c", artifact]``, ``["o", position]``, ``["i", of, key]``, ``["f", of, name]``,
    ``["l", spec, shape, elements, element specs]``."""
    if isinstance(reference, Output):
        return ["o", reference.position]
    if isinstance(reference, Constant):
        artifact = reference.artifact
        return ["c", artifact if isinstance(artifact, str) else artifact.id]
    if isinstance(reference, Item):
        return ["i", to_json(reference.of), to_json(reference.key)]
    if isinstance(reference, Field):
        return ["f", to_json(reference.of), reference.name]
    elements = [to_json(element) for element in reference.elements]
    return ["l", reference.spec, reference.shape, elements, _compact(reference.element_specs)]


def from_json(data: Json) -> Reference:
    """The inverse of `to_json`; constants hold ids only."""
    kind, *rest = data
    if kind == "o":
        return Output(rest[0])
    if kind == "c":
        return Constant(rest[0])
    if kind == "i":
        return Item(from_json(rest[0]), from_json(rest[1]))
    if kind == "f":
        return Field(from_json(rest[0]), rest[1])
    spec, shape, elements, element_specs = rest
    references = tuple(from_json(element) for element in elements)
    return Collect(spec, shape, references, _expanded(element_specs, len(references)))


def _compact(specs: tuple[Spec, ...]) -> Json:
    """One spec instead of many equal ones: a fan-in of 500 says its element type once."""
    return {"all": specs[0]} if specs and all(spec == specs[0] for spec in specs) else list(specs)


def _expanded(specs: Json, count: int) -> tuple[Spec, ...]:
    return (specs["all"],) * count if isinstance(specs, dict) else tuple(specs)


def arguments_json(arguments: Mapping[str, Reference]) -> str:
    """The arguments of a call as the ledger keeps them."""
    return dumps({name: to_json(reference) for name, reference in arguments.items()})


def arguments_from_json(text: str) -> dict[str, Reference]:
    return {name: from_json(data) for name, data in json.loads(text).items()}


def dependencies(references: Iterable[Reference]) -> tuple[int, ...]:
    """The distinct positions that some references need, ascending."""
    found: set[int] = set()
    for reference in references:
        if reference.__class__ is Output:
            found.add(reference.position)
        elif reference.__class__ is not Constant:
            found.update(positions(reference))
    return tuple(sorted(found)) if len(found) > 1 else tuple(found)


class Materials(NamedTuple):
    """What it takes to turn references into artifacts: outputs by position, artifacts by id, and the bytes."""

    outputs: Mapping[int, Artifact]
    artifact: Callable[[str], Artifact]
    store: Store


def materialise(reference: Reference, target: ValueType, materials: Materials) -> Artifact:
    """The artifact of declared type `target` that a reference stands for.

    Nothing is decoded unless a type differs. Raises LookupError or TypeError for a projection of what is not there,
    ConversionError, and ArtifactError.
    """
    if reference.__class__ is Output:
        artifact = materials.outputs[reference.position]
    elif isinstance(reference, Constant):
        given = reference.artifact
        artifact = materials.artifact(given) if isinstance(given, str) else given
    elif isinstance(reference, Collect):
        artifact = _collected(reference, materials)
    else:
        artifact = _projected(reference, materials)  # type: ignore[arg-type]
    if artifact._type is target or artifact.spec == target.spec:
        return artifact
    return _coerced(artifact, target, materials.store)


def _coerced(artifact: Artifact, target: ValueType, store: Store) -> Artifact:
    """The same value under another declared type."""
    from sematic.types.unions import UnionType

    wrapped = target.around(artifact, store) if isinstance(target, UnionType) else None
    return wrapped or encode(target, target.convert(load(artifact, store)), store)


def _own(reference: Reference, materials: Materials) -> Artifact:
    """The artifact of a reference under the type it has by itself."""
    if isinstance(reference, Output):
        return materials.outputs[reference.position]
    if isinstance(reference, Constant):
        given = reference.artifact
        return materials.artifact(given) if isinstance(given, str) else given
    if isinstance(reference, Collect):
        return _collected(reference, materials)
    return _projected(reference, materials)


def _projected(reference: Item | Field, materials: Materials) -> Artifact:
    artifact = _own(reference.of, materials)
    if isinstance(reference, Field):
        key: Any = reference.name
    else:
        key = load(_own(reference.key, materials), materials.store)
    return project(artifact, key, materials.store)


def _collected(reference: Collect, materials: Materials) -> Artifact:
    from sematic.types.registry import from_spec

    type = from_spec(reference.spec)
    if not isinstance(type, CompositeType):
        raise ArtifactError(f"the recorded type {type.name} is no container")
    children = [
        materialise(element, from_spec(spec), materials)
        for element, spec in zip(reference.elements, reference.element_specs, strict=True)
    ]
    return compose(type, reference.shape, children, materials.store)
