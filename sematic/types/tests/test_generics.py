"""Annotations that are not what they stand for: type variables, aliases, forward references."""

from __future__ import annotations

import json
import subprocess
import sys
import typing
from pathlib import Path
from typing import Any

import numpy
import pytest
from numpy.typing import NDArray

from sematic.errors import ArtifactError, ConversionError, DefinitionError, EncodingError
from sematic.types import hints
from sematic.types.artifact import MemoryStore, encode
from sematic.types.base import CompositeType
from sematic.types.registry import flows, from_spec, of
from sematic.types.tests import samples_generic as samples
from sematic.types.tests.helpers import DictStore, loaded, round_trip, stored
from sematic.types.tests.same import same
from sematic.types.tests.samples_generic import Box, Document, IntBox, Link, ListBox, NamedBox, Pair, TwoBoxes

HERE = "sematic.types.tests.samples_generic"


def function(returns: Any) -> Any:
    """The annotation as a function of the module of samples has it."""

    def body() -> None: ...

    body.__annotations__ = {"return": returns}
    body.__module__ = HERE
    body.__globals__.update({name: value for name, value in vars(samples).items() if name not in globals()})
    return hints.of_function(body)["return"]


@pytest.mark.parametrize(
    ("annotation", "value"),
    [
        (Box[int], Box(1)),
        (Box[list[str]], Box(["a"])),
        (Box[Box[int]], Box(Box(1))),
        (Box[int], IntBox(1, "a")),
        (Box[int], NamedBox(1, "a", [2])),
        (NamedBox[str], NamedBox("x", "a", ["b"])),
        (ListBox[int], ListBox([1])),
        (TwoBoxes[str, int], TwoBoxes(Box("a"), Box(2), {"b": [1]})),
        (Link[int], Link(1, Link(2, Link(3)))),
        (Pair[int], Pair(1, [2])),
        (list[Box[int] | Box[str]], [Box(1), Box("a")]),
    ],
)
def test_a_generic_class_is_checked_with_its_arguments(annotation: Any, value: Any) -> None:
    assert same(round_trip(annotation, value), value)


@pytest.mark.parametrize(
    ("annotation", "value", "message"),
    [
        (Box[int], Box("a"), ".content: expected int, got str 'a'"),
        (Box[Box[int]], Box(Box("a")), ".content.content: expected int"),
        (Box[str], IntBox(1), "expected Box[str], got its subclass IntBox, which is none of it"),
        (Box[int], NamedBox(1, "a", ["b"]), ".more[0]: expected int"),
        (Box[int], ListBox([1]), "expected Box[int], got its subclass ListBox (what ~T stands for does not follow"),
        (TwoBoxes[str, int], TwoBoxes(Box("a"), Box("b"), {}), ".right.content: expected int"),
        (Link[int], Link(1, Link("a")), ".next.value: expected int"),
        (Pair[int], Pair(1, ["a"]), ".right[0]: expected int"),
    ],
)
def test_and_refuses_with_a_path(annotation: Any, value: Any, message: str) -> None:
    with pytest.raises(ConversionError) as caught:
        of(annotation).convert(value)
    assert str(caught.value).startswith(message)


def test_the_dtype_of_an_array_may_be_a_parameter() -> None:
    value = samples.Grid(numpy.ones(3, "f4"))
    assert same(round_trip(samples.Grid[numpy.float32], value), value)
    assert of(samples.Grid[numpy.float32]).field("cells") == of(NDArray[numpy.float32])
    with pytest.raises(ConversionError, match=r"^.cells: expected NDArray\[float64\]"):
        of(samples.Grid[numpy.float64]).convert(value)


def test_specs_of_generic_classes_hold_their_arguments() -> None:
    kind = of(Box[list[int]])
    assert kind.spec == ["dataclass", f"{HERE}:Box", ["list", ["int"]]]
    assert kind.name == "Box[list[int]]"
    assert from_spec(json.loads(json.dumps(kind.spec))) is kind
    assert of(Box[typing.Annotated[int, "x"]]) is of(Box[int])
    with pytest.raises(ArtifactError, match=r"is not known here"):
        from_spec(["dataclass", f"{HERE}:Person", ["int"]])


