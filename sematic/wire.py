"""Records, changes and artifacts as JSON: what a client and a server say to each other.

Decoding trusts nothing: every field is known, of its type and in its range, or `Malformed` says which is not. Bytes of
artifacts are never text: a commit is one line of JSON, and after it the bytes of its artifacts in their order.
"""

from __future__ import annotations

import json
import re
import types
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple, TypeVar, Union, get_args, get_origin, get_type_hints

from sematic.engine import changes as c
from sematic.engine.changes import Change
from sematic.engine.records import Attempt, PipelineRun
from sematic.engine.states import State
from sematic.errors import ArtifactError
from sematic.storage.local import INLINE_LIMIT
from sematic.types.artifact import Artifact, descendants, restore

VERSION_HEADER = "Sematic-Version"
"""Says which Sematic speaks, in requests and answers."""

COMMIT_LIMIT = 64 << 20
"""Bytes of one commit."""

PIECE = 8 << 20
"""Bytes of a blob that one request carries."""

PAGE = 1000
"""Rows of one page, at most."""

LONGEST_WAIT = 30
"""Seconds for which one request may wait for changes."""

ID = re.compile(r"[0-9a-f]{32}")
DIGEST = re.compile(r"[0-9a-f]{64}")

_IDS = frozenset({"id", "run_id", "pipeline_run_id", "parent_id"})
_CHANGES: dict[str, type] = {kind.__name__: kind for kind in get_args(Change)}
_WHOLE = 1 << 63
_LONGEST_NONCE = 64

T = TypeVar("T")
_Decode = Callable[[Any, str], Any]


class Malformed(ValueError):
    """Something that is not what was agreed on; the message names the place."""


class Commit(NamedTuple):
    """The changes of one transaction, and the nonce by which a repeated request is known."""

    nonce: str
    changes: list[Change]


def compatible(ours: str, theirs: str) -> bool:
    """Whether two versions of Sematic understand each other: the first two numbers are the same."""
    return ours.split(".")[:2] == theirs.split(".")[:2]


def loads(data: bytes) -> Any:
    """Strict JSON: each key once, no NaN, no infinity. Raises Malformed."""
    try:
        return json.loads(data, object_pairs_hook=_object, parse_constant=_no_constant)
    except Malformed:
        raise
    except (ValueError, RecursionError) as error:
        raise Malformed(f"this is not JSON: {error}") from None


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) != len(pairs):
        raise Malformed("an object has the same key twice")
    return result


def _no_constant(name: str) -> Any:
    raise Malformed(f"{name} is no JSON")


def to_json(record: NamedTuple) -> dict[str, Any]:
    """A record's fields; those that are None are left out."""
    return {name: value for name, value in record._asdict().items() if value is not None}


def from_json(kind: type[T], data: Any, where: str = "the answer") -> T:
    """The record that `to_json` made this of. Raises Malformed."""
    result: T = _decoder(kind)(data, where)
    return result


def encode_commit(commit: Commit) -> bytes:
    """The body of a request that commits."""
    numbers: dict[str, int] = {}
    artifacts: list[Artifact] = []
    changes = [{"change": type(change).__name__, **_fields(change, artifacts, numbers)} for change in commit.changes]
    listed = [{**artifact_to_json(each), "children": [numbers[id] for id in each.children]} for each in artifacts]
    head = {"nonce": commit.nonce, "artifacts": listed, "changes": changes}
    payloads = [each.blob.data for each in artifacts if each.blob.data is not None]
    return b"".join([json.dumps(head, allow_nan=False).encode(), b"\n", *payloads])


def _fields(change: Change, artifacts: list[Artifact], numbers: dict[str, int]) -> dict[str, Any]:
    if isinstance(change, c.ArtifactsAdded):
        return {"artifacts": [_listed(each, artifacts, numbers) for each in change.artifacts]}
    if isinstance(change, c.RunsAdded):
        return {"runs": [to_json(run) for run in change.runs]}
    return {
        name: to_json(value) if isinstance(value, PipelineRun | Attempt) else value
        for name, value in to_json(change).items()
    }


