"""list and tuple."""

from __future__ import annotations

import operator
import typing
from collections.abc import Callable, Iterable, Sequence
from itertools import repeat
from typing import Any

from sematic.errors import ArtifactError, ConversionError, GraphError
from sematic.types.artifact import ELEMENT_LIMIT, Artifact, PartReader, PartWriter, element
from sematic.types.base import CompositeType, Json, Spec, ValueType, describe
from sematic.types.jsontext import dumps
from sematic.types.registry import Row, flows, from_spec, of, register
from sematic.types.scalars import BOOL, FLOAT, INT, NONE, STR
from sematic.types.summaries import summaries

Split = tuple[Json, list[tuple[str, ValueType, Any]]]

_LONGEST = ELEMENT_LIMIT // 6 - 1
"""A str of this many characters is never split off: the longest escape of one takes six."""


class ListType(CompositeType):
    """list[T]: a JSON array."""

    python = list

    def __init__(self, element: ValueType) -> None:
        super().__init__(["list", element.spec], f"list[{element.name}]")
        self.element = element
        self._fast = _FAST.get(element)

    def accepts(self, source: ValueType) -> bool:
        return isinstance(source, ListType) and flows(source.element, self.element)

    def convert(self, value: Any) -> list[Any]:
        kind = type(value)
        if kind is not list:
            value = list.__getitem__(self._checked(value), slice(None))
        if self.element.exact and set(map(type, value)) <= {self.element.python}:
            return value  # type: ignore[no-any-return]
        changed = converted_elements(repeat(self.element), value)
        return value if changed is None else changed

    def to_json(self, value: list[Any], parts: PartWriter) -> str:
        text = self._fast(value) if self._fast is not None else None
        return write_elements(repeat(self.element), value, parts) if text is None else text

    def from_json(self, data: Json, parts: PartReader | None) -> list[Any]:
        self._expect_list(data)
        if self._fast is not None and parts is None and set(map(type, data)) <= {self.element.python}:
            return data  # type: ignore[no-any-return]
        return [element(self.element, item, parts) for item in data]

    def summarise(self, value: list[Any]) -> Json:
        return {"length": len(value), "elements": summaries(repeat(self.element), value)}

    def split(self, value: Any) -> Split:
        items = list.__getitem__(self._checked(value), slice(None))
        return len(items), [(f"[{index}]", self.element, item) for index, item in enumerate(items)]

    def compose(self, shape: Json, children: list[Artifact], parts: PartWriter) -> str:
        return f"[{','.join(map(parts.adopt, children))}]"

    def select(self, data: Json, key: Any) -> tuple[ValueType, Json]:
        self._expect_list(data)
        return self.element, data[operator.index(key)]

    def item(self, key: Any) -> ValueType:
        if key is not None:
            as_index(self, key)
        return self.element

    def _checked(self, value: Any) -> list[Any]:
        if not issubclass(type(value), list):
            raise self.refuse(value)
        return value  # type: ignore[no-any-return]

    def _expect_list(self, data: Json) -> None:
        if data.__class__ is not list:
            raise ArtifactError(f"{describe(data)} is no recorded {self.name}")


