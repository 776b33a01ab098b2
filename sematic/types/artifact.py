"""Artifacts: immutable values as bytes. Encoding, composing, projecting and loading, for every type family.

A digest is a function of declared type and value only: an element that was encoded on its own, passed from another
run, or cut out of a larger value gives the same bytes as one encoded in place. Three rules make it so: JSON text is
canonical, an element is split off by the size of its own encoding only, and a split-off element is named by its
artifact id (type, codec and digest).

The payload of a JSON type is its text, or, when the text holds placeholders, the codec `composite`: one header line
of JSON, the text, and the bytes of the inline parts, in the order of the header.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator
from typing import Any, Protocol

from sematic.errors import ArtifactError, ConversionError, EncodingError, SematicError
from sematic.ids import ID_LENGTH
from sematic.types.base import BinaryType, Buffer, CompositeType, Json, JsonType, Spec, ValueType
from sematic.types.jsontext import dumps, is_placeholder, loads, placeholders

ELEMENT_LIMIT = 4096
"""Bytes above which an element of a container becomes an artifact of its own."""

JSON_CODEC = "json"
COMPOSITE_CODEC = "composite"

_ABSENT: Any = object()


class Blob:
    """Immutable bytes named by their SHA-256. `data` is None when they are in the store only."""

    __slots__ = ("_digest", "data", "size")

    def __init__(self, data: Buffer | None, size: int, digest: str | None = None) -> None:
        self.data = data
        self.size = size
        self._digest = digest

    @property
    def digest(self) -> str:
        if self._digest is None:
            assert self.data is not None
            self._digest = hashlib.sha256(self.data).hexdigest()
        return self._digest


class Store(Protocol):
    """Where bytes go and come from."""

    def write(self, chunks: Iterable[Buffer]) -> Blob:
        """Keep the bytes (in one pass; small ones may stay in the Blob) and return their Blob."""

    def read(self, digest: str, size: int, artifact_id: str | None = None) -> Buffer:
        """The bytes of an artifact (`artifact_id` where it is known), verified when this process did not write them.
        Writable when private to the caller.

        Raises ArtifactError when they are missing, truncated or corrupt.
        """


class MemoryStore:
    """Keeps every blob in its Blob: for values that are written nowhere."""

    def write(self, chunks: Iterable[Buffer]) -> Blob:
        data = b"".join(chunks)
        return Blob(data, len(data))

    def read(self, digest: str, size: int, artifact_id: str | None = None) -> Buffer:
        raise ArtifactError(f"blob {digest} is not in memory")


class Artifact:
    """An immutable value: declared type, codec and bytes, with the parts it is made of.

    Scalars keep their value and are encoded only when somebody asks for bytes.
    """

    __slots__ = (
        *("_blob", "_id", "_parsed", "_summary", "_text", "_type", "_value"),
        *("children", "codec", "inline", "spec"),
    )

    def __init__(self, type: ValueType | None, spec: Spec, codec: str) -> None:
        self._type = type
        self.spec = spec
        self.codec = codec
        self.inline: dict[str, Artifact] = {}
        self.children: dict[str, Artifact] = {}
        self._value: Any = _ABSENT
        self._text: str | None = None
        self._blob: Blob | None = None
        self._id: str | None = None
        self._parsed: Any = _ABSENT
        self._summary: Any = _ABSENT

    @property
    def type(self) -> ValueType:
        if self._type is None:
            from sematic.types.registry import from_spec

            self._type = from_spec(self.spec)
        return self._type

    @property
    def text(self) -> str:
        """The JSON text of an artifact of a JSON type that was encoded or opened in this process."""
        if self._text is None:
            kind = self._type
            assert isinstance(kind, JsonType) and self._value is not _ABSENT
            self._text = kind.to_json(self._value, PartWriter(_NOWHERE))
        return self._text

    @property
    def blob(self) -> Blob:
        if self._blob is None:
            payload = self.text.encode("ascii")
            if self.codec == COMPOSITE_CODEC:
                payload = b"".join([_header(self, len(payload)), payload, *map(_inline_bytes, self.inline.values())])
            self._blob = Blob(payload, len(payload))
        return self._blob

    @property
    def id(self) -> str:
        if self._id is None:
            self._id = artifact_id(self.spec, self.codec, self.blob.digest)
        return self._id

    @property
    def summary(self) -> Json:
        """JSON for people; None when the artifact came from a ledger without one."""
        if self._summary is _ABSENT and (self._value is not _ABSENT or self._text is not None):
            self._summary = _safe_summary(self.type, _ABSENT, self)
        return None if self._summary is _ABSENT else self._summary

    @property
    def element_size(self) -> int:
        """The size by which a container decides whether this is split off."""
        if self._blob is not None and self.codec != COMPOSITE_CODEC:
            return self._blob.size
        return len(self.text) + sum(part.blob.size for part in self.inline.values())

    @property
    def known_size(self) -> int:
        """About the bytes of this without its children, encoding nothing for it."""
        if self._text is None and self._blob is None:
            return len(self._value) if isinstance(self._value, str) else 0
        return self.element_size

    def __repr__(self) -> str:
        return f"<Artifact {self.id} of {json.dumps(self.spec)}>"


def artifact_id(spec: Spec, codec: str, digest: str) -> str:
    """The id of an artifact: 32 hexadecimal digits over type, codec and content."""
    text = f"{dumps(spec)}\n{codec}\n{digest}"
    return hashlib.sha256(text.encode()).hexdigest()[:ID_LENGTH]


def encode(type: ValueType, value: Any, store: Store) -> Artifact:
    """A converted `value` of `type` as an artifact; large parts are written to `store` on the way.

    Raises EncodingError when the value cannot be stored.
    """
    if type.scalar and isinstance(type, JsonType) and not (value.__class__ is str and len(value) > ELEMENT_LIMIT):
        artifact = Artifact(type, type.spec, type.codec)
        artifact._value = value
        return artifact
    try:
        artifact = _encode(type, value, store)
        if type.scalar:
            artifact._value = value
        elif artifact.codec != JSON_CODEC or len(artifact.text) > ELEMENT_LIMIT:  # of a short text, when asked for
            artifact._summary = _safe_summary(type, value)
    except RecursionError:
        raise EncodingError(f"this {type.name} contains itself, or is nested too deeply to be stored") from None
    except SematicError:
        raise
    except (TypeError, AttributeError, ValueError, RuntimeError, LookupError) as error:  # it was of its type before
        problem = f"{error.__class__.__name__}: {error}"
        raise EncodingError(f"this {type.name} was changed while it was being stored ({problem})") from error
    return artifact


def _encode(type: ValueType, value: Any, store: Store) -> Artifact:
    if isinstance(type, BinaryType):
        artifact = Artifact(type, type.spec, type.codec)
        artifact._blob = store.write(type.to_chunks(value))
        return artifact
    assert isinstance(type, JsonType)
    parts = PartWriter(store)
    return _from_text(type, type.to_json(value, parts), parts)


def from_text(type: ValueType, text: str, parts: PartWriter, summary: Json) -> Artifact:
    """The artifact of a JSON type from its text and the parts that were collected while it was written."""
    artifact = _from_text(type, text, parts)
    artifact._summary = summary
    return artifact


def _from_text(type: ValueType, text: str, parts: PartWriter) -> Artifact:
    codec = COMPOSITE_CODEC if parts.inline or parts.children else JSON_CODEC
    artifact = Artifact(type, type.spec, codec)
    artifact._text = text
    artifact.inline, artifact.children = parts.inline, parts.children
    store = parts.store
    if not isinstance(store, MemoryStore):
        blob = artifact.blob
        assert blob.data is not None
        artifact._blob = store.write([blob.data])
    return artifact


def compose(type: CompositeType, shape: Any, children: list[Artifact], store: Store) -> Artifact:
    """The artifact of a container from the artifacts of its elements, decoding none of them."""
    parts = PartWriter(store)
    artifact = _from_text(type, type.compose(shape, children, parts), parts)
    summaries = [child.summary for child in children[:SUMMARY_ELEMENTS]]
    artifact._summary = type.compose_summary(shape, summaries, len(children))
    return artifact


SUMMARY_ELEMENTS = 10


def project(artifact: Artifact, key: Any, store: Store) -> Artifact:
    """One element of a composite artifact, as the artifact it would have been on its own; decodes nothing else.

    Raises KeyError, IndexError or TypeError as the value itself would, and ArtifactError for unreadable bytes.
    """
    container = artifact.type
    if not isinstance(container, CompositeType):
        raise TypeError(f"a {container.name} has no elements")
    reader = open_parts(artifact, store)
    type, data = container.select(artifact._parsed, key)
    if reader is not None and is_placeholder(data):
        return reader.part(data["$"], type)
    assert isinstance(type, JsonType)
    if type.scalar:
        return encode(type, type.from_json(data, reader), store)
    parts = PartWriter(store)
    for name in placeholders(data) if reader is not None else ():
        parts.keep(reader.part(name, None))  # type: ignore[union-attr]
    result = _from_text(type, dumps(data), parts)
    result._summary = _safe_summary(type, type.from_json(data, reader))
    return result


def load(artifact: Artifact, store: Store) -> Any:
    """A copy of the value that belongs to the caller (scalars: the value itself).

    Raises ArtifactError when the bytes are missing, corrupt or do not fit the type.
    """
    if artifact._value is not _ABSENT:
        return artifact._value
    type = artifact.type
    try:
        if isinstance(type, BinaryType):
            return type.from_buffer(read(artifact, store))
        assert isinstance(type, JsonType)
        reader = open_parts(artifact, store)
        value = type.from_json(_fresh(artifact), reader)
    except (ArtifactError, ImportError):
        raise
    except Exception as error:
        problem = f"artifact {artifact.id} cannot be decoded as {type.name}: {error.__class__.__name__}: {error}"
        raise ArtifactError(problem) from error
    if type.scalar:
        artifact._value = value
    return value


def read(artifact: Artifact, store: Store) -> Buffer:
    """The bytes of an artifact, verified unless this process wrote them. Raises ArtifactError."""
    blob = artifact.blob
    return store.read(blob.digest, blob.size, artifact.id) if blob.data is None else blob.data


def restore(
    spec: Spec, codec: str, digest: str, size: int, payload: bytes | None, summary: Json, id: str | None = None
) -> Artifact:
    """An artifact as a ledger recorded it: nothing is decoded, and user code imported, before somebody asks.

    Raises ArtifactError when `payload` is not what `digest` says.
    """
    if payload is not None and hashlib.sha256(payload).hexdigest() != digest:
        raise ArtifactError(f"artifact {id or digest} is corrupt: its {size} bytes do not have the digest {digest}")
    artifact = Artifact(None, spec, codec)
    artifact._blob = Blob(payload, size, digest)
    artifact._summary = summary
    artifact._id = id
    return artifact


def keep(artifact: Artifact, store: Store) -> None:
    """Put what is held in memory of an artifact and its parts into `store`: for values that were encoded before it
    was known where they would be kept."""
    for each in (*descendants(artifact), artifact):
        data = each.blob.data
        if data is not None:
            each._blob = store.write([data])


def open_parts(artifact: Artifact, store: Store) -> PartReader | None:
    """Parse the text of a JSON artifact once (it is kept on the artifact) and return the reader of its parts."""
    if artifact._text is None and artifact._value is _ABSENT:
        _open_payload(artifact, bytes(read(artifact, store)))
    if artifact._parsed is _ABSENT:
        artifact._parsed = _parse(artifact)
    return PartReader(artifact, store) if artifact.inline or artifact.children else None


def _parse(artifact: Artifact) -> Json:
    try:
        return loads(artifact.text)
    except (ValueError, RecursionError) as error:
        raise ArtifactError(f"artifact {artifact.id} is corrupt: {error}") from error


def _fresh(artifact: Artifact) -> Json:
    """Parsed text that `from_json` may keep pieces of: each consumer has its own copy."""
    parsed, artifact._parsed = artifact._parsed, _ABSENT
    return _parse(artifact) if parsed is _ABSENT else parsed  # another thread may have taken it


def _open_payload(artifact: Artifact, payload: bytes) -> None:
    try:
        if artifact.codec != COMPOSITE_CODEC:
            artifact._text = payload.decode("ascii")
            return
        line, _, rest = payload.partition(b"\n")
        header = json.loads(line)
        artifact._text = rest[: header["text"]].decode("ascii")
        offset = header["text"]
        for spec, codec, size, id in header["inline"]:
            data = rest[offset : offset + size]
            artifact.inline[id] = restore(spec, codec, hashlib.sha256(data).hexdigest(), size, data, None, id)
            offset += size
        if offset != len(rest):
            raise ValueError(f"{len(rest)} bytes where {offset} were expected")
        for spec, codec, size, digest, id in header["children"]:
            artifact.children[id] = restore(spec, codec, digest, size, None, None, id)
    except (ValueError, KeyError, TypeError) as error:
        raise ArtifactError(f"artifact {artifact.id} is corrupt: {error}") from error


def _header(artifact: Artifact, text_size: int) -> bytes:
    inline = [[part.spec, part.codec, part.blob.size, id] for id, part in artifact.inline.items()]
    children = [[part.spec, part.codec, part.blob.size, part.blob.digest, id] for id, part in artifact.children.items()]
    return dumps({"text": text_size, "inline": inline, "children": children}).encode("ascii") + b"\n"


def _inline_bytes(part: Artifact) -> Buffer:
    data = part.blob.data
    assert data is not None
    return data


class PartWriter:
    """Collects, in order of appearance, the parts of one JSON text while it is written."""

    __slots__ = ("children", "inline", "store")

    def __init__(self, store: Store) -> None:
        self.store = store
        self.inline: dict[str, Artifact] = {}
        self.children: dict[str, Artifact] = {}

    def element(self, type: ValueType, value: Any) -> str:
        """The text of one element: itself, or a placeholder when it is binary or large."""
        if type.bounded:
            return type.to_json(value, self)  # type: ignore[attr-defined, no-any-return]
        if isinstance(type, BinaryType):
            return self.adopt(_with_summary(type, value, self.store))
        assert isinstance(type, JsonType)
        if type.scalar:  # it has no parts of its own
            text = type.to_json(value, self)
            return text if len(text) <= ELEMENT_LIMIT else self.keep(_of_scalar(type, value, text, self.store))
        inner = PartWriter(self.store)
        text = type.to_json(value, inner)
        if len(text) + sum(part.blob.size for part in inner.inline.values()) > ELEMENT_LIMIT:
            artifact = _from_text(type, text, inner)
            artifact._summary = _safe_summary(type, value)
            return self.keep(artifact)
        self.inline.update(inner.inline)
        self.children.update(inner.children)
        return text

    def adopt(self, artifact: Artifact) -> str:
        """The text of an element that is an artifact already: the same as `element` gives for its value."""
        if isinstance(artifact.type, BinaryType):
            return self.keep(artifact)
        if artifact._text is None and artifact._value is _ABSENT:
            if artifact.blob.size > ELEMENT_LIMIT and artifact.codec == JSON_CODEC and not artifact.type.bounded:
                return self.keep(artifact)
            open_parts(artifact, self.store)
        if artifact.element_size > ELEMENT_LIMIT and not artifact.type.bounded:
            return self.keep(artifact)
        self.inline.update(artifact.inline)
        self.children.update(artifact.children)
        return artifact.text

    def keep(self, artifact: Artifact) -> str:
        """A placeholder for `artifact`, which becomes a part: inline when it is small, else a child."""
        blob = artifact.blob
        if blob.size > ELEMENT_LIMIT or (blob.data is None and not self._fetch(artifact)):
            self.children[artifact.id] = artifact
        else:
            self.inline[artifact.id] = artifact
        return f'{{"$":"{artifact.id}"}}'

    def _fetch(self, artifact: Artifact) -> bool:
        blob = artifact.blob
        artifact._blob = Blob(bytes(read(artifact, self.store)), blob.size, blob.digest)
        return True


class PartReader:
    """Gives `from_json` the elements that placeholders stand for."""

    __slots__ = ("artifact", "store")

    def __init__(self, artifact: Artifact, store: Store) -> None:
        self.artifact = artifact
        self.store = store

    def element(self, type: ValueType, data: Json) -> Any:
        """The value of one element from its parsed text."""
        if is_placeholder(data):
            return load(self.part(data["$"], type), self.store)
        return type.from_json(data, self)  # type: ignore[attr-defined]

    def part(self, id: str, type: ValueType | None) -> Artifact:
        """The artifact that a placeholder names, with its declared `type` when that is known."""
        part = self.artifact.inline.get(id) or self.artifact.children.get(id)
        if part is None:
            raise ArtifactError(f"artifact {self.artifact.id} is corrupt: it lacks its part {id}")
        if type is not None and part._type is None:
            part._type = type
        return part


def element(type: ValueType, data: Json, parts: PartReader | None) -> Any:
    """The value of one element from its parsed text, with or without parts."""
    return type.from_json(data, None) if parts is None else parts.element(type, data)  # type: ignore[attr-defined]


def descendants(artifact: Artifact) -> Iterator[Artifact]:
    """All artifacts below one, each once, children before parents."""
    seen: set[str] = set()
    stack = [(child, False) for child in artifact.children.values()]
    while stack:
        item, below_done = stack.pop()
        if below_done:
            yield item
        elif item.id not in seen:
            seen.add(item.id)
            stack.append((item, True))
            stack.extend((child, False) for child in item.children.values())


def _of_scalar(type: JsonType, value: Any, text: str, store: Store) -> Artifact:
    artifact = _from_text(type, text, PartWriter(store))
    artifact._value = value
    return artifact


def _with_summary(type: BinaryType, value: Any, store: Store) -> Artifact:
    artifact = _encode(type, value, store)
    artifact._summary = _safe_summary(type, value)
    return artifact


def _safe_summary(type: ValueType, value: Any, artifact: Artifact | None = None) -> Json:
    """A summary never fails a run: what a user's __repr__ raises is what the summary says."""
    try:
        summary = type.summarise(value if artifact is None else load(artifact, _NOWHERE))
        dumps(summary)
    except Exception as error:
        return {"unavailable": f"{error.__class__.__name__}: {error}"[:200]}
    return summary


def converted(type: ValueType, value: Any, where: str) -> Any:
    """`value` converted to `type`; the error names `where` in front of its path."""
    try:
        return type.convert(value)
    except ConversionError as error:
        raise error.within(where) from None
    except RuntimeError as error:
        deep = isinstance(error, RecursionError)
        problem = "contains itself or is nested too deeply" if deep else f"changed while it was read: {error}"
        raise ConversionError(f"expected {type.name}, got a value that {problem}", (where,)) from None


_NOWHERE = MemoryStore()