def _listed(artifact: Artifact, artifacts: list[Artifact], numbers: dict[str, int]) -> int:
    """The number of an artifact in the list; all below it come before it."""
    for each in (*descendants(artifact), artifact):
        if each.id not in numbers:
            numbers[each.id] = len(artifacts)
            artifacts.append(each)
    return numbers[artifact.id]


def decode_commit(body: bytes) -> Commit:
    """What `encode_commit` was given. Raises Malformed, and ArtifactError for bytes that do not have their digest."""
    line, _, payloads = body.partition(b"\n")
    head = _keys(loads(line), {"nonce", "artifacts", "changes"}, "the commit")
    nonce = _text(head["nonce"], "nonce")
    if not 0 < len(nonce) <= _LONGEST_NONCE:
        raise Malformed(f"nonce: 1 to {_LONGEST_NONCE} characters were expected")
    artifacts = _artifacts(_list(head["artifacts"], "artifacts"), memoryview(payloads))
    changes = _list(head["changes"], "changes")
    return Commit(nonce, [_change(data, artifacts, f"changes[{n}]") for n, data in enumerate(changes)])


def _change(data: Any, artifacts: Sequence[Artifact], where: str) -> Change:
    fields = dict(_mapping(data, where))
    name = _text(fields.pop("change", None), f"{where}.change")
    kind = _CHANGES.get(name)
    if kind is None:
        raise Malformed(f"{where}: there is no change {name!r}")
    if kind is c.ArtifactsAdded:
        numbers = _list(_keys(fields, {"artifacts"}, where)["artifacts"], f"{where}.artifacts")
        return c.ArtifactsAdded([artifacts[_number(n, len(artifacts), where)] for n in numbers])
    change: Change = _decoder(kind)(fields, where)
    return change


def artifact_to_json(artifact: Artifact) -> dict[str, Any]:
    """The facts of an artifact, without its bytes; `inline`: they are with it, not in the store."""
    blob = artifact.blob
    return {
        "id": artifact.id,
        "spec": artifact.spec,
        "codec": artifact.codec,
        "digest": blob.digest,
        "size": blob.size,
        "inline": blob.data is not None,
        "summary": artifact.summary,
    }


_FACTS = {"id", "spec", "codec", "digest", "size", "inline", "summary"}


def artifact_from_json(data: Any, payload: Callable[[int], bytes], where: str = "the answer") -> Artifact:
    """The artifact of these facts; `payload` gives as many bytes of it, where they are not in the store. Its id is
    made of them again: nobody can claim another."""
    facts = _keys(data, _FACTS, where)
    size = _whole(facts["size"], f"{where}.size")
    digest, codec = (_text(facts[name], f"{where}.{name}") for name in ("digest", "codec"))
    if not DIGEST.fullmatch(digest) or size < 0:
        raise Malformed(f"{where}: a digest of 64 hexadecimal digits and a size were expected")
    inline = _bool(facts["inline"], f"{where}.inline")
    if inline and size > INLINE_LIMIT:
        raise Malformed(f"{where}: {size} bytes are too many to come along: above {INLINE_LIMIT} they are uploaded")
    artifact = restore(facts["spec"], codec, digest, size, payload(size) if inline else None, facts["summary"])
    if artifact.id != facts["id"]:
        raise ArtifactError(f"artifact {facts['id']!r} is not what its facts say: they are those of {artifact.id}")
    return artifact


def _artifacts(listed: list[Any], payloads: memoryview) -> list[Artifact]:
    result: list[Artifact] = []
    position = 0

    def payload(size: int) -> bytes:
        nonlocal position
        position += size
        if position > len(payloads):
            raise Malformed("the commit ends before the bytes of its artifacts do")
        return bytes(payloads[position - size : position])

    for number, data in enumerate(listed):
        where = f"artifacts[{number}]"
        facts = dict(_mapping(data, where))
        children = _list(facts.pop("children", None), f"{where}.children")
        artifact = artifact_from_json(facts, payload, where)
        below = [result[_number(n, number, where)] for n in children]
        artifact.children = {child.id: child for child in below}
        result.append(artifact)
    if position != len(payloads):
        raise Malformed("the commit goes on after the bytes of its artifacts")
    return result


