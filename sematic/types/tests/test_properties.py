"""What holds for every type and value."""

from __future__ import annotations

import hashlib
import json
from collections import deque
from typing import Any

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from sematic.errors import ArtifactError, ConversionError
from sematic.types.abstracts import AbstractType
from sematic.types.artifact import Artifact, compose, encode, load, project, restore
from sematic.types.base import CompositeType, ValueType
from sematic.types.registry import flows, from_spec, of
from sematic.types.tests.helpers import DictStore, ids_elsewhere, round_trip, stored
from sematic.types.tests.same import same
from sematic.types.tests.strategies import values

SLOW = settings(deadline=None, suppress_health_check=list(HealthCheck), max_examples=300, derandomize=True)


@SLOW
@given(values())
def test_a_value_survives(typed: tuple[Any, Any]) -> None:
    annotation, value = typed
    assert same(round_trip(annotation, value), of(annotation).convert(value))


@SLOW
@given(values())
def test_conversion_is_idempotent_and_leaves_its_own_values_alone(typed: tuple[Any, Any]) -> None:
    annotation, value = typed
    kind = of(annotation)
    converted = kind.convert(value)
    assert kind.convert(converted) is converted


@SLOW
@given(values())
def test_elements_compose_to_the_whole(typed: tuple[Any, Any]) -> None:
    annotation, value = typed
    kind, store = of(annotation), DictStore()
    value = kind.convert(value)
    for fresh in (True, False):
        assert composed(kind, value, store, fresh).id == encode(kind, value, store).id


def composed(kind: ValueType, value: Any, store: DictStore, fresh: bool) -> Artifact:
    """The artifact made from those of the innermost elements; not `fresh`: as they come from a ledger."""
    try:
        assert isinstance(kind, CompositeType)
        shape, elements = kind.split(value)
    except (AssertionError, ConversionError):  # nothing that has elements
        made = encode(kind, value, store)
    else:
        shape = json.loads(json.dumps(shape))
        made = compose(kind, shape, [composed(type, item, store, fresh) for _, type, item in elements], store)
    return made if fresh else reopened(made, store)


def reopened(artifact: Artifact, store: DictStore) -> Artifact:
    blob = artifact.blob
    payload = store.read(blob.digest, blob.size) if blob.data is None else bytes(blob.data)
    store.blobs[blob.digest] = bytes(payload)
    kept = bytes(payload) if blob.size <= 4096 else None
    return restore(artifact.spec, artifact.codec, blob.digest, blob.size, kept, None)


@SLOW
@given(values(), st.booleans())
def test_projection_gives_the_element_as_it_would_be_alone(typed: tuple[Any, Any], fresh: bool) -> None:
    annotation, value = typed
    kind, store = of(annotation), DictStore()
    value = kind.convert(value)
    if not isinstance(kind, CompositeType) or kind.members or isinstance(kind, AbstractType):
        return
    whole = encode(kind, value, store) if fresh else stored(annotation, value, store)
    for key, element in _elements(value):
        part = project(whole, key, store)
        alone = encode(part.type, element, store)
        assert part.id == alone.id
        assert same(load(part, store), load(alone, store))


def _elements(value: Any) -> list[tuple[Any, Any]]:
    if isinstance(value, dict):
        return list(value.items())
    if isinstance(value, (list, tuple, deque)):
        return list(enumerate(value))
    fields = getattr(value, "__attrs_attrs__", None) or getattr(type(value), "__pydantic_fields__", None)
    if fields is not None:
        names = [getattr(each, "name", each) for each in fields]
        return [(name, getattr(value, name)) for name in names]
    return [(name, getattr(value, name)) for name in value.__dataclass_fields__ if hasattr(value, name)]


@SLOW
@given(values())
def test_a_summary_that_is_made_later_is_the_same(typed: tuple[Any, Any]) -> None:
    annotation, value = typed
    kind = of(annotation)
    value = kind.convert(value)
    summary = encode(kind, value, DictStore()).summary
    assert _unordered(summary) == _unordered(kind.summarise(value))


def _unordered(summary: Any) -> Any:
    """Without the order of elements, which sets do not have."""
    if isinstance(summary, dict):
        return {key: _unordered(each) for key, each in summary.items()}
    return sorted(map(json.dumps, map(_unordered, summary))) if isinstance(summary, list) else summary


@SLOW
@given(values())
def test_specs_make_equal_types(typed: tuple[Any, Any]) -> None:
    kind = of(typed[0])
    again = from_spec(json.loads(json.dumps(kind.spec)))
    assert again == kind
    assert hash(again) == hash(kind)
    assert again.name == kind.name
    assert flows(kind, again)
    assert flows(kind, of(object))


@SLOW
@given(values(), st.data())
def test_damaged_payloads_never_crash(typed: tuple[Any, Any], data: st.DataObject) -> None:
    annotation, value = typed
    store = DictStore()
    artifact = stored(annotation, value, store)
    payload = bytes(artifact.blob.data or b"")
    cut = data.draw(st.integers(0, max(0, len(payload) - 1)))
    start = payload[:cut]
    damaged = data.draw(
        st.sampled_from([start, start + b"\0" + payload[cut + 1 :], payload + b"]", b"", b"{}", b"[[]]"])
    )
    digest = hashlib.sha256(damaged).hexdigest()
    tampered = restore(artifact.spec, artifact.codec, digest, len(damaged), damaged, None)
    try:
        result = load(tampered, store)
    except ArtifactError:
        return
    assert of(annotation).convert(result) is not None or result is None


@settings(SLOW, max_examples=1, phases=[Phase.generate])
@given(st.lists(values(), min_size=200, max_size=200))
def test_another_process_reads_and_writes_the_same(sample: list[tuple[Any, Any]]) -> None:
    store = DictStore()
    artifacts = [stored(annotation, value, store) for annotation, value in sample]
    assert ids_elsewhere(artifacts, store) == [each.id for each in artifacts]
