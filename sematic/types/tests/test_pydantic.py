"""Models of pydantic."""

from __future__ import annotations

import json
from typing import Any

import pytest

from sematic.errors import ArtifactError, ConversionError, DefinitionError
from sematic.types.artifact import MemoryStore, encode, project
from sematic.types.registry import flows, from_spec, of
from sematic.types.tests import samples_pydantic as samples
from sematic.types.tests.helpers import DictStore, loaded, round_trip, stored
from sematic.types.tests.samples_pydantic import Box, Careful, Derived, IntBox, Node, Open, OpenInts, Owner, Plain


@pytest.mark.parametrize(
    "value",
    [
        Plain(x=1, names=["a"]),
        samples.Frozen(x=1),
        Derived(x=1, z="x" * 9000),
        Owner(pet={"kind": "dog", "name": "Rex"}, others=[samples.Cat(kind="cat", lives=9)]),
        Node(value=1, next=Node(value=2)),
        samples.First(second=samples.Second(first=samples.First())),
        IntBox(content=1),
        samples.Numbers([1, 2]),
        samples.Point(1),
        Open(x=1, more="a", items=[1, {"b": 2}]),
        OpenInts(x=1, more=2),
    ],
)
def test_round_trip(value: Any) -> None:
    result = round_trip(type(value), value)
    assert result == value
    assert type(result) is type(value)
    assert of(type(value)).codec == "json"


def test_a_subclass_is_kept() -> None:
    assert round_trip(Plain, Derived(x=1)) == Derived(x=1)
    assert round_trip(list[Plain], [Derived(x=1), Plain(x=2)]) == [Derived(x=1), Plain(x=2)]
    assert type(round_trip(samples.BaseModel, Plain(x=1))) is Plain


def test_no_validator_runs_again() -> None:
    value = Careful.model_validate({"count": 3, "the-name": "a"})
    samples.runs.clear()
    result = round_trip(Careful, value)
    assert (result, result.count, result.name) == (value, 30, "a")
    assert samples.runs == []


def test_which_fields_were_given_is_kept() -> None:
    result = round_trip(Plain, Plain(x=1))
    assert result.model_fields_set == {"x"}
    assert result.model_dump(exclude_unset=True) == {"x": 1}
    result.names.append("its own")
    assert Plain(x=1).names == []


def test_private_attributes() -> None:
    value = samples.Private(x=1)
    value._kept.append(3)
    value._lost = open  # something that only this process has
    result = round_trip(samples.Private, value)
    assert (result._kept, result._lost, result._untyped) == ([3], None, 7)


def test_a_frozen_model_can_be_hashed_and_a_rebuilt_one_changed() -> None:
    assert hash(round_trip(samples.Frozen, samples.Frozen(x=1))) == hash(samples.Frozen(x=1))
    result = round_trip(Plain, Plain(x=1))
    result.x = 5
    assert result.model_copy(deep=True) == result
    assert result.model_dump_json() == '{"x":5,"y":0.5,"names":[]}'


@pytest.mark.parametrize(
    ("annotation", "value", "message"),
    [
        (Plain, Plain.model_construct(x="3"), ".x: expected int, got str '3'"),
        (Plain, Derived.model_construct(x=1, z=2), ".z: expected str, got int 2"),
        (Plain, Plain.model_construct(y=1.0), ".x: expected Plain, got Plain"),
        (Plain, {"x": 1}, "expected Plain, got dict"),
        (Plain, Node(value=1), "expected Plain, got Node"),
        (OpenInts, OpenInts.model_construct(x=1, more="a"), ".__pydantic_extra__['more']: expected int"),
    ],
)
def test_refuses_with_a_path(annotation: Any, value: Any, message: str) -> None:
    with pytest.raises(ConversionError) as caught:
        of(annotation).convert(value)
    assert str(caught.value).startswith(message)


def test_conversion_makes_a_new_model_only_when_a_field_changes() -> None:
    value = Plain(x=1)
    assert of(Plain).convert(value) is value
    given = Plain.model_construct(x=True, y=2)
    converted = of(Plain).convert(given)
    assert (type(converted.x), type(converted.y), type(given.x)) == (int, float, bool)


def test_types() -> None:
    assert of(Plain).spec == ["pydantic", "sematic.types.tests.samples_pydantic:Plain"]
    assert from_spec(json.loads(json.dumps(of(IntBox).spec))) is of(IntBox)
    assert flows(of(Derived), of(Plain))
    assert not flows(of(Plain), of(Derived))
    assert of(Owner).field("pet") == of(samples.Cat | samples.Dog)
    store = DictStore()
    assert project(stored(Plain, Plain(x=1), store), "x", store).id == encode(of(int), 1, MemoryStore()).id
    assert of(samples.Point).spec[0] == "dataclass"


def test_summaries_show_fields_only() -> None:
    artifact = encode(of(Plain), Plain(x=1), MemoryStore())
    fields = {"x": 1, "y": 0.5, "names": {"length": 0, "elements": []}}
    assert artifact.summary == {"class": "sematic.types.tests.samples_pydantic:Plain", "fields": fields}


def test_what_cannot_be_supported() -> None:
    with pytest.raises(DefinitionError, match=r"Box\[int\] is not supported: .*write class BoxOf"):
        of(Box[int])
    with pytest.raises(DefinitionError, match=r"Box.content: ~T is not supported"):
        of(Box)
    with pytest.raises(DefinitionError, match=r"Bad.anything: Any is not supported"):
        of(samples.Bad)


def test_recorded_values() -> None:
    some = b'"__pydantic_fields_set__":["x"]'
    assert loaded(Plain, b'{"x":1,%s}' % some) == Plain(x=1)
    for payload in (b"{}", b'{"x":1}', b'{"x":"a",%s}' % some, b'{"x":1,"q":1,%s}' % some, b"[]"):
        with pytest.raises(ArtifactError):
            loaded(Plain, payload)