class TupleType(CompositeType):
    """tuple[A, B] and tuple[T, ...]: a JSON array."""

    python = tuple

    def __init__(self, elements: tuple[ValueType, ...], any_length: bool) -> None:
        names = ", ".join(element.name for element in elements) or "()"
        word = "tuple..." if any_length else "tuple"
        super().__init__([word, *(element.spec for element in elements)], f"tuple[{names}{', ...' * any_length}]")
        self.elements = elements
        self.any_length = any_length

    def accepts(self, source: ValueType) -> bool:
        if not isinstance(source, TupleType) or source.any_length > self.any_length:
            return False
        targets = list(self._types(len(source.elements)))
        return len(targets) == len(source.elements) and all(map(flows, source.elements, targets))

    def convert(self, value: Any) -> tuple[Any, ...]:
        value = self._checked(value)
        changed = converted_elements(self._types(len(value)), value)
        return value if changed is None else tuple(changed)

    def to_json(self, value: tuple[Any, ...], parts: PartWriter) -> str:
        return write_elements(self._types(len(value)), value, parts)

    def from_json(self, data: Json, parts: PartReader | None) -> tuple[Any, ...]:
        self._expect(data)
        return tuple([element(type, item, parts) for type, item in zip(self._types(len(data)), data, strict=True)])

    def summarise(self, value: tuple[Any, ...]) -> Json:
        return {"length": len(value), "elements": summaries(self._types(len(value)), value)}

    def split(self, value: Any) -> Split:
        items = self._checked(value)
        types = self._types(len(items))
        pairs = enumerate(zip(types, items, strict=True))
        return len(items), [(f"[{index}]", type, item) for index, (type, item) in pairs]

    def compose(self, shape: Json, children: list[Artifact], parts: PartWriter) -> str:
        return f"[{','.join(map(parts.adopt, children))}]"

    def select(self, data: Json, key: Any) -> tuple[ValueType, Json]:
        self._expect(data)
        index = operator.index(key)
        return list(self._types(len(data)))[index], data[index]

    def item(self, key: Any) -> ValueType:
        if self.any_length:
            return self.elements[0] if key is None else self.elements[0 * as_index(self, key)]
        if key is not None:
            return self._at(as_index(self, key))
        if len(set(self.elements)) != 1:
            raise GraphError(f"a {self.name} future can only be indexed by a constant: its elements differ in type")
        return self.elements[0]

    def _at(self, index: int) -> ValueType:
        try:
            return self.elements[index]
        except IndexError:
            raise GraphError(f"a {self.name} future has no element {index}") from None

    def _types(self, length: int) -> Iterable[ValueType]:
        return repeat(self.elements[0], length) if self.any_length else self.elements

    def _checked(self, value: Any) -> tuple[Any, ...]:
        if type(value) is not tuple:
            if not issubclass(type(value), tuple):
                raise self.refuse(value)
            value = tuple.__getitem__(value, slice(None))
        if not self.any_length and len(value) != len(self.elements):
            raise self.refuse(value, f"it has length {len(value)}")
        return value  # type: ignore[no-any-return]

    def _expect(self, data: Json) -> None:
        if data.__class__ is not list or not (self.any_length or len(data) == len(self.elements)):
            raise ArtifactError(f"{describe(data)} is no recorded {self.name}")


def converted_elements(types: Iterable[ValueType], values: Sequence[Any]) -> list[Any] | None:
    """The converted elements; None when all came back as they were."""
    changed: list[Any] | None = None
    for index, (type, value) in enumerate(zip(types, values, strict=False)):
        try:
            new = type.convert(value)
        except ConversionError as error:
            raise error.within(f"[{index}]") from None
        if changed is not None:
            changed.append(new)
        elif new is not value:
            changed = [*values[:index], new]
    return changed


def write_elements(types: Iterable[ValueType], values: Iterable[Any], parts: PartWriter) -> str:
    """A JSON array of elements."""
    return f"[{','.join(map(parts.element, types, values))}]"


def as_index(type: ValueType, key: Any) -> int:
    """A constant index into a future; raises GraphError for what is none."""
    try:
        return operator.index(key)
    except TypeError:
        raise GraphError(f"a {type.name} future is indexed by int, not {describe(key)}") from None


def _all_ints(values: list[int]) -> str | None:
    if values and max(values).bit_length() + min(values).bit_length() > 2048:
        return None  # some may be written in hexadecimal
    return dumps(values)


def _all_floats(values: list[float]) -> str | None:
    try:
        return dumps(values)
    except ValueError:  # some are not finite, which JSON cannot say
        return None


def _all_texts(values: list[str]) -> str | None:
    if max(map(len, values), default=0) > _LONGEST:
        return None
    text = dumps(values)
    return None if "\\ud" in text else text  # surrogates may need care


_FAST: dict[ValueType, Callable[[list[Any]], str | None]] = {
    INT: _all_ints,
    FLOAT: _all_floats,
    STR: _all_texts,
    BOOL: dumps,
    NONE: dumps,
}
"""Lists that json writes in one call, unless an element needs what only its own type does."""


def _match(annotation: Any) -> ValueType | None:
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is list and arguments:
        return ListType(of(arguments[0]))
    if origin is not tuple or annotation is typing.Tuple:  # noqa: UP006
        return None
    any_length = len(arguments) == 2 and arguments[1] is Ellipsis
    return TupleType(tuple(of(argument) for argument in arguments if argument is not Ellipsis), any_length)


def _load_list(spec: Spec) -> ValueType:
    return ListType(from_spec(spec[1]))


def _load_tuple(spec: Spec) -> ValueType:
    return TupleType(tuple(map(from_spec, spec[1:])), spec[0] == "tuple...")


register(
    _match,
    {"list": _load_list, "tuple": _load_tuple, "tuple...": _load_tuple},
    (
        Row("list[T]", "a list; each element converted", "json", "length, first elements"),
        Row(
            "tuple[A, B], tuple[T, ...]",
            "a tuple, of that length; each element converted",
            "json",
            "length, first elements",
        ),
    ),
)