def test_generic_classes_flow_by_their_arguments() -> None:
    assert flows(of(Box[int]), of(Box[float]))
    assert not flows(of(Box[float]), of(Box[int]))
    assert flows(of(IntBox), of(Box[int]))
    assert not flows(of(IntBox), of(Box[str]))
    assert flows(of(NamedBox[int]), of(Box[int]))
    assert not flows(of(Box[int]), of(NamedBox[int]))
    assert flows(of(ListBox[int]), of(Box[list[int]]))


def test_values_are_converted_to_the_arguments() -> None:
    assert repr(of(Box[float]).convert(Box(1))) == "Box(content=1.0)"
    assert repr(of(Pair[float]).convert(Pair(1, [2]))) == "Pair(left=1.0, right=[2.0])"


def test_fields_of_generic_futures() -> None:
    assert of(Box[int]).field("content") is of(int)
    assert of(NamedBox[str]).field("more") == of(list[str])
    assert of(IntBox).field("content") is of(int)
    assert of(Pair[int]).item(1) == of(list[int])


@pytest.mark.parametrize(
    ("annotation", "message"),
    [
        (Box, r"Box.content: ~T is not supported: it stands for no concrete type"),
        (Box[typing.Any], r"Any is not supported: use object"),
        (samples.Endless[int], r"it refers to itself without end"),
        (samples.Row[int, str], r"Row is not supported: how many types it takes varies"),
        (samples.Bare, r"Bare.size: Final is not supported: write Final\[int\]"),
        (samples.Itself, r"Self is not supported: write the class itself"),
    ],
)
def test_what_cannot_be_supported(annotation: Any, message: str) -> None:
    for _ in range(2):
        with pytest.raises(DefinitionError, match=message):
            of(annotation)


def test_only_fields_count() -> None:
    assert list(of(samples.Constants).fields) == ["size"]  # type: ignore[attr-defined]
    assert round_trip(samples.Constants, samples.Constants(3)) == samples.Constants(3)


def test_classes_that_refer_to_each_other() -> None:
    value = samples.Ping(samples.Pong(samples.Ping()))
    assert round_trip(samples.Ping, value) == value
    with pytest.raises(ConversionError, match=r"^.pong.ping: expected Ping"):
        of(samples.Ping).convert(samples.Ping(samples.Pong(3)))  # type: ignore[arg-type]


JSON = [1, {"a": [None, True, 2.5, "x", {"b": []}]}, [[[]]]]


@pytest.mark.parametrize("written", ["Json", samples.Json])
def test_a_union_that_refers_to_itself(written: Any) -> None:
    annotation = function(written)
    assert same(round_trip(annotation, JSON), JSON)
    assert round_trip(annotation, "x" * 9000) == "x" * 9000
    with pytest.raises(ConversionError, match=r"^\[1\]\['a'\]\[1\]: expected"):
        of(annotation).convert([1, {"a": [None, b"bytes"]}])


def test_types_that_refer_to_themselves_go_by_their_name() -> None:
    document = Document(JSON, [[], [[]]])  # type: ignore[arg-type]
    assert same(round_trip(Document, document), document)
    nest = of(Document).field("nest")
    assert nest.spec == ["list", ["alias", f"{HERE}:Nest"]]
    inner = nest.item(0)
    assert inner.name == "Nest"
    assert from_spec(inner.spec) is inner
    assert flows(inner, nest)
    assert flows(nest, inner)
    assert inner.item(0) is inner
    with pytest.raises(ConversionError, match=r"^.nest\[0\]\[0\]: expected list\[Nest\], got int 3"):
        of(Document).convert(Document(None, [[3]]))  # type: ignore[list-item]


