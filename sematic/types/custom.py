"""A user's own type: a class that says how values of another become bytes and come back."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, ClassVar, Protocol, TypeVar

from sematic.errors import ArtifactError, ConversionError, DefinitionError, EncodingError
from sematic.types.base import BinaryType, Buffer, Json, Spec, ValueType, describe, look
from sematic.types.registry import Row, import_class, of, path_of, register, seen

T = TypeVar("T")
C = TypeVar("C", bound="type[Codec[Any]]")
V = TypeVar("V")


class Codec(Protocol[T]):
    """What a class given to `register_type` has: these two, and `convert(value) -> T` and `summarise(value)` (any
    JSON) where the usual ones do not fit: an instance of the class itself, and its repr."""

    @staticmethod
    def encode(value: T, /) -> bytes:
        """The bytes of a value: the same for equal values, on every machine."""

    @staticmethod
    def decode(data: bytes, /) -> T:
        """The value back."""


_codecs: dict[type, Any] = {}


class CustomType(BinaryType):
    """A class that was registered."""

    codec: ClassVar[str] = "custom"
    python: type

    def __init__(self, cls: type, codec: Any) -> None:
        super().__init__(["custom", path_of(cls), path_of(codec)], cls.__qualname__)
        self.python = cls
        self._codec = codec

    def accepts(self, source: ValueType) -> bool:
        return False

    def convert(self, value: Any) -> Any:
        convert = getattr(self._codec, "convert", None)
        if convert is None:
            if type(value) is not self.python:
                raise self.refuse(value)
            return value
        try:
            return self._own(convert(value))
        except ConversionError:
            raise
        except Exception as error:  # a user's method may raise anything
            raise self.refuse(value, f"{type(error).__name__}: {error}") from error

    def to_chunks(self, value: Any) -> Iterable[Buffer]:
        try:
            data = self._codec.encode(value)
        except Exception as error:  # a user's method may raise anything
            problem = f"{self._codec.__qualname__}.encode raised {type(error).__name__}: {error}"
            raise EncodingError(f"a {self.name} cannot be stored: {problem}") from error
        if not isinstance(data, (bytes, bytearray, memoryview)):
            raise EncodingError(f"{self._codec.__qualname__}.encode returned {describe(data)}, where bytes are needed")
        return (data,)

    def from_buffer(self, buffer: Buffer) -> Any:
        value = self._codec.decode(bytes(buffer))
        if not isinstance(value, self.python):
            raise ArtifactError(
                f"{self._codec.__qualname__}.decode returned {describe(value)}, which is no {self.name}"
            )
        return value

    def summarise(self, value: Any) -> Json:
        summarise = getattr(self._codec, "summarise", None)
        return {"repr": look(value)} if summarise is None else summarise(value)

    def _own(self, value: Any) -> Any:
        if not isinstance(value, self.python):
            raise self.refuse(value, f"{self._codec.__qualname__}.convert gave it back")
        return value


def register_type(cls: type) -> Callable[[C], C]:
    """Decorate the class that says how values of `cls` are stored.

    It has `encode(value) -> bytes` and `decode(data) -> value`, and, where the usual ones do not fit,
    `convert(value) -> value` (raises for what is none) and `summarise(value)`, which gives JSON for people; all
    static methods. Other processes find it by its path, so it is a class of a module. Raises DefinitionError.

        @sematic.register_type(Molecule)
        class MoleculeCodec:
            @staticmethod
            def encode(molecule: Molecule) -> bytes:
                return molecule.to_smiles().encode()

            @staticmethod
            def decode(data: bytes) -> Molecule:
                return Molecule.from_smiles(data.decode())
    """

    def decorate(codec: C) -> C:
        _check(cls, codec)
        _codecs[cls] = codec
        return codec

    return decorate


def _check(cls: Any, codec: Any) -> None:
    name = getattr(codec, "__qualname__", repr(codec))
    if not isinstance(cls, type) or not isinstance(codec, type):
        raise DefinitionError("register_type(cls) takes a class and decorates a class")
    missing = [method for method in ("encode", "decode") if not callable(getattr(codec, method, None))]
    if missing:
        raise DefinitionError(f"{name} has no method {missing[0]}: a codec encodes and decodes")
    if cls.__module__ == "builtins":
        raise DefinitionError(f"{cls.__qualname__} cannot be registered: how it is stored is settled")
    known = _codecs.get(cls)
    if known is not None and path_of(known) != path_of(codec):
        raise DefinitionError(f"{cls.__qualname__} is registered already, by {path_of(known)}")
    if known is None and seen(cls):
        problem = "it is in an annotation that was read before; register it above, or right below its definition"
        raise DefinitionError(f"{cls.__qualname__} cannot be registered any more: {problem}")


def _match(annotation: Any) -> ValueType | None:
    if not _codecs or not isinstance(annotation, type) or annotation not in _codecs:
        return None
    return CustomType(annotation, _codecs[annotation])


def _load(spec: Spec) -> ValueType:
    cls, codec = import_class(spec[1]), import_class(spec[2])
    if _codecs.get(cls) is not codec:
        raise ArtifactError(f"{spec[1]} was stored by {spec[2]}, which is not registered for it any more")
    return of(cls)


register(
    _match,
    {"custom": _load},
    (Row("a class given to sematic.register_type", "what its codec says", "custom", "what its codec says"),),
)
