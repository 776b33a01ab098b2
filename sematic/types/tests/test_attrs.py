"""Classes of attrs."""

from __future__ import annotations

import json
from typing import Any

import pytest

from sematic.errors import ArtifactError, ConversionError, DefinitionError
from sematic.types.artifact import MemoryStore, encode, project
from sematic.types.registry import flows, from_spec, of
from sematic.types.tests import samples_attrs as samples
from sematic.types.tests.helpers import DictStore, loaded, round_trip, stored
from sematic.types.tests.samples_attrs import Box, Careful, Derived, Frozen, Hashed, HashedDict, Node, Old, Plain


@pytest.mark.parametrize(
    ("annotation", "value"),
    [
        (Plain, Plain(1, names=["a"])),
        (Frozen, Frozen(1)),
        (Plain, Derived(1, z="x" * 9000)),
        (Old, Old(1, [Plain(2)])),
        (Node, Node(1, Node(2))),
        (Box[int], Box(1)),
        (samples.SelfMade, samples.SelfMade(1)),
        (dict[Frozen, list[Frozen]], {Frozen(1): [Frozen(2)]}),
    ],
)
def test_round_trip(annotation: Any, value: Any) -> None:
    result = round_trip(annotation, value)
    assert result == value
    assert type(result) is type(value)
    assert of(annotation).codec == "json"


def test_nothing_of_a_class_runs_again() -> None:
    value = Careful("3", hidden="x")  # type: ignore[arg-type]
    samples.runs.clear()
    result = round_trip(Careful, value)
    assert (result, result.count, result._hidden, result.late) == (value, 30, "x", 31)
    assert samples.runs == []


@pytest.mark.parametrize("cls", [Hashed, HashedDict])
def test_a_kept_hash_is_made_anew(cls: Any) -> None:
    value = cls(1)
    hash(value)
    result = round_trip(cls, value)
    assert result == value
    assert hash(result) == hash(value)


@pytest.mark.parametrize(
    ("annotation", "value", "message"),
    [
        (Plain, Plain("a"), ".x: expected int, got str 'a'"),  # type: ignore[arg-type]
        (Plain, Derived(1, z=2), ".z: expected str, got int 2"),  # type: ignore[arg-type]
        (Old, Old(1, [Plain(2, "y")]), ".b[0].y: expected float, got str 'y'"),  # type: ignore[arg-type]
        (Plain, {"x": 1}, "expected Plain, got dict"),
        (Box[int], Box("a"), ".content: expected int"),
        (samples.Unset, samples.Unset(), ".value: expected Unset, got Unset"),
    ],
)
def test_refuses_with_a_path(annotation: Any, value: Any, message: str) -> None:
    with pytest.raises(ConversionError) as caught:
        of(annotation).convert(value)
    assert str(caught.value).startswith(message)


def test_conversion() -> None:
    assert of(Plain).convert(Plain(True, 2)) == Plain(1, 2.0)
    assert type(of(Frozen).convert(Frozen(True)).x) is int


def test_types() -> None:
    assert of(Plain).spec == ["attrs", "sematic.types.tests.samples_attrs:Plain"]
    assert from_spec(json.loads(json.dumps(of(Box[int]).spec))) is of(Box[int])
    assert flows(of(Derived), of(Plain))
    assert not flows(of(Plain), of(Derived))
    assert of(Plain).field("names") == of(list[str])
    store = DictStore()
    assert project(stored(Plain, Plain(1), store), "x", store).id == encode(of(int), 1, MemoryStore()).id


def test_what_cannot_be_supported() -> None:
    with pytest.raises(DefinitionError, match=r"Untyped is not supported: its field a has no type; write a: int"):
        of(samples.Untyped)
    with pytest.raises(DefinitionError, match=r"Box.content: ~T is not supported"):
        of(Box)
    with pytest.raises(DefinitionError, match=r"Mixed is not supported: it is of attrs and a dataclass"):
        of(samples.Mixed)
    assert of(samples.Problem).codec == "pickle"


def test_recorded_values() -> None:
    assert loaded(Plain, b'{"x":1}') == Plain(1)
    for payload in (b"{}", b'{"x":"a"}', b'{"x":1,"q":1}', b"[]"):
        with pytest.raises(ArtifactError):
            loaded(Plain, payload)
    with pytest.raises(ArtifactError, match="which has no default"):
        loaded(samples.SelfMade, b'{"a":1}')