def test_a_value_that_contains_itself_is_refused() -> None:
    circle: list[Any] = []
    circle.append(circle)
    with pytest.raises(EncodingError, match="contains itself"):
        encode(of(Document).field("nest"), circle, MemoryStore())


def test_aliases() -> None:
    assert of(samples.Ints) == of(list[int])
    assert of(samples.Both[int]) == of(tuple[int, list[int]])
    assert of(list[samples.Both[str]]) == of(list[tuple[str, list[str]]])
    assert of(samples.Forest) == of(samples.Node | list[int])
    assert of(samples.Node).field("below") == of(samples.Node | list[int] | None)


def test_aliases_that_refer_to_themselves() -> None:
    value = [1, {"a": samples.Node([1], [2, [3]])}]
    assert same(round_trip(samples.NewJson, value), value)
    assert of(samples.NewJson).spec == ["alias", f"{HERE}:NewJson"]
    even = [(1, [(2, None)])]
    assert same(round_trip(samples.Even, even), even)
    assert same(round_trip(samples.Uneven, even[0]), even[0])
    kind = of(samples.NewJson)
    assert isinstance(kind, CompositeType)
    assert flows(of(list[int]), kind)
    assert flows(kind, of(int | list[samples.NewJson] | dict[str, samples.Node]))
    assert not flows(of(list[str]), kind)


def test_aliases_with_parameters_that_refer_to_themselves() -> None:
    kind = of(samples.Tree2[int])
    assert same(round_trip(samples.Tree2[int], [1, [2, [3]]]), [1, [2, [3]]])
    assert kind.spec == ["alias", f"{HERE}:Tree2", ["int"]]
    assert from_spec(json.loads(json.dumps(kind.spec))) is kind
    assert kind.name == "Tree2[int]"
    assert flows(kind, of(samples.Tree2[float]))
    assert not flows(of(samples.Tree2[float]), kind)
    with pytest.raises(ConversionError, match=r"\[1\]\[0\]: expected int"):
        kind.convert([1, ["a"]])
    with pytest.raises(DefinitionError, match="Growing is not supported: it refers to itself without end"):
        of(samples.Growing[int])


def test_what_does_not_depend_on_what_was_seen_first() -> None:
    root = str(Path(samples.__file__).parents[3])
    program = (
        f"import sys; sys.path[:0] = {[root, *sys.path]!r}\n"
        "from sematic.types.registry import of; import sematic.types.tests.samples_generic as s\n"
        "for name in sys.argv[1:]: of(getattr(s, name))\n"
        "print([of(s.Node).spec, of(s.Node).fields['below'].spec, of(s.Node).fields['extra'].spec, of(s.Forest).spec])"
    )
    orders = (["Node", "Forest", "NewJson"], ["NewJson", "Forest", "Node"], ["Forest", "NewJson", "Node"])
    printed = {subprocess.check_output([sys.executable, "-c", program, *order], text=True) for order in orders}
    assert len(printed) == 1


def test_an_alias_of_nothing_but_itself() -> None:
    with pytest.raises(DefinitionError, match=r"Loop is not supported: .*put a container between"):
        of(function("Loop"))


def test_forward_references_in_expressions() -> None:
    with pytest.raises(DefinitionError, match="give the whole of it a name of its own"):
        of(hints.Alias(HERE, "Json | None"))
    with pytest.raises(NameError, match="'Missing' is not defined yet"):
        of(hints.Alias(HERE, "Missing"))


def test_parts_of_a_value_of_an_alias() -> None:
    store = DictStore()
    long = ["x" * 5000]
    artifact = stored(function("Json"), {"a": long, "b": long}, store)
    assert len(artifact.children or json.loads(store.blobs[artifact.blob.digest].split(b"\n")[0])["children"]) == 1


def test_corrupt_values_of_an_alias() -> None:
    for payload in (b'{"a":1}', b"[9,1]", b"[2,[9,1]]", b"null"):
        with pytest.raises(ArtifactError):
            loaded(samples.NewJson, payload)
