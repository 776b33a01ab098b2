"""Values that raise, lie, change or never end: an error, never a crash or a wrong value."""

from __future__ import annotations

import collections.abc as abc
import math
import sys
import threading
from collections import Counter, OrderedDict, defaultdict, deque
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from sematic.errors import ArtifactError, ConversionError, EncodingError
from sematic.types.artifact import MemoryStore, converted, encode, load
from sematic.types.base import describe
from sematic.types.registry import of
from sematic.types.tests import samples, samples_attrs, samples_custom, samples_generic, samples_pydantic
from sematic.types.tests.helpers import DictStore, round_trip, stored
from sematic.types.tests.same import same

ANNOTATIONS = [
    *(
        datetime,
        timedelta,
        Path,
        bool,
        int,
        float,
        complex,
        str,
        bytes,
        bytearray,
        type(None),
        Decimal,
        UUID,
        range,
        slice,
    ),
    *(list[int], tuple[int, ...], tuple[int, str], set[int], frozenset[int], dict[str, int], deque[int]),
    *(OrderedDict[str, int], Counter[str], defaultdict[str, int], abc.Sequence[int], abc.Mapping[str, int]),
    *(samples.Point, samples.Pair, samples.Color, samples_generic.Box[int], samples_generic.Movie, type[samples.Base]),
    *(samples_generic.Shape, samples_generic.NewJson, samples_attrs.Plain, samples_pydantic.Plain),
    *(samples_custom.Molecule, int | str, int | list[int] | None),
]


class Liar:
    """It says that it is whatever it is asked for."""

    @property
    def __class__(self) -> Any:  # type: ignore[override]
        return self._cls

    def __init__(self, cls: Any) -> None:
        self._cls = cls

    def __getattr__(self, name: str) -> Any:
        raise RuntimeError("no attributes")


class Impostor(list[int]):
    """A list whose methods lie."""

    def __len__(self) -> int:
        return 10**9

    def __iter__(self) -> Iterator[int]:
        return iter("lie")  # type: ignore[arg-type]

    def __getitem__(self, key: Any) -> Any:
        return "lie"


class ImpostorDeque(deque[int]):
    def __iter__(self) -> Iterator[int]:
        return iter("lie")  # type: ignore[arg-type]

    def __len__(self) -> int:
        raise RuntimeError("no")


@pytest.mark.parametrize("annotation", ANNOTATIONS, ids=str)
def test_what_raises_is_refused(annotation: Any) -> None:
    kind = of(annotation)
    for value in (samples.Hostile(), samples.Hostile, Liar(kind.python or int), Liar(int), Liar(list), object(), ...):
        with pytest.raises(ConversionError) as caught:
            kind.convert(value)
        assert "expected" in str(caught.value)


@pytest.mark.parametrize("annotation", ANNOTATIONS, ids=str)
def test_what_never_ends_is_refused_unread(annotation: Any) -> None:
    read = []
    for value in ((read.append(index) for index in range(10**9)), iter(int, 1), map(read.append, iter(int, 1))):
        with pytest.raises(ConversionError, match="expected"):
            of(annotation).convert(value)
    assert read == []


def test_subclasses_of_containers_cannot_lie() -> None:
    assert of(list[int]).convert(Impostor([1, 2])) == [1, 2]
    assert of(abc.Sequence[int]).convert(Impostor([1])) == [1]
    assert same(of(deque[int]).convert(ImpostorDeque([1, 2])), deque([1, 2]))


NUMBERS = [math.nan, math.inf, -math.inf, -0.0, 0.0, 5e-324, sys.float_info.max, sys.float_info.min]
TEXTS = ["", "\0", "\ud800", "\udc00\ud800", "\ud83d\ude00", "\u2028", '"\\', "\x7f\x80", "e\u0301", "$", "NaN"]


@pytest.mark.parametrize("value", [*NUMBERS, *TEXTS], ids=ascii)
def test_odd_numbers_and_texts_survive_everywhere(value: Any) -> None:
    kind: Any = type(value)
    box = samples_generic.Box(value)
    assert same(round_trip(kind, value), value)
    assert same(round_trip(samples_generic.Box[kind], box).content, value)
    assert same(round_trip(deque[kind], deque([value]))[0], value)
    assert same(round_trip(abc.Mapping[str, kind], {"a": value})["a"], value)
    assert same(round_trip(kind | bytes | None, value), value)
    if value == value:
        assert same(list(round_trip(OrderedDict[kind, int], OrderedDict([(value, 1)]))), [value])


