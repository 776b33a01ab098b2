from __future__ import annotations

import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sematic.types import sections
from sematic.types.sections import Section, checked, plain


def joined(facts: dict[str, object], parts: list[Section]) -> bytes:
    return b"".join(sections.write(facts, parts))


@given(st.dictionaries(st.text(), st.integers() | st.text()), st.lists(st.tuples(st.binary(), st.booleans())))
def test_what_is_written_is_read(facts: dict[str, object], parts: list[tuple[bytes, bool]]) -> None:
    facts.pop("sections", None)
    data = joined(facts, [(checked if check else plain)(part) for part, check in parts])
    found, read = sections.read(data)
    assert found == facts
    assert [bytes(part) for part in read] == [part for part, _ in parts]
    at = data.index(b"\n") + 1
    for part in read:
        at += -at % 64 + len(part)
    assert at == len(data)


@given(st.lists(st.tuples(st.binary(max_size=100), st.booleans()), max_size=3), st.data())
def test_what_is_cut_is_refused(parts: list[tuple[bytes, bool]], data: st.DataObject) -> None:
    whole = joined({"a": 1}, [(checked if check else plain)(part) for part, check in parts])
    cut = data.draw(st.integers(0, len(whole) - 1))
    for damaged in (whole[:cut], whole + b"\0"):
        with pytest.raises(ValueError):
            sections.read(damaged)


def test_a_changed_byte_of_what_is_checked_is_refused() -> None:
    whole = joined({}, [checked(b"abc")])
    with pytest.raises(ValueError, match="its section 0 is damaged"):
        sections.read(whole[:-1] + b"d")


@pytest.mark.parametrize(
    "header",
    [b"[]\n", b"{}\n", b'{"sections":1}\n', b'{"sections":[[-1,null]]}\n', b'{"sections":[["1",null]]}\n', b"{", b"\n"],
)
def test_malformed_headers_are_refused(header: bytes) -> None:
    with pytest.raises(ValueError):
        sections.read(header)


def test_large_sections_are_not_copied() -> None:
    large = bytearray(10_000_000)
    tracemalloc.start()
    pieces = list(sections.write({}, [checked(large), plain(large)]))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1_000_000
    assert sum(map(len, pieces)) > 20_000_000


def test_they_are_read_in_place() -> None:
    data = bytearray(joined({}, [plain(b"abc")]))
    _, (found,) = sections.read(data)
    found[0] = ord("x")
    assert data.endswith(b"xbc")