def _decoder(kind: Any) -> _Decode:
    """How to decode what is annotated as `kind`."""
    if kind in _DECODERS:
        return _DECODERS[kind]
    if get_origin(kind) in (Union, types.UnionType):
        decode = _decoder(next(each for each in get_args(kind) if each is not type(None)))
        return lambda value, where: None if value is None else decode(value, where)
    if hasattr(kind, "_fields"):
        _DECODERS[kind] = _record_decoder(kind)
        return _DECODERS[kind]
    if get_origin(kind) is tuple:
        return lambda value, where: tuple(_texts(value, where))
    each_of = _decoder(get_args(kind)[0])
    return lambda value, where: [each_of(each, f"{where}[{n}]") for n, each in enumerate(_list(value, where))]


def _record_decoder(kind: Any) -> _Decode:
    hints = get_type_hints(kind)
    decoders = {name: _id(hint) if name in _IDS else _decoder(hint) for name, hint in hints.items()}
    optional = {name: None for name, hint in hints.items() if type(None) in get_args(hint)} | kind._field_defaults
    needed = decoders.keys() - optional.keys()

    def decode(data: Any, where: str) -> Any:
        fields = _mapping(data, where)
        _check_keys(fields, needed, decoders.keys(), where)
        given = {name: decoders[name](value, f"{where}.{name}") for name, value in fields.items()}
        return kind(**{**optional, **given})

    return decode


def _id(hint: Any) -> _Decode:
    decode = _decoder(hint)

    def checked(value: Any, where: str) -> Any:
        id = decode(value, where)
        if id is not None and not ID.fullmatch(id):
            raise Malformed(f"{where}: 32 hexadecimal digits were expected")
        return id

    return checked


def _keys(data: Any, names: set[str], where: str) -> Mapping[str, Any]:
    fields = _mapping(data, where)
    _check_keys(fields, names, names, where)
    return fields


def _check_keys(fields: Mapping[str, Any], needed: Iterable[str], known: Iterable[str], where: str) -> None:
    if missing := sorted(set(needed) - fields.keys()):
        raise Malformed(f"{where} lacks {', '.join(missing)}")
    if unknown := sorted(fields.keys() - set(known)):
        raise Malformed(f"{where} has {unknown[0][:40]!r}, which is not known")


def _mapping(value: Any, where: str) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise Malformed(f"{where}: an object was expected")
    return value


def _list(value: Any, where: str) -> list[Any]:
    if not isinstance(value, list):
        raise Malformed(f"{where}: a list was expected")
    return value


def _texts(value: Any, where: str) -> Iterator[str]:
    return (_text(each, where) for each in _list(value, where))


def _text(value: Any, where: str) -> str:
    if not isinstance(value, str):
        raise Malformed(f"{where}: a text was expected")
    return value


def _bool(value: Any, where: str) -> bool:
    if not isinstance(value, bool):
        raise Malformed(f"{where}: true or false was expected")
    return value


def _whole(value: Any, where: str) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not -_WHOLE <= value < _WHOLE:
        raise Malformed(f"{where}: a whole number was expected")
    return value


def _number(value: Any, end: int, where: str) -> int:
    if not 0 <= _whole(value, where) < end:
        raise Malformed(f"{where}: there is no artifact {value} before it")
    return int(value)


def _float(value: Any, where: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) < _WHOLE:
        raise Malformed(f"{where}: a number was expected")
    return float(value)


def _state(value: Any, where: str) -> State:
    try:
        return State(value)
    except ValueError:
        raise Malformed(f"{where}: a state was expected") from None


_DECODERS: dict[Any, _Decode] = {str: _text, int: _whole, float: _float, State: _state}