def test_circles() -> None:
    circle: Any = deque()
    circle.append(circle)
    box: Any = samples_generic.Box(None)
    box.content = [box]
    movie: Any = {"name": "a", "children": []}
    movie["children"].append(movie)
    link: Any = samples_attrs.Node(1)
    link.next = link
    for annotation, value in (
        (samples_generic.Tree, movie),
        (samples_attrs.Node, link),
        (samples_generic.NewJson, [[1]]),
    ):
        if value == [[1]]:
            value.append(value)
        with pytest.raises(ConversionError, match="contains itself or is nested too deeply"):
            converted(of(annotation), value, "argument")
        with pytest.raises(EncodingError, match="contains itself"):
            encode(of(annotation), value, MemoryStore())
    with pytest.raises(ConversionError):
        of(deque[int]).convert(circle)
    assert describe(circle).startswith("deque ")


def test_deep_values_are_an_error_and_not_a_crash() -> None:
    value: Any = []
    for _ in range(50_000):
        value = [value]
    with pytest.raises(EncodingError, match="nested too deeply"):
        encode(of(samples_generic.NewJson), value, MemoryStore())


def changing(change: Callable[[int], None], attempt: Callable[[], None]) -> None:
    """Make many attempts while another thread changes the value."""
    done = threading.Event()
    started = threading.Event()

    def run() -> None:
        number = 0
        while not done.is_set():
            change(number)
            number += 1
            started.set()

    thread = threading.Thread(target=run)
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        thread.start()
        started.wait()
        for _ in range(200):
            attempt()
    finally:
        done.set()
        thread.join()
        sys.setswitchinterval(interval)


def _grow(values: Any) -> Callable[[int], None]:
    def change(number: int) -> None:
        key = number % 50
        if isinstance(values, dict):
            values[str(key)] = samples.Point(number)
            values.pop(str((number + 7) % 50), None)
        elif isinstance(values, set):
            values.add(key)
            values.discard((number + 7) % 50)
        elif len(values) > 50:
            values.pop()
        else:
            values.append(samples.Point(number))

    return change


@pytest.mark.parametrize(
    ("annotation", "value"),
    [
        (list[samples.Point], []),
        (deque[samples.Point], deque()),
        (dict[str, samples.Point], {}),
        (OrderedDict[str, samples.Point], OrderedDict()),
        (set[int], set()),
        (abc.Mapping[str, samples.Point], {}),
    ],
    ids=str,
)
def test_a_value_that_another_thread_changes(annotation: Any, value: Any) -> None:
    kind = of(annotation)

    def attempt() -> None:
        store = MemoryStore()
        try:
            artifact = encode(kind, converted(kind, value, "argument"), store)
        except (ConversionError, EncodingError):
            return
        kind.convert(load(artifact, store))

    changing(_grow(value), attempt)


def test_a_field_of_another_type_since_it_was_checked() -> None:
    kind = of(samples_generic.Box[int])
    box = kind.convert(samples_generic.Box(1))
    box.content = "text"
    with pytest.raises(EncodingError, match=r"this Box\[int\] was changed while it was being stored \(TypeError"):
        encode(kind, box, MemoryStore())


def test_a_list_with_another_element_since_it_was_checked_is_never_read_as_one() -> None:
    store = DictStore()
    kind = of(list[float])
    values = kind.convert([1.5, 2.5])
    values[0] = "text"
    artifact = encode(kind, values, store)
    blob = artifact.blob
    from sematic.types.artifact import restore

    again = restore(artifact.spec, artifact.codec, blob.digest, blob.size, store.blobs[blob.digest], None)
    with pytest.raises(ArtifactError, match="no recorded float"):
        load(again, store)


def test_a_library_that_is_missing_when_a_value_is_read() -> None:
    artifact = stored(samples_attrs.Plain, samples_attrs.Plain(1), DictStore())
    spec = ["attrs", "no_such_library.module:Plain"]
    from sematic.types.artifact import restore

    blob = artifact.blob
    gone = restore(spec, artifact.codec, blob.digest, blob.size, blob.data, None)  # type: ignore[arg-type]
    with pytest.raises(ArtifactError, match=r"is needed to read this value, but cannot be imported \(ModuleNotFound"):
        load(gone, DictStore())
