"""What every type family gives: is a type supported, may it flow, convert, encode, decode, summarise.

A `ValueType` stands for one annotation. Families are small modules beside this one; `registry.py` finds the family
of an annotation. Two kinds differ only in how a value becomes bytes:

* `JsonType`: a JSON text (ASCII, canonical). Elements that are binary, or whose encoding is larger than
  `ELEMENT_LIMIT`, become *parts*: the text then holds ``{"$": "<sha256>"}`` in their place.
* `BinaryType`: a format of its own (npy, raw bytes, pickle), given as chunks so that nothing large is copied.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from reprlib import Repr
from typing import TYPE_CHECKING, Any, ClassVar, TypeAlias

from sematic.errors import ConversionError

if TYPE_CHECKING:
    from sematic.types.artifact import Artifact, PartReader, PartWriter

Spec: TypeAlias = Any
"""JSON that identifies a type: ``["int"]``, ``["list", ["int"]]``, ``["dataclass", "pkg.mod:Config"]``."""

Json: TypeAlias = Any
Buffer: TypeAlias = bytes | bytearray | memoryview

SHOWN = 80


class _Look(Repr):
    """reprlib's limits for containers; an instance's own repr, and what it raises, as they are."""

    def __init__(self) -> None:
        super().__init__()
        self.maxstring = self.maxother = self.maxlong = 2 * SHOWN

    def repr_int(self, x: int, level: int) -> str:
        return repr(x) if x.bit_length() < 8 * SHOWN else f"of {x.bit_length()} bits"

    def repr_instance(self, x: Any, level: int) -> str:
        return repr(x)


_LOOK = _Look()


class ValueType(ABC):
    """One annotation. Immutable; equal when `spec` is equal.

    Attributes:
        spec: JSON that identifies the type and from which `registry.from_spec` makes it again in another process.
        name: how a person writes it (``list[int]``), for messages.
        codec: the format of the bytes.
        scalar: exact immutable scalars: consumers may share the object itself instead of a decoded copy.
        bounded: its JSON text is always short: it is never split off as a part (numbers, None, bool, enums, dates).
        python: the class of its converted values, when there is just one (beside its subclasses).
        exact: every value whose class is exactly `python` is converted already: containers need not look at each.
        members: the types of which it is one or another (a union).
    """

    codec: ClassVar[str] = "json"
    scalar: bool = False
    bounded: bool = False
    python: type | None = None
    exact: bool = False
    members: tuple[ValueType, ...] = ()

    def __init__(self, spec: Spec, name: str) -> None:
        self.spec = spec
        self.name = name

    def __eq__(self, other: object) -> bool:
        return self is other or (isinstance(other, ValueType) and self.spec == other.spec)

    def __hash__(self) -> int:
        return hash(self.name)

    def __repr__(self) -> str:
        return self.name

    @abstractmethod
    def accepts(self, source: ValueType) -> bool:
        """Whether a value declared as `source` may flow here. Dynamic checks may still refuse a single value.

        `self == source` and a union source (all its members must be accepted) are handled by `registry.flows`,
        which is what callers use.
        """

    @abstractmethod
    def convert(self, value: Any) -> Any:
        """`value` as this type, strictly: itself when it is one already; raises ConversionError, never guesses."""

    @abstractmethod
    def summarise(self, value: Any) -> Json:
        """A small JSON value a person can read; capped in size and time whatever `value` is."""

    def refuse(self, value: Any, reason: str = "") -> ConversionError:
        """The error for a `value` that is not of this type."""
        if not reason and type(value).__name__ == self.name:
            reason = f"of another class of that name, from module {type(value).__module__}; is it imported twice?"
        return ConversionError(f"expected {self.name}, got {describe(value)}{f' ({reason})' if reason else ''}")

    def item(self, key: Any) -> ValueType:
        """The type of ``future[key]`` for a constant key, or None when it is a future itself. Raises GraphError."""
        from sematic.errors import GraphError

        raise GraphError(f"a {self.name} future cannot be indexed: its items are not known before it ran")

    def field(self, name: str) -> ValueType:
        """The type of ``future.name``. Raises AttributeError (so that hasattr works) naming the declared fields."""
        raise AttributeError(f"a {self.name} future has no field {name!r}: only declared fields can be taken from it")


class JsonType(ValueType):
    """A type whose encoding is JSON text."""

    @abstractmethod
    def to_json(self, value: Any, parts: PartWriter) -> str:
        """Canonical JSON text of a converted `value`: what json.dumps(..., separators=(",", ":")) writes, in ASCII."""

    @abstractmethod
    def from_json(self, data: Json, parts: PartReader | None) -> Any:
        """The value back from parsed JSON. `parts` is None when the text holds no placeholder at all."""


class BinaryType(ValueType):
    """A type with a binary format of its own."""

    @abstractmethod
    def to_chunks(self, value: Any) -> Iterable[Buffer]:
        """The bytes of a converted `value`, in order, without copying what is large."""

    @abstractmethod
    def from_buffer(self, buffer: Buffer) -> Any:
        """The value back. A writable `buffer` is private to the caller and may be used in place (memory map);
        a read-only one is shared and must be copied by mutable types."""


class CompositeType(JsonType):
    """A JSON type with elements of declared types, which can be built from its children's artifacts."""

    @abstractmethod
    def split(self, value: Any) -> tuple[Json, list[tuple[str, ValueType, Any]]]:
        """A container that may hold futures, one level deep: its shape as JSON (what `compose` needs beside the
        elements: length, encoded keys, class, union member), and for each element its step in a path, its declared
        type and the element itself, unconverted. Raises ConversionError when `value` is no such container."""

    @abstractmethod
    def compose(self, shape: Json, children: list[Artifact], parts: PartWriter) -> str:
        """JSON text from the artifacts of the elements that `split` listed (they have the declared element types),
        decoding none: ``parts.adopt(child)`` is the text of one. The same text as `to_json` of the whole value."""

    def compose_summary(self, shape: Json, summaries: list[Json], length: int) -> Json:
        """The summary of what `compose` makes, from those of its first elements (there are `length` in all)."""
        return {"length": length, "elements": summaries}

    @abstractmethod
    def select(self, data: Json, key: Any) -> tuple[ValueType, Json]:
        """The type and JSON of one element of parsed `data`; raises KeyError, IndexError or TypeError as the value
        itself would. `key` is an index, a dict key (converted value), or a field's name."""


def describe(value: Any) -> str:
    """``str 'wide'``: the type and a short, safe look at a value, for messages."""
    kind = type(value).__name__
    return "None" if value is None else f"{kind} {look(value)}"


def look(value: Any) -> str:
    """The start of its repr: safe, short, and quick for large builtin containers."""
    if getattr(type(value), "__repr__", None) is object.__repr__:
        return "object"  # the address that follows differs in every process
    try:
        text = _LOOK.repr(value)
    except Exception as error:  # a user's __repr__ may raise anything
        return f"(its repr raised {type(error).__name__})"
    return text if len(text) <= SHOWN else text[: SHOWN - 1] + "…"
